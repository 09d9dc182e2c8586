#include "server/posted.h"

#include <algorithm>

#include "base/text.h"
#include "meta/go_text.h"
#include "server/body.h"
#include "server/protobuf_messages.h"

namespace server {
namespace {

using Shape = ProtobufField::Shape;

// Reads a document along the messages of its kind.
class Decoder {
 public:
  std::string problem;               // the first value of a wrong type
  std::vector<std::string> unknown;  // fields, in the order of the document

  void message(std::string_view struct_name, const ProtobufMessage& message, Json& doc, const std::string& path) {
    Json known = Json::object();
    for (const auto& [name, value] : doc.members()) {
      const bool type_meta = path.empty() && (name == "apiVersion" || name == "kind");
      const ProtobufField* field = type_meta ? nullptr : find(message, name);
      const std::string here = path.empty() ? name : path + "." + name;
      if (!field && !type_meta) unknown.push_back(here);
      if (!field || value.is_null()) {
        if (type_meta) known.set(name, value);
        continue;
      }
      Json copy = value;
      member({std::string(struct_name) + "." + here}, *field, copy, here);
      known.set(name, std::move(copy));
    }
    doc = std::move(known);
  }

 private:
  struct Place {
    std::string field;  // as Go names it: STRUCT.path.of.fields
  };

  static const ProtobufField* find(const ProtobufMessage& message, const std::string& name) {
    for (const auto& [number, field] : message.fields) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }

  static std::string type_of(const ProtobufField& field) {
    switch (field.type) {
      case 'o':
      case 'b':
        return "bool";
      case 'i':
      case 'n':
        return "int64";
      case 'e':
        return "[]string";
      case 'm':
        return "v1." + std::string(protobuf_message_name(field.message));
      default:
        return "string";
    }
  }

  void wrong(const Place& place, const Json& value, const std::string& type) {
    if (!problem.empty()) return;
    problem = "json: cannot unmarshal " + meta::go_json_type(value) + " into Go struct field " + place.field +
              " of type " + type;
  }

  void member(const Place& place, const ProtobufField& field, Json& value, const std::string& path) {
    if (field.shape == Shape::list) {
      if (!value.is_array()) return wrong(place, value, "[]" + type_of(field));
      size_t index = 0;
      for (auto& item : value.mutable_items()) {
        one(place, field, item, path + "[" + std::to_string(index++) + "]");
      }
    } else if (field.shape == Shape::map) {
      if (!value.is_object()) return wrong(place, value, "map[string]" + type_of(field));
      for (auto& [key, item] : value.mutable_members()) one(place, field, item, path + "." + key);
    } else {
      one(place, field, value, path);
    }
  }

  void one(const Place& place, const ProtobufField& field, Json& value, const std::string& path) {
    if (value.is_null()) return;
    const std::string type = type_of(field);
    if (field.type == 'm') {
      if (!value.is_object()) return wrong(place, value, type);
      return message(protobuf_message_name(field.message), *field.message, value, path);
    }
    const bool fits = type == "bool"       ? value.is_bool()
                      : type == "int64"    ? value.is_integer()
                      : type == "[]string" ? value.is_array()
                      : field.type == 'j'  ? true
                                           : value.is_string();
    if (!fits) wrong(place, value, type);
  }
};

std::string cannot_be_handled(std::string_view given, std::string_view version, std::string_view kind) {
  return std::string(given) + " in version \"" + std::string(version) + "\" cannot be handled as a " +
         std::string(kind) + ": ";
}

Result<void> check_said(const Json& doc, std::string_view group, std::string_view kind) {
  const std::string wanted = std::string(group) + "/v1";
  const auto given_version = doc["apiVersion"].string_or(wanted), given = doc["kind"].string_or(kind);
  if (given_version == wanted && given == kind) return {};
  const auto [given_group, version] = meta::split_api_version(given_version);
  const bool known = protobuf_message_of(given_version, given) != nullptr && given_group == group;
  if (given == kind && known) {
    return registry::bad_request("the API version in the data (" + given_version +
                                 ") does not match the expected API version (" + wanted + ")");
  }
  const std::string lead = cannot_be_handled(given, version, kind);
  if (known && version == "v1") {
    return registry::bad_request(lead + "converting (v1." + given + ") to (" +
                                 std::string(group.substr(0, group.find('.'))) + "." + std::string(kind) +
                                 "): unknown conversion");
  }
  return registry::bad_request(lead + "no kind \"" + given + "\" is registered for version \"" + given_version +
                               "\" in scheme \"pkg/runtime/scheme.go:111\"");
}

}  // namespace

Result<Json> parse_posted(Call& call, std::string_view group, std::string_view kind) {
  auto doc = parse_body(call.request);
  if (!doc && doc.error().code == base::Code::bad_request) return unrecognised(call, kind, doc.error().message);
  if (!doc) return std::move(doc).error();
  if (doc->is_null()) *doc = Json::object();
  TRY(check_said(*doc, group, kind));
  Decoder decoder;
  const auto* message = protobuf_message_of(std::string(group) + "/v1", kind);
  if (message) decoder.message(kind, *message, *doc, "");
  const std::string lead = cannot_be_handled(kind, "v1", kind);
  if (!decoder.problem.empty()) return registry::bad_request(lead + decoder.problem);
  const auto& how = call.route.query.get("fieldValidation");
  std::vector<std::string> problems;
  for (const auto& field : decoder.unknown) problems.push_back("unknown field " + base::quoted(field));
  if (how == "Strict" && !problems.empty()) {
    return registry::bad_request(lead + "strict decoding error: " + base::join(problems, ", "));
  }
  if (how != "Ignore") {
    for (auto& problem : problems) call.warn(std::move(problem));
  }
  return doc;
}

}  // namespace server
