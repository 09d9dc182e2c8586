#include "meta/structural.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "meta/pattern.h"

namespace meta {
namespace {

constexpr const char* preserve_key = "x-kubernetes-preserve-unknown-fields";
constexpr const char* int_or_string_key = "x-kubernetes-int-or-string";
constexpr const char* rules_key = "x-kubernetes-validations";

// What a CRD schema may not use at all.
constexpr auto unsupported = std::to_array<const char*>(
    {"$ref", "$schema", "additionalItems", "definitions", "dependencies", "id", "patternProperties"});
// What may not stand inside of allOf, anyOf, oneOf and not.
constexpr auto structure_only = std::to_array<const char*>(
    {"additionalProperties", "default", "description", "nullable", "title", "type", "x-kubernetes-embedded-resource",
     "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
     "x-kubernetes-preserve-unknown-fields"});

// The two ways in which int-or-string is spelled out for tools that do not know the extension.
bool is_int_or_string_any_of(const Json& any_of) {
  return any_of == Json::array({Json::object({{"type", "integer"}}), Json::object({{"type", "string"}})});
}
bool is_int_or_string_all_of(const Json& all_of) {
  return all_of.size() > 0 && is_int_or_string_any_of(all_of.at(0)["anyOf"]);
}

class Reader {
 public:
  explicit Reader(std::vector<FieldError>& found) : found_(found) {}

  SchemaRef read(const Json& doc, const std::string& at) {
    auto schema = std::make_shared<Schema>();
    if (!doc.is_object()) {
      found_.push_back(field_required(at, "schemas are objects"));
      return schema;
    }
    refuse_unsupported(doc, at);
    read_type(doc, at, *schema);
    read_values(doc, at, *schema);
    read_extensions(doc, at, *schema);
    read_children(doc, at, *schema);
    read_combinations(doc, at, *schema);
    read_default(doc, at, *schema);
    return schema;
  }

 private:
  void refuse_unsupported(const Json& doc, const std::string& at) {
    for (const char* key : unsupported) {
      if (doc.has(key)) found_.push_back(field_forbidden(at + "." + key, std::string(key) + " is not supported"));
    }
    if (doc["uniqueItems"].boolean()) {
      found_.push_back(field_forbidden(
          at + ".uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"));
    }
  }

  void read_type(const Json& doc, const std::string& at, Schema& schema) {
    const auto& type = doc["type"].string();
    if (doc[int_or_string_key].boolean()) {
      schema.type = SchemaType::int_or_string;  // whatever type is written beside it
      return;
    }
    static constexpr std::pair<std::string_view, SchemaType> types[] = {
        {"array", SchemaType::array},   {"boolean", SchemaType::boolean}, {"integer", SchemaType::integer},
        {"number", SchemaType::number}, {"object", SchemaType::object},   {"string", SchemaType::string}};
    for (const auto& [word, meaning] : types) {
      if (word == type) schema.type = meaning;
    }
    if (type.empty()) {
      if (!doc[preserve_key].boolean()) {
        const char* of = at.ends_with(".items") ? "array items" : "object fields";
        found_.push_back(field_required(at + ".type", std::string("must not be empty for specified ") + of));
      }
    } else if (schema.type == SchemaType::any) {
      found_.push_back(
          field_not_supported(at + ".type", type, {"array", "boolean", "integer", "number", "object", "string"}));
    }
  }

  // What limits values; the same in structures and in combinations.
  void read_values(const Json& doc, const std::string& at, Schema& schema) {
    schema.format = doc["format"].string();
    schema.pattern = doc["pattern"].string();
    if (!schema.pattern.empty()) {
      const auto why = pattern_problem(schema.pattern);
      if (!why.empty()) {
        found_.push_back(
            field_invalid(at + ".pattern", schema.pattern, "must be a valid regular expression, but isn't: " + why));
      }
    }
    schema.enumeration = doc["enum"].items();
    for (const auto& [key, number] :
         {std::pair("minimum", &schema.minimum), {"maximum", &schema.maximum}, {"multipleOf", &schema.multiple_of}}) {
      if (doc[key].is_number()) *number = doc[key].number();
    }
    schema.exclusive_minimum = doc["exclusiveMinimum"].boolean();
    schema.exclusive_maximum = doc["exclusiveMaximum"].boolean();
    for (const auto& [key, count] : {std::pair("minLength", &schema.min_length),
                                     {"maxLength", &schema.max_length},
                                     {"minItems", &schema.min_items},
                                     {"maxItems", &schema.max_items},
                                     {"minProperties", &schema.min_properties},
                                     {"maxProperties", &schema.max_properties}}) {
      if (doc[key].is_integer()) *count = doc[key].integer();
    }
    if (!doc[rules_key].empty()) schema.rules = doc[rules_key];
  }

