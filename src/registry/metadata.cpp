#include "registry/metadata.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/time.h"
#include "registry/names.h"

namespace registry {
namespace {

using base::FieldError;

constexpr size_t annotations_bytes_max = 256u << 10;

enum class Form : unsigned char { text, integer, time, strings_map, strings, objects };
struct Field {
  std::string_view name;
  Form form;
  std::string_view expected;
};
// In the order in which Go writes ObjectMeta. selfLink is accepted by decoding and never kept.
constexpr auto fields = std::to_array<Field>({
    {"name", Form::text, "a string"},
    {"generateName", Form::text, "a string"},
    {"namespace", Form::text, "a string"},
    {"uid", Form::text, "a string"},
    {"resourceVersion", Form::text, "a string"},
    {"generation", Form::integer, "an integer"},
    {"creationTimestamp", Form::time, "an RFC 3339 time"},
    {"deletionTimestamp", Form::time, "an RFC 3339 time"},
    {"deletionGracePeriodSeconds", Form::integer, "an integer"},
    {"labels", Form::strings_map, "an object of strings"},
    {"annotations", Form::strings_map, "an object of strings"},
    {"ownerReferences", Form::objects, "a list of objects"},
    {"finalizers", Form::strings, "a list of strings"},
    {"managedFields", Form::objects, "a list of objects"},
});

bool has_form(const Json& value, Form form) {
  const auto all = [](const auto& range, auto test) { return std::all_of(range.begin(), range.end(), test); };
  switch (form) {
    case Form::text:
      return value.is_string();
    case Form::integer:
      return value.is_integer();
    case Form::time:
      return value.is_string() && base::parse_rfc3339(value.string()).has_value();
    case Form::strings_map:
      return value.is_object() && all(value.members(), [](const auto& member) { return member.second.is_string(); });
    case Form::strings:
      return value.is_array() && all(value.items(), [](const Json& item) { return item.is_string(); });
    case Form::objects:
      return value.is_array() && all(value.items(), [](const Json& item) { return item.is_object(); });
  }
  return false;
}

bool is_empty(const Json& value, Form form) {
  if (form == Form::text) return value.string().empty();
  if (form == Form::integer || form == Form::time) return false;
  return value.empty();
}

Json without_duplicates(const Json& references) {
  Json out = Json::array();
  for (const auto& reference : references.items()) {
    const auto& kept = out.items();
    if (std::find(kept.begin(), kept.end(), reference) == kept.end()) out.push(reference);
  }
  return out;
}

// Which rule a kind's names follow.
std::string name_problem(const Kind& kind, std::string_view name) {
  if (kind.group.empty() && kind.kind == "Namespace") return dns_label_problem(name);
  if (kind.group == "rbac.authorization.k8s.io") return path_segment_problem(name);
  return dns_subdomain_problem(name);
}

class Checker {
 public:
  Checker(const Kind& kind, const Json& doc) : kind_(kind), meta_(doc["metadata"]) {}
  // Of an object inside of one of that kind.
  Checker(const Kind& kind, const Json& embedded, std::string at)
      : kind_(kind), meta_(embedded["metadata"]), at_(std::move(at)), embedded_(true) {}

  std::vector<FieldError> run(const Json* stored) {
    names();
    labels();
    annotations();
    owners();
    finalizers(stored);
    return std::move(found_);
  }

 private:
  void invalid(std::string field, const Json& value, std::string why) {
    found_.push_back(meta::field_invalid(at_ + std::move(field), value, std::move(why)));
  }

  std::string name_rule(std::string_view name) const {
    return embedded_ ? path_segment_problem(name) : name_problem(kind_, name);
  }

  void names() {
    // A prefix may end where a name may not, with a '-' or '.'; something always follows it.
    const auto& prefix = meta_["generateName"].string();
    if (!prefix.empty()) {
      const auto why = name_rule(prefix + 'x');
      if (!why.empty()) invalid("generateName", prefix, why);
    }
    const auto& name = meta_["name"].string();
    if (name.empty() && !embedded_) {
      found_.push_back(meta::field_required("metadata.name", "name or generateName is required"));
    } else if (const auto why = name_rule(name); !why.empty()) {
      invalid("name", name, why);
    }
    const auto& ns = meta_["namespace"].string();
    if (embedded_ && ns.empty()) {
      return;
    } else if (!kind_.namespaced && !embedded_) {
      if (!ns.empty()) found_.push_back(meta::field_forbidden("metadata.namespace", "not allowed on this type"));
    } else if (ns.empty()) {
      found_.push_back(meta::field_required("metadata.namespace"));
    } else if (const auto why = dns_label_problem(ns); !why.empty()) {
      invalid("namespace", ns, why);
    }
  }

  void qualified(const std::string& field, const std::string& key) {
    const auto why = qualified_name_problem(key);
    if (!why.empty()) invalid(field, key, why);
    if (key.empty() || key.ends_with('/')) invalid(field, key, name_part_problem(""));  // nothing is also nothing good
  }

