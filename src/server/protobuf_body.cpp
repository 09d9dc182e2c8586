#include "server/protobuf_body.h"

#include <map>
#include <optional>

#include "base/text.h"
#include "base/time.h"

namespace server {
namespace {

using base::Error;
using base::Json;
using base::Result;

// Field numbers of the messages, from the .proto files that Kubernetes publishes. One line per message:
// NAME NUMBER FIELD TYPE ..., continued on indented lines. Types: s string, left out when empty; p string, kept; i
// integer, left out when 0; n integer, kept; b boolean; y bytes, base64 in JSON; t Time; u MicroTime; j JSON text
// (FieldsV1); else a message. [] before a type is a list, {} a map with string keys. What is "kept" is a pointer in Go:
// presence means something there.
constexpr std::string_view messages_text = R"(
TypeMeta 1 apiVersion s 2 kind s
ObjectMeta 1 name s 2 generateName s 3 namespace s 4 selfLink s 5 uid s 6 resourceVersion s 7 generation i
  8 creationTimestamp t 9 deletionTimestamp t 10 deletionGracePeriodSeconds n 11 labels {}p 12 annotations {}p
  13 ownerReferences []OwnerReference 14 finalizers []p 17 managedFields []ManagedFieldsEntry
OwnerReference 1 kind s 3 name s 4 uid s 5 apiVersion s 6 controller b 7 blockOwnerDeletion b
ManagedFieldsEntry 1 manager s 2 operation s 3 apiVersion s 4 time t 6 fieldsType s 7 fieldsV1 j
  8 subresource s
LabelSelector 1 matchLabels {}p 2 matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement 1 key s 2 operator s 3 values []p
DeleteOptions 1 gracePeriodSeconds n 2 preconditions Preconditions 3 orphanDependents b 4 propagationPolicy s
  5 dryRun []p
Preconditions 1 uid s 2 resourceVersion s
ObjectReference 1 kind s 2 namespace s 3 name s 4 uid s 5 apiVersion s 6 resourceVersion s 7 fieldPath s
LocalObjectReference 1 name s
Namespace 1 metadata ObjectMeta 2 spec NamespaceSpec 3 status NamespaceStatus
NamespaceSpec 1 finalizers []p
NamespaceStatus 1 phase s 2 conditions []NamespaceCondition
NamespaceCondition 1 type s 2 status s 4 lastTransitionTime t 5 reason s 6 message s
Secret 1 metadata ObjectMeta 2 data {}y 3 type s 4 stringData {}p 5 immutable b
ConfigMap 1 metadata ObjectMeta 2 data {}p 3 binaryData {}y 4 immutable b
ServiceAccount 1 metadata ObjectMeta 2 secrets []ObjectReference 3 imagePullSecrets []LocalObjectReference
  4 automountServiceAccountToken b
Event 1 metadata ObjectMeta 2 involvedObject ObjectReference 3 reason s 4 message s 5 source EventSource
  6 firstTimestamp t 7 lastTimestamp t 8 count i 9 type s 10 eventTime u 11 series EventSeries 12 action s
  13 related ObjectReference 14 reportingComponent s 15 reportingInstance s
EventSource 1 component s 2 host s
EventSeries 1 count i 2 lastObservedTime u
Lease 1 metadata ObjectMeta 2 spec LeaseSpec
LeaseSpec 1 holderIdentity p 2 leaseDurationSeconds n 3 acquireTime u 4 renewTime u 5 leaseTransitions n
  6 strategy p 7 preferredHolder p
Role 1 metadata ObjectMeta 2 rules []PolicyRule
ClusterRole 1 metadata ObjectMeta 2 rules []PolicyRule 3 aggregationRule AggregationRule
AggregationRule 1 clusterRoleSelectors []LabelSelector
PolicyRule 1 verbs []p 2 apiGroups []p 3 resources []p 4 resourceNames []p 5 nonResourceURLs []p
RoleBinding 1 metadata ObjectMeta 2 subjects []Subject 3 roleRef RoleRef
ClusterRoleBinding 1 metadata ObjectMeta 2 subjects []Subject 3 roleRef RoleRef
Subject 1 kind s 2 apiGroup s 3 name s 4 namespace s
RoleRef 1 apiGroup s 2 kind s 3 name s
Eviction 1 metadata ObjectMeta 2 deleteOptions DeleteOptions
SelfSubjectAccessReview 1 metadata ObjectMeta 2 spec SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec 1 resourceAttributes ResourceAttributes
  2 nonResourceAttributes NonResourceAttributes
ResourceAttributes 1 namespace s 2 verb s 3 group s 4 version s 5 resource s 6 subresource s 7 name s
NonResourceAttributes 1 path s 2 verb s
SelfSubjectReview 1 metadata ObjectMeta
SelfSubjectRulesReview 1 metadata ObjectMeta 2 spec SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec 1 namespace s
SubjectAccessReview 1 metadata ObjectMeta 2 spec SubjectAccessReviewSpec
LocalSubjectAccessReview 1 metadata ObjectMeta 2 spec SubjectAccessReviewSpec
SubjectAccessReviewSpec 1 resourceAttributes ResourceAttributes 2 nonResourceAttributes NonResourceAttributes
  3 user s 4 groups []p 6 uid s
TokenReview 1 metadata ObjectMeta 2 spec TokenReviewSpec
TokenReviewSpec 1 token s 2 audiences []p
TokenRequest 1 metadata ObjectMeta 2 spec TokenRequestSpec
TokenRequestSpec 1 audiences []p 3 boundObjectRef BoundObjectReference 4 expirationSeconds n
BoundObjectReference 1 kind s 2 apiVersion s 3 name s 4 uid s
)";

enum class Shape : unsigned char { one, list, map };
struct Field {
  std::string name, type;
  Shape shape = Shape::one;
};
using Message = std::map<uint64_t, Field>;

Field read_field(std::string_view name, std::string_view type) {
  Field field{std::string(name), {}, Shape::one};
  if (type.starts_with("[]")) field.shape = Shape::list;
  if (type.starts_with("{}")) field.shape = Shape::map;
  field.type = field.shape == Shape::one ? type : type.substr(2);
  return field;
}

const std::map<std::string, Message>& messages() {
  static const auto all = [] {
    std::map<std::string, Message> out;
    std::string name;
    for (const auto line : base::split(messages_text, '\n')) {
      const auto words = base::split(line, ' ');
      if (!words[0].empty()) name = words[0];
      for (size_t i = words[0].empty() ? 2 : 1; i + 2 < words.size(); i += 3) {
        out[name].emplace(*base::parse_uint(words[i]), read_field(words[i + 1], words[i + 2]));
      }
    }
    return out;
  }();
  return all;
}

Error malformed() { return {.code = base::Code::bad_request, .message = "the protobuf body is malformed"}; }

// One field on the wire: a number for varints, bytes for what has a length.
struct Wire {
  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
  bool has_bytes = false;
};

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  bool at_end() const { return rest_.empty(); }

