// Schemas as CEL types, with the sizes that the estimate of costs needs.
#include <algorithm>

#include "meta/rules.h"

namespace meta {
namespace {

// The longest request that a real server takes.
constexpr int64_t request_bytes = 3 * 1024 * 1024;
constexpr int64_t date_bytes = 12, time_bytes_min = 21, time_bytes_max = 41;
constexpr int64_t duration_bytes_min = 4, duration_bytes_max = 32;

int64_t text_size_max(const Schema& schema) {
  if (schema.format == "duration") return duration_bytes_max;
  if (schema.format == "date") return date_bytes;
  if (schema.format == "date-time") return time_bytes_max;
  if (schema.max_length) return std::max<int64_t>(*schema.max_length, 0) * (schema.format == "byte" ? 1 : 4);
  int64_t longest = -1;
  for (const auto& one : schema.enumeration) {
    if (one.is_string()) longest = std::max(longest, static_cast<int64_t>(one.string().size()));
  }
  return longest >= 0 ? longest : request_bytes - 2;
}

cel::TypeRef sized(const cel::TypeRef& type, int64_t size_max) {
  auto out = std::make_shared<cel::Type>(*type);
  out->size_max = size_max;
  return out;
}

cel::TypeRef text_type(const Schema& schema) {
  const int64_t size = text_size_max(schema);
  if (schema.format == "byte") return sized(cel::bytes_type(), size);
  if (schema.format == "duration") return sized(cel::duration_type(), size);
  if (schema.format == "date" || schema.format == "date-time") return sized(cel::timestamp_type(), size);
  return sized(cel::string_type(), size);
}

cel::TypeRef list_of(const Schema& schema, const std::string& name) {
  if (!schema.items) return nullptr;
  const auto item = rule_type(*schema.items, schema.items->embedded_resource, name + ".@idx");
  if (!item) return nullptr;
  auto out = std::make_shared<cel::Type>(*cel::list_type(item));
  if (schema.list_type == "set") out->order = cel::Type::Order::set;
  if (schema.list_type == "map") out->order = cel::Type::Order::keyed;
  out->list_keys = schema.list_keys;
  out->size_max = schema.max_items
                      ? std::max<int64_t>(*schema.max_items, 0)
                      : (request_bytes - 2) / (smallest_json(*schema.items, schema.items->embedded_resource) + 1);
  return out;
}

cel::TypeRef map_of(const Schema& schema, const std::string& name) {
  if (!schema.items) return nullptr;
  const auto value = rule_type(*schema.items, schema.items->embedded_resource, name + ".@elem");
  // What additionalProperties leaves open cannot be looked into.
  if (!value) return cel::object_type(name, {});
  auto out = std::make_shared<cel::Type>(*cel::map_type(cel::string_type(), value));
  out->size_max = schema.max_properties
                      ? std::max<int64_t>(*schema.max_properties, 0)
                      : (request_bytes - 2) / (smallest_json(*schema.items, schema.items->embedded_resource) + 6);
  return out;
}

bool is_visible(const Schema& schema) {
  if (schema.type == SchemaType::array) return schema.items && is_visible(*schema.items);
  return schema.type != SchemaType::any;
}

bool is_type_meta(const std::string& name) { return name == "apiVersion" || name == "kind" || name == "metadata"; }

cel::TypeRef object_of(const Schema& schema, bool resource, const std::string& name) {
  std::vector<cel::Field> fields;
  if (resource) {
    const auto text = sized(cel::string_type(), request_bytes - 2);
    fields.push_back({"apiVersion", "apiVersion", text});
    fields.push_back({"kind", "kind", text});
    fields.push_back(
        {"metadata", "metadata",
         cel::object_type(name + ".metadata", {{"name", "name", text}, {"generateName", "generateName", text}})});
  }
  for (const auto& property : schema.properties) {
    if (resource && is_type_meta(property.name)) continue;
    const std::string written = cel::escape_name(property.name);
    if (written.empty()) continue;
    if (auto type = rule_type(*property.schema, property.schema->embedded_resource, name + "." + written)) {
      fields.push_back({written, property.name, std::move(type)});
    }
  }
  return cel::object_type(name, std::move(fields));
}

}  // namespace

cel::TypeRef rule_type(const Schema& schema, bool resource, const std::string& name) {
  cel::TypeRef out;
  switch (schema.type) {
    case SchemaType::int_or_string:
      return sized(cel::dyn_type(), text_size_max(schema));
    case SchemaType::any:
      return nullptr;
    case SchemaType::array:
      out = list_of(schema, name);
      break;
    case SchemaType::map:
      out = map_of(schema, name);
      break;
    case SchemaType::object:
      out = object_of(schema, resource, name);
      break;
    case SchemaType::string:
      out = text_type(schema);
      break;
    case SchemaType::boolean:
      out = cel::bool_type();
      break;
    case SchemaType::number:
      out = cel::double_type();
      break;
    case SchemaType::integer:
      out = cel::int_type();
      break;
  }
  if (!out || !schema.nullable) return out;
  auto nullable = std::make_shared<cel::Type>(*out);
  nullable->nullable = true;
  return nullable;
}

int64_t smallest_json(const Schema& schema, bool resource) {
  switch (schema.type) {
    case SchemaType::boolean:
      return 4;
    case SchemaType::number:
    case SchemaType::integer:
    case SchemaType::int_or_string:
      return 1;
    case SchemaType::string:
      if (schema.format == "duration") return duration_bytes_min;
      if (schema.format == "date") return date_bytes;
      if (schema.format == "date-time") return time_bytes_min;
      return 2;
    case SchemaType::object: {
      int64_t size = 2;
      for (const auto& property : schema.properties) {
        if (!property.required || !property.schema->default_value.is_null()) continue;
        if (resource && is_type_meta(property.name)) continue;
        if (!is_visible(*property.schema)) continue;
        size += static_cast<int64_t>(property.name.size()) + 4 +
                smallest_json(*property.schema, property.schema->embedded_resource);
      }
      return size;
    }
    default:
      return 2;
  }
}

std::string rule_path(const Schema& root, std::string_view path) {
  const Schema* at = &root;
  std::string out;
  while (!path.empty()) {
    std::string name;
    if (path.front() == '.') {
      path.remove_prefix(1);
      const size_t end = std::min(path.find_first_of(".[]"), path.size());
      name = path.substr(0, end);
      path.remove_prefix(end);
    } else {
      if (!path.starts_with("['")) return {};
      path.remove_prefix(2);
      while (!path.empty() && path.front() != '\'') {
        if (path.front() == '\\') {
          static constexpr std::string_view letters = "abfnrtv'\\", meaning = "\a\b\f\n\r\t\v'\\";
          const size_t known = path.size() > 1 ? letters.find(path[1]) : std::string_view::npos;
          if (known == std::string_view::npos) return {};
          name += meaning[known];
          path.remove_prefix(2);
        } else {
          name += path.front();
          path.remove_prefix(1);
        }
      }
      if (!path.starts_with("']")) return {};
      path.remove_prefix(2);
    }
    if (name.empty()) return {};
    if (at->type == SchemaType::map) {
      if (!at->items) return {};
      at = at->items.get();
      out += "[" + name + "]";
    } else {
      const Property* property = at->find(name);
      if (!property) return {};
      at = property->schema.get();
      out += (out.empty() ? "" : ".") + name;
    }
  }
  return out;
}

}  // namespace meta