  void labels() {
    for (const auto& [key, value] : meta_["labels"].members()) {
      qualified("labels", key);
      if (const auto why = label_value_problem(value.string()); !why.empty()) invalid("labels", value, why);
    }
  }

  void annotations() {
    size_t bytes = 0;
    for (const auto& [key, value] : meta_["annotations"].members()) {
      qualified("annotations", key);
      bytes += key.size() + value.string().size();
    }
    if (bytes > annotations_bytes_max) {
      found_.push_back({at_ + "annotations", "FieldValueTooLong",
                        "Too long: may not be more than " + std::to_string(annotations_bytes_max) + " bytes"});
    }
  }

  void owners() {
    std::string controller;
    for (const auto& owner : meta_["ownerReferences"].items()) {
      const auto& version = owner["apiVersion"].string();
      const auto slashes = std::count(version.begin(), version.end(), '/');
      if (version.empty() || slashes > 1) invalid("ownerReferences.apiVersion", version, "version must not be empty");
      for (const auto name : {"kind", "name", "uid"}) {
        const auto& value = owner[name].string();
        if (value.empty()) invalid(std::string("ownerReferences.") + name, value, "must not be empty");
      }
      if (version == "v1" && owner["kind"].string() == "Event") {
        invalid("ownerReferences", owner, "/v1, Kind=Event is disallowed from being an owner");
      }
      if (!owner["controller"].boolean()) continue;
      if (!controller.empty()) {
        invalid("ownerReferences", meta_["ownerReferences"],
                "Only one reference can have Controller set to true. Found \"true\" in references for " + controller +
                    " and " + shown(owner));
      }
      controller = shown(owner);
    }
  }

  static std::string shown(const Json& owner) { return owner["kind"].string() + "/" + owner["name"].string(); }