  Result<Wire> next() {
    Wire out;
    const uint64_t tag = TRY(varint());
    out.number = tag >> 3U;
    switch (tag & 7U) {
      case 0:
        out.value = TRY(varint());
        return out;
      case 1:
        TRY(take(8));
        return out;
      case 2: {
        const uint64_t length = TRY(varint());
        out.bytes = TRY(take(length));
        out.has_bytes = true;
        return out;
      }
      case 5:
        TRY(take(4));
        return out;
      default:
        return malformed();
    }
  }

 private:
  Result<uint64_t> varint() {
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return malformed();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      out |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return out;
    }
    return malformed();
  }
  Result<std::string_view> take(uint64_t count) {
    if (count > rest_.size()) return malformed();
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }

  std::string_view rest_;
};

Result<Json> read_message(const Message& message, std::string_view bytes);

// {seconds, nanos}; null for the zero message, which stands for no time.
Result<Json> read_time(std::string_view bytes, bool micro) {
  uint64_t seconds = 0, nanos = 0;
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) seconds = wire.value;
    if (wire.number == 2) nanos = wire.value;
  }
  constexpr int64_t seconds_max = 8'000'000'000;  // what nanoseconds in 64 bits can hold, with room
  const auto signed_seconds = static_cast<int64_t>(seconds);
  if (signed_seconds < -seconds_max || signed_seconds > seconds_max || nanos > 999'999'999) return malformed();
  if (seconds == 0 && nanos == 0) return Json();
  const base::Time time{base::seconds(signed_seconds) + base::Duration(static_cast<int64_t>(nanos))};
  return Json(micro ? base::rfc3339_micro(time) : base::rfc3339(time));
}

