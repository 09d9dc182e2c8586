// Schema nodes as OpenAPI documents.
#include <algorithm>
#include <cmath>

#include "meta/schema.h"
#include "meta/schema_document.h"

namespace meta {
namespace {

Json number(double value) {
  if (std::floor(value) == value && std::fabs(value) < 9e15) return static_cast<int64_t>(value);
  return value;
}

void put_type(const Schema& schema, bool v2, Json& out) {
  switch (schema.type) {
    case SchemaType::object:
    case SchemaType::map:
      out.set("type", "object");
      break;
    case SchemaType::array:
      out.set("type", "array");
      break;
    case SchemaType::string:
      out.set("type", "string");
      break;
    case SchemaType::integer:
      out.set("type", "integer");
      break;
    case SchemaType::number:
      out.set("type", "number");
      break;
    case SchemaType::boolean:
      out.set("type", "boolean");
      break;
    case SchemaType::int_or_string:
      // OpenAPI v2 has no anyOf; kubectl then checks nothing, which is what upstream publishes too.
      if (!v2) {
        out.set("anyOf", Json::array({Json::object({{"type", "integer"}}), Json::object({{"type", "string"}})}));
      }
      out.set("x-kubernetes-int-or-string", true);
      break;
    case SchemaType::any:
      break;
  }
}

void put_bounds(const Schema& schema, Json& out) {
  if (schema.minimum) out.set("minimum", number(*schema.minimum));
  if (schema.exclusive_minimum) out.set("exclusiveMinimum", true);
  if (schema.multiple_of) out.set("multipleOf", number(*schema.multiple_of));
  if (schema.maximum) out.set("maximum", number(*schema.maximum));
  if (schema.exclusive_maximum) out.set("exclusiveMaximum", true);
  const std::pair<const char*, const std::optional<int64_t>*> counts[] = {
      {"minLength", &schema.min_length},         {"maxLength", &schema.max_length},
      {"minItems", &schema.min_items},           {"maxItems", &schema.max_items},
      {"minProperties", &schema.min_properties}, {"maxProperties", &schema.max_properties}};
  for (const auto& [name, count] : counts) {
    if (*count) out.set(name, **count);
  }
}

void put_extensions(const Schema& schema, Json& out) {
  if (schema.preserve_unknown) out.set("x-kubernetes-preserve-unknown-fields", true);
  if (schema.embedded_resource) out.set("x-kubernetes-embedded-resource", true);
  if (!schema.rules.empty()) out.set("x-kubernetes-validations", schema.rules);
  if (schema.map_atomic) out.set("x-kubernetes-map-type", "atomic");
  if (!schema.list_keys.empty()) out.set("x-kubernetes-list-map-keys", Json::strings(schema.list_keys));
  if (!schema.list_type.empty()) out.set("x-kubernetes-list-type", schema.list_type);
}

// v2 cannot express any of it, and neither do we there.
void put_combinations(const Schema& schema, Json& out) {
  for (const auto& [key, schemas] :
       {std::pair("allOf", &schema.all_of), {"anyOf", &schema.any_of}, {"oneOf", &schema.one_of}}) {
    Json all = Json::array();
    for (const auto& one : *schemas) all.push(openapi(*one));
    if (!all.empty()) out.set(key, std::move(all));
  }
  if (schema.none_of) out.set("not", openapi(*schema.none_of));
}

void put_children(const Schema& schema, bool v2, Json& out) {
  if (schema.items) {
    out.set(schema.type == SchemaType::map ? "additionalProperties" : "items", openapi(*schema.items, v2));
  }
  Json properties = Json::object();
  Json required = Json::strings(schema.required_others);
  for (const auto& property : schema.properties) {
    properties.set(property.name, openapi(*property.schema, v2));
    if (property.required) required.push(property.name);
  }
  if (!properties.empty()) out.set("properties", std::move(properties));
  if (!required.empty()) out.set("required", std::move(required));
}

// What every object has, in those that are inside of others.
void put_object(bool v2, Json& out) {
  const auto text = [](const char* what) { return Json::object({{"description", what}, {"type", "string"}}); };
  const std::string meta =
      std::string(v2 ? "#/definitions/" : "#/components/schemas/") + "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  auto& properties = out.child("properties");
  properties.set("apiVersion", text("Group and version of this object."));
  properties.set("kind", text("Kind of this object."));
  properties.set("metadata", Json::object({{"description", "Standard object metadata."},
                                           {"allOf", Json::array({Json::object({{"$ref", meta}})})}}));
  auto& required = out.child("required");
  for (const char* name : {"kind", "apiVersion"}) {
    const auto& all = required.items();
    if (std::find(all.begin(), all.end(), Json(name)) == all.end()) required.push(name);
  }
}

}  // namespace

Json openapi(const Schema& schema, bool v2) {
  Json out = Json::object();
  if (!schema.text.empty()) out.set("description", schema.text);
  // What OpenAPI v2 cannot say is left open there: a null, unknown members beside known ones.
  const bool open = v2 && (schema.nullable || schema.preserve_unknown);
  if (!open) put_type(schema, v2, out);
  if (!schema.format.empty() && schema.format != schema_document_format) out.set("format", schema.format);
  if (!schema.pattern.empty()) out.set("pattern", schema.pattern);
  if (!schema.enumeration.empty()) out.set("enum", Json(Json::Array(schema.enumeration)));
  if (!schema.default_value.is_null()) out.set("default", schema.default_value);
  put_bounds(schema, out);
  if (schema.nullable && !v2) out.set("nullable", true);
  if (!open) put_children(schema, v2, out);
  if (!open && schema.embedded_resource) put_object(v2, out);
  if (!v2) put_combinations(schema, out);
  put_extensions(schema, out);
  return out;
}

}  // namespace meta