  void finalizers(const Json* stored) {
    std::vector<std::string> added;
    bool orphan = false, foreground = false;
    size_t index = 0;
    for (const auto& finalizer : meta_["finalizers"].items()) {
      const auto& name = finalizer.string();
      const std::string at = "finalizers[" + std::to_string(index++) + "]";
      const bool standard = name == orphan_finalizer || name == foreground_finalizer || name == "kubernetes";
      if (!kind_.custom && kind_.group != "apiextensions.k8s.io" && !standard && name.find('/') == std::string::npos) {
        invalid(at, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
      }
      if (const auto why = qualified_name_problem(name); !why.empty()) invalid("finalizers", finalizer, why);
      orphan = orphan || name == orphan_finalizer;
      foreground = foreground || name == foreground_finalizer;
      if (stored && !has_finalizer(*stored, name)) added.push_back(name);
    }
    if (orphan && foreground) {
      invalid("finalizers", meta_["finalizers"], "finalizer orphan and foregroundDeletion cannot be both set");
    }
    if (stored && is_deleting(*stored) && !added.empty()) {
      std::string list;
      for (const auto& name : added) list += (list.empty() ? "\"" : ", \"") + name + "\"";
      found_.push_back(meta::field_forbidden(at_ + "finalizers",
                                             "no new finalizers can be added if the object is being deleted, found new "
                                             "finalizers []string{" +
                                                 list + "}"));
    }
  }

  const Kind& kind_;
  const Json& meta_;
  std::string at_ = "metadata.";
  bool embedded_ = false;
  std::vector<FieldError> found_;
};

}  // namespace

namespace {

std::string go_word(const Json& value) {
  if (value.is_number()) return "number";
  return std::string(value.is_bool() ? "bool" : value.type_name());
}

// "number into ... of type string": what was found and, with the place put between by the caller, what is wanted.
std::pair<std::string, std::string> mismatch(const Json& value, const Field& field) {
  switch (field.form) {
    case Form::text:
    case Form::time:
      return {go_word(value), "string"};
    case Form::integer:
      return {go_word(value), "int64"};
    case Form::strings_map:
      for (const auto& [name, one] : value.members()) {
        if (!one.is_string()) return {go_word(one), "string"};
      }
      return {go_word(value), "map[string]string"};
    case Form::strings:
      for (const auto& one : value.items()) {
        if (!one.is_string()) return {go_word(one), "string"};
      }
      return {go_word(value), "[]string"};
    case Form::objects:
      break;
  }
  return {go_word(value), field.name == "ownerReferences" ? "[]v1.OwnerReference" : "[]v1.ManagedFieldsEntry"};
}

// The first member of an OwnerReference that has a wrong type: its name and the types as in mismatch().
struct WrongOwner {
  std::string field;
  std::pair<std::string, std::string> types;
};
std::optional<WrongOwner> wrong_owner(const Json& references) {
  for (const auto& reference : references.items()) {
    for (const auto& [name, value] : reference.members()) {
      const bool flag = name == "controller" || name == "blockOwnerDeletion";
      const bool text = name == "apiVersion" || name == "kind" || name == "name" || name == "uid";
      if (value.is_null() || (flag ? value.is_bool() : !text || value.is_string())) continue;
      return WrongOwner{name, {go_word(value), flag ? "bool" : name == "uid" ? "types.UID" : "string"}};
    }
  }
  return std::nullopt;
}

// The first field that Go could not decode into its ObjectMeta.
const Field* wrong_field(const Json& given) {
  for (const auto& field : fields) {
    const auto* value = given.find(field.name);
    if (value && !value->is_null() && !has_form(*value, field.form)) return &field;
  }
  return nullptr;
}

// Whether it is what normalise_metadata would make of it.
bool is_normal(const Json& given) {
  const auto& members = given.members();
  size_t next = 0;
  for (const auto& field : fields) {
    if (next == members.size() || members[next].first != field.name) continue;
    const auto& value = members[next++].second;
    if (field.name == "ownerReferences" || !has_form(value, field.form) || is_empty(value, field.form)) return false;
  }
  return given.is_object() && next == members.size();
}

}  // namespace

std::string metadata_problem(const Json& given) {
  if (given.is_null()) return {};
  const auto decoding = [](const std::string& got, const std::string& into, const std::string& wanted) {
    return "json: cannot unmarshal " + got + " into Go " + into + " of type " + wanted;
  };
  if (!given.is_object()) return decoding(go_word(given), "value", "v1.ObjectMeta");
  const Field* field = wrong_field(given);
  if (!field) return {};
  const auto& value = given[field->name];
  if (field->form == Form::time && value.is_string()) {
    return "parsing time " + base::quoted(value.string()) + ": it is not in the form of RFC 3339";
  }
  const auto [got, wanted] = mismatch(value, *field);
  return decoding(got, "struct field ObjectMeta." + std::string(field->name),
                  field->name == "uid" ? "types.UID" : wanted);
}

std::vector<FieldError> check_embedded_metadata(const Kind& kind, const Json& object, const std::string& at) {
  return Checker(kind, object, at + ".metadata.").run(nullptr);
}

Result<void> normalise_metadata(const Kind& kind, Json& doc) {
  if (is_normal(doc["metadata"])) return {};
  const Json given = doc["metadata"];
  const auto refuse = [&](std::string_view field, const std::pair<std::string, std::string>& types,
                          const std::string& owner = "ObjectMeta") {
    // Custom objects have their metadata decoded by itself.
    const std::string at = kind.custom && !field.empty() ? std::string(field) : ".metadata" + std::string(field);
    return bad_request(kind.kind + " in version \"" + kind.storage_version + "\" cannot be handled as a " + kind.kind +
                       ": json: cannot unmarshal " + types.first + " into Go struct field " + owner + at + " of type " +
                       types.second);
  };
  if (!given.is_null() && !given.is_object()) return refuse("", {go_word(given), "v1.ObjectMeta"});
  Json made = Json::object();
  for (const auto& field : fields) {
    const auto* value = given.find(field.name);
    if (!value || value->is_null()) continue;
    if (!has_form(*value, field.form)) return refuse("." + std::string(field.name), mismatch(*value, field));
    if (is_empty(*value, field.form)) continue;
    if (const auto wrong = field.name == "ownerReferences" ? wrong_owner(*value) : std::nullopt) {
      return refuse(".ownerReferences." + wrong->field, wrong->types, "OwnerReference");
    }
    made.set(field.name, field.name == "ownerReferences" ? without_duplicates(*value) : *value);
  }
  doc.set("metadata", std::move(made));
  return {};
}

void wipe_system_fields(Json& doc) {
  auto& meta = doc.child("metadata");
  for (const auto name :
       {"uid", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    meta.erase(name);
  }
}

void keep_system_fields(Json& doc, const Json& stored) {
  auto& meta = doc.child("metadata");
  const auto& old = stored["metadata"];
  for (const auto name : {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
                          "deletionGracePeriodSeconds"}) {
    if (const auto* value = old.find(name)) {
      meta.set(name, *value);
    } else {
      meta.erase(name);
    }
  }
}

std::vector<FieldError> check_metadata(const Kind& kind, const Json& doc, const Json* stored) {
  return Checker(kind, doc).run(stored);
}

bool is_deleting(const Json& doc) { return doc["metadata"].has("deletionTimestamp"); }

bool has_finalizer(const Json& doc, std::string_view name) {
  const auto& all = doc["metadata"]["finalizers"].items();
  return std::any_of(all.begin(), all.end(), [&](const Json& one) { return one.string() == name; });
}

void add_finalizer(Json& doc, std::string_view name) {
  if (!has_finalizer(doc, name)) doc.child("metadata").child("finalizers").push(name);
}

void remove_finalizer(Json& doc, std::string_view name) {
  if (!has_finalizer(doc, name)) return;
  auto& meta = doc.child("metadata");
  auto& all = meta.child("finalizers").mutable_items();
  std::erase_if(all, [&](const Json& one) { return one.string() == name; });
  if (all.empty()) meta.erase("finalizers");
}

}  // namespace registry