// FieldsV1{Raw}.
Result<Json> read_raw_json(std::string_view bytes) {
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) return base::parse_json(wire.bytes);
  }
  return Json();
}

Result<Json> read_text(std::string_view bytes) {
  if (!base::valid_utf8(bytes)) return malformed();
  return Json(bytes);
}

// nullopt: nothing to set.
Result<std::optional<Json>> read_value(const std::string& type, const Wire& wire) {
  const bool number = type == "i" || type == "n" || type == "b";
  if (number == wire.has_bytes) return malformed();
  if (type == "b") return std::optional<Json>(wire.value != 0);
  if (number) {
    if (type == "i" && wire.value == 0) return std::optional<Json>();
    return std::optional<Json>(static_cast<int64_t>(wire.value));
  }
  if (type == "s" && wire.bytes.empty()) return std::optional<Json>();
  if (type == "s" || type == "p") return std::optional<Json>(TRY(read_text(wire.bytes)));
  if (type == "y") return std::optional<Json>(base::base64(wire.bytes));
  Json out;
  if (type == "t" || type == "u") {
    out = TRY(read_time(wire.bytes, type == "u"));
  } else if (type == "j") {
    out = TRY(read_raw_json(wire.bytes));
  } else {
    out = TRY(read_message(messages().at(type), wire.bytes));
  }
  if (out.is_null()) return std::optional<Json>();
  return std::optional<Json>(std::move(out));
}

Result<void> read_map_entry(const Field& field, std::string_view bytes, Json& into) {
  std::string key;
  Json value = "";
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) key = TRY(read_text(wire.bytes)).string();
    if (wire.number != 2) continue;
    auto read = TRY(read_value(field.type, wire));
    if (read) value = std::move(*read);
  }
  into.set(key, std::move(value));
  return {};
}

Result<Json> read_message(const Message& message, std::string_view bytes) {
  Json out = Json::object();
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    const auto found = message.find(wire.number);
    if (found == message.end()) continue;
    const Field& field = found->second;
    if (field.shape == Shape::map) {
      TRY(read_map_entry(field, wire.bytes, out.child(field.name)));
      continue;
    }
    auto value = TRY(read_value(field.type, wire));
    if (!value) continue;
    if (field.shape == Shape::list) {
      out.child(field.name).push(std::move(*value));
    } else if (!value->is_object() || !value->empty()) {
      out.set(field.name, std::move(*value));
    }
  }
  return out;
}

}  // namespace

Result<Json> parse_protobuf(std::string_view body) {
  constexpr std::string_view magic("k8s\0", 4);
  if (!body.starts_with(magic)) return malformed();
  Json type = Json::object();
  std::string_view raw;
  for (Reader reader(body.substr(magic.size())); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) type = TRY(read_message(messages().at("TypeMeta"), wire.bytes));
    if (wire.number == 2) raw = wire.bytes;
  }
  const auto message = messages().find(type["kind"].string());
  if (message == messages().end()) {
    return Error{.code = base::Code::unsupported,
                 .message = "objects of kind " + base::quoted(type["kind"].string()) +
                            " are not read in protobuf here - accepted media types include: application/json, "
                            "application/yaml"};
  }
  const Json content = TRY(read_message(message->second, raw));
  for (const auto& [name, value] : content.members()) type.set(name, value);
  return type;
}

}  // namespace server