  void read_extensions(const Json& doc, const std::string& at, Schema& schema) {
    schema.text = doc["description"].string();
    schema.nullable = doc["nullable"].boolean();
    schema.preserve_unknown = doc[preserve_key].boolean();
    schema.embedded_resource = doc["x-kubernetes-embedded-resource"].boolean();
    if (doc.has(preserve_key) && !schema.preserve_unknown) {
      found_.push_back(field_invalid(at + "." + preserve_key, false, "must be true or undefined"));
    }
    const auto& map_type = doc["x-kubernetes-map-type"].string();
    schema.map_atomic = map_type == "atomic";
    if (!map_type.empty() && map_type != "atomic" && map_type != "granular") {
      found_.push_back(field_not_supported(at + ".x-kubernetes-map-type", map_type, {"atomic", "granular"}));
    }
    if (!map_type.empty() && schema.type != SchemaType::object && schema.type != SchemaType::map) {
      found_.push_back(
          field_invalid(at + ".type", doc["type"], "must be object if x-kubernetes-map-type is specified"));
    }
    if (schema.embedded_resource && !schema.preserve_unknown && doc["properties"].empty()) {
      found_.push_back(field_required(at + ".properties",
                                      "must not be empty if x-kubernetes-embedded-resource is true without "
                                      "x-kubernetes-preserve-unknown-fields"));
    }
    if (schema.embedded_resource && schema.type != SchemaType::object) {
      found_.push_back(
          field_invalid(at + ".type", doc["type"], "must be object if x-kubernetes-embedded-resource is true"));
    }
    read_list_type(doc, at, schema);
  }

  void read_list_type(const Json& doc, const std::string& at, Schema& schema) {
    schema.list_type = doc["x-kubernetes-list-type"].string();
    for (const auto& key : doc["x-kubernetes-list-map-keys"].items()) schema.list_keys.push_back(key.string());
    const std::string field = at + ".x-kubernetes-list-map-keys";
    if (!schema.list_keys.empty() && schema.list_type != "map") {
      const char* why = "must be map if x-kubernetes-list-map-keys is non-empty";
      const std::string type = at + ".x-kubernetes-list-type";
      found_.push_back(schema.list_type.empty() ? field_required(type, why)
                                                : field_invalid(type, schema.list_type, why));
    }
    if (schema.list_type.empty()) return;
    if (schema.type != SchemaType::array) {
      found_.push_back(
          field_invalid(at + ".type", doc["type"], "must be array if x-kubernetes-list-type is specified"));
    }
    if (schema.list_type != "atomic" && schema.list_type != "set" && schema.list_type != "map") {
      found_.push_back(field_not_supported(at + ".x-kubernetes-list-type", schema.list_type, {"atomic", "set", "map"}));
    }
    const Json& items = doc["items"];
    const bool object_items = items["type"].string() == "object";
    if (schema.list_type == "set" && object_items && items["x-kubernetes-map-type"].string() != "atomic") {
      found_.push_back(field_invalid(at + ".items.x-kubernetes-map-type", items["x-kubernetes-map-type"],
                                     "must be atomic as item of a list with x-kubernetes-list-type=set"));
    }
    if (schema.list_type != "map") return;
    if (schema.list_keys.empty()) {
      found_.push_back(field_required(field, "must not be empty if x-kubernetes-list-type is map"));
    }
    check_list_keys(items, at, schema.list_keys);
  }

