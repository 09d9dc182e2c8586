#include "server/protobuf_write.h"

#include "base/text.h"
#include "base/time.h"
#include "server/protobuf_messages.h"
#include "wire/protobuf.h"

namespace server {
namespace {

using base::Json;
using wire::ProtobufWriter;

ProtobufWriter message_of(const ProtobufMessage& message, const Json& doc);

ProtobufWriter time_of(const std::string& text) {
  ProtobufWriter out;
  const auto time = base::parse_rfc3339(text);
  if (!time) return out;
  const auto since = time->time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  out.integer(1, whole.count());
  const int64_t nanos = (since - whole).count();
  if (nanos != 0) out.integer(2, nanos);
  return out;
}

ProtobufWriter int_or_string(const Json& value) {
  ProtobufWriter out;
  out.integer(1, value.is_string() ? 1 : 0);
  out.integer(2, value.is_string() ? 0 : value.integer());
  out.text(3, value.is_string() ? value.string() : "");
  return out;
}

ProtobufWriter one_text(const std::string& text) {
  ProtobufWriter out;
  out.text(1, text);
  return out;
}

ProtobufWriter strings(const Json& list) {
  ProtobufWriter out;
  for (const auto& item : list.items()) out.text(1, item.string());
  return out;
}

// A schema or a boolean; a schema or a list of them.
ProtobufWriter schema_or(const ProtobufField& field, const Json& value) {
  ProtobufWriter out;
  if (field.type == 'h') {
    out.boolean(1, value.is_object() || value.boolean());
    if (value.is_object()) out.message(2, message_of(*field.message, value));
    return out;
  }
  if (value.is_object()) out.message(1, message_of(*field.message, value));
  for (const auto& one : value.items()) out.message(2, message_of(*field.message, one));
  return out;
}

void write_value(ProtobufWriter& out, int number, const ProtobufField& field, const Json& value) {
  switch (field.type) {
    case 's':
    case 'p':
      return out.text(number, value.string());
    case 'y':
      return out.text(number, base::unbase64(value.string()).value_or(""));
    case 'i':
    case 'n':
      return out.integer(number, value.integer());
    case 'o':
    case 'b':
      return out.boolean(number, value.boolean());
    case 'd':
      return out.real(number, value.number());
    case 't':
    case 'u':
      return out.message(number, time_of(value.string()));
    case 'q':
      return out.message(number, one_text(value.is_string() ? value.string() : value.dump()));
    case 'x':
      return out.message(number, int_or_string(value));
    case 'j':
      return out.message(number, one_text(value.dump()));
    case 'e':
      return out.message(number, strings(value));
    case 'h':
    case 'k':
      return out.message(number, schema_or(field, value));
    default:
      return out.message(number, message_of(*field.message, value));
  }
}

ProtobufWriter map_entry(const ProtobufField& field, const std::string& key, const Json& value) {
  ProtobufWriter out;
  out.text(1, key);
  write_value(out, 2, field, value);
  return out;
}

ProtobufWriter message_of(const ProtobufMessage& message, const Json& doc) {
  ProtobufWriter out;
  for (const auto& [wide, field] : message.fields) {
    const int number = static_cast<int>(wide);
    if (field.name == "-") {
      out.message(number, message_of(*field.message, doc));
      continue;
    }
    const Json& value = doc[field.name];
    if (value.is_null()) continue;
    if (field.shape == ProtobufField::Shape::list) {
      for (const auto& item : value.items()) write_value(out, number, field, item);
    } else if (field.shape == ProtobufField::Shape::map) {
      for (const auto& [key, item] : value.members()) out.message(number, map_entry(field, key, item));
    } else {
      write_value(out, number, field, value);
    }
  }
  return out;
}

std::string wrapped(const std::string& api_version, const std::string& kind, const ProtobufWriter& object) {
  ProtobufWriter type, unknown;
  type.text(1, api_version);
  type.text(2, kind);
  unknown.message(1, type);
  unknown.message(2, object);
  unknown.text(3, "");
  unknown.text(4, "");
  return std::string("k8s\0", 4) + unknown.bytes();
}

// Of the items of a list; null when it is no list of anything with a message.
const ProtobufMessage* item_message(const std::string& api_version, std::string_view kind) {
  if (!kind.ends_with("List")) return nullptr;
  return protobuf_message_of(api_version, kind.substr(0, kind.size() - 4));
}

}  // namespace

// Lists are all alike: 1 metadata, 2 items.
ProtobufList::ProtobufList(const Json& head)
    : api_version_(head["apiVersion"].string()),
      kind_(head["kind"].string()),
      item_(item_message(api_version_, kind_)) {
  list_.message(1, message_of(*protobuf_message("ListMeta"), head["metadata"]));
}

void ProtobufList::add(const Json& item) {
  if (item_) list_.message(2, message_of(*item_, item));
}

std::string ProtobufList::whole() const { return wrapped(api_version_, kind_, list_); }

std::optional<std::string> to_protobuf(const Json& doc) {
  const std::string& api_version = doc["apiVersion"].string();
  const std::string& kind = doc["kind"].string();
  if (const auto* message = protobuf_message_of(api_version, kind)) {
    return wrapped(api_version, kind, message_of(*message, doc));
  }
  if (!item_message(api_version, kind)) return std::nullopt;
  ProtobufList list(doc);
  for (const auto& item : doc["items"].items()) list.add(item);
  return list.whole();
}

std::string protobuf_frame(std::string_view type, std::string_view object) {
  ProtobufWriter raw, event;
  raw.text(1, object);  // RawExtension
  event.text(1, type);
  event.message(2, raw);
  const auto& bytes = event.bytes();
  std::string out;
  out.reserve(bytes.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bytes.size() >> shift));
  return out + bytes;
}

}  // namespace server