  // Keys are properties that every item has, given or defaulted.
  void check_list_keys(const Json& items, const std::string& at, const std::vector<std::string>& keys) {
    const auto& required = items["required"].items();
    for (const auto& key : keys) {
      const Json* property = items["properties"].find(key);
      if (!property) {
        found_.push_back(field_invalid(at + ".x-kubernetes-list-map-keys", Json::strings(keys),
                                       "entries must all be names of item properties"));
        return;
      }
      const auto& type = (*property)["type"].string();
      if (type == "array" || type == "object") {
        found_.push_back(field_invalid(at + ".items.properties[" + key + "].type", items["type"],
                                       "must be a scalar type if parent array's x-kubernetes-list-type is map"));
      }
      if (property->has("default") || std::find(required.begin(), required.end(), Json(key)) != required.end())
        continue;
      found_.push_back(field_required(at + ".items.properties[" + key + "].default",
                                      "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                                      "a required property"));
    }
  }

  void read_children(const Json& doc, const std::string& at, Schema& schema) {
    if (schema.type == SchemaType::array) {
      if (!doc.has("items")) {
        found_.push_back(field_required(at + ".items", "must be specified"));
      } else if (doc["items"].is_array()) {
        found_.push_back(field_forbidden(at + ".items", "items must be a schema object and not an array"));
      } else {
        schema.items = read(doc["items"], at + ".items");
      }
    }
    read_additional(doc, at, schema);
    for (const auto& [name, member] : doc["properties"].members()) {
      schema.properties.push_back({name, read(member, at + ".properties[" + name + "]"), false});
    }
    read_required(doc, schema);
  }

  void read_additional(const Json& doc, const std::string& at, Schema& schema) {
    const Json* additional = doc.find("additionalProperties");
    if (!additional) return;
    const std::string field = at + ".additionalProperties";
    const bool anything = additional->is_bool() && additional->boolean();
    if (!doc["properties"].empty()) {
      if (anything) schema.preserve_unknown = true;
      if (anything) return;
      found_.push_back(field_forbidden(field, "additionalProperties and properties are mutual exclusive"));
    }
    SchemaRef values;
    if (anything) {
      auto made = std::make_shared<Schema>();
      made->preserve_unknown = true;
      values = std::move(made);
    } else {
      values = additional->is_bool() ? nothing_fits() : read(*additional, field);
    }
    if (schema.type != SchemaType::object) return;
    schema.items = std::move(values);
    schema.type = SchemaType::map;
  }

  static void read_required(const Json& doc, Schema& schema) {
    for (const auto& name : doc["required"].items()) {
      bool known = false;
      for (auto& property : schema.properties) {
        if (property.name == name.string()) known = property.required = true;
      }
      if (!known) schema.required_others.push_back(name.string());
    }
  }

  // ---- allOf, anyOf, oneOf, not: values only
  // ------------------------------------------------------------------------------

  void read_combinations(const Json& doc, const std::string& at, Schema& schema) {
    const bool either = schema.type == SchemaType::int_or_string;
    for (const auto& [key, into] :
         {std::pair("allOf", &schema.all_of), {"anyOf", &schema.any_of}, {"oneOf", &schema.one_of}}) {
      const Json& all = doc[key];
      if (either && into == &schema.any_of && is_int_or_string_any_of(all)) continue;
      const size_t skipped = either && into == &schema.all_of && is_int_or_string_all_of(all) ? 1 : 0;
      for (size_t i = skipped; i < all.size(); ++i) {
        into->push_back(read_value(all.at(i), at + "." + key + "[" + std::to_string(i) + "]", doc));
      }
    }
    if (doc.has("not")) schema.none_of = read_value(doc["not"], at + ".not", doc);
  }

  // `outer` is the structural node that this one is about.
  SchemaRef read_value(const Json& doc, const std::string& at, const Json& outer) {
    auto schema = std::make_shared<Schema>();
    refuse_unsupported(doc, at);
    for (const char* key : structure_only) {
      if (doc.has(key)) found_.push_back(field_forbidden(at + "." + key, "must be empty to be structural"));
    }
    read_values(doc, at, *schema);
    if (doc.has("items")) {
      schema->items = read_value(doc["items"], at + ".items", outer["items"]);
    }
    for (const auto& [name, member] : doc["properties"].members()) {
      const std::string field = at + ".properties[" + name + "]";
      schema->properties.push_back({name, read_value(member, field, outer["properties"][name]), false});
    }
    read_required(doc, *schema);
    read_combinations(doc, at, outer, *schema);
    return schema;
  }

  void read_combinations(const Json& doc, const std::string& at, const Json& outer, Schema& schema) {
    for (const auto& [key, into] :
         {std::pair("allOf", &schema.all_of), {"anyOf", &schema.any_of}, {"oneOf", &schema.one_of}}) {
      for (size_t i = 0; i < doc[key].size(); ++i) {
        into->push_back(read_value(doc[key].at(i), at + "." + key + "[" + std::to_string(i) + "]", outer));
      }
    }
    if (doc.has("not")) schema.none_of = read_value(doc["not"], at + ".not", outer);
  }

  void read_default(const Json& doc, const std::string& at, Schema& schema) {
    const Json* given = doc.find("default");
    if (!given) return;
    schema.default_value = *given;
    if (given->is_null() || !found_.empty()) return;
    Json whole = *given;
    std::vector<std::string> unknown;
    prune(schema, whole, schema.embedded_resource, &unknown);
    if (!unknown.empty()) {
      found_.push_back(field_invalid(at + ".default", *given, "must not have unknown fields"));
      return;
    }
    apply_defaults(schema, whole);
    for (auto& finding : validate(schema, whole)) {
      const bool whole_value = finding.field == "<nil>";  // which has no name
      if (whole_value) finding.message = base::replace_all(finding.message, ": in body ", ":  in body ");
      finding.field = at + ".default" + (whole_value ? "" : "." + finding.field);
      found_.push_back(std::move(finding));
    }
  }

  std::vector<FieldError>& found_;
};

}  // namespace

const SchemaRef& nothing_fits() {
  static const SchemaRef schema = [] {
    auto made = std::make_shared<Schema>();
    made->none_of = std::make_shared<Schema>();
    made->preserve_unknown = true;  // so that what is there is refused, not dropped
    return made;
  }();
  return schema;
}

SchemaRef read_structural(const Json& doc, const std::string& at, std::vector<FieldError>& found) {
  return Reader(found).read(doc, at);
}

}  // namespace meta
