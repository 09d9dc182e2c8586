#include "registry/typed.h"

#include <set>

#include "registry/field_set.h"

namespace registry {
namespace {

using base::Json;
using meta::Schema;
using meta::SchemaType;

// How a value looks in the original's texts.
std::string shown(const Json& value) { return value.is_string() ? value.string() : value.dump(); }

std::string_view go_type(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  if (value.is_object()) return "map[string]interface {}";
  return value.is_array() ? "[]interface {}" : "int64";
}

std::string problem_below(const Schema& schema, const Json& value, const std::string& at);

std::string list_problem(const Schema& schema, const Json& list, const std::string& at) {
  if (!schema.items) return {};
  std::set<std::string> keys;
  size_t index = 0;
  for (const auto& item : list.items()) {
    std::string where = "[" + std::to_string(index) + "]";
    if (schema.list_type == "map" || schema.list_type == "set") {
      const auto key = list_item_key(schema, item);
      if (!key) return at + ": element " + std::to_string(index) + ": " + key.error().message;
      where = path_element(*key);
      if (!keys.insert(*key).second) return at + ": duplicate entries for key " + where;
    }
    ++index;
    if (auto problem = problem_below(*schema.items, item, at + where); !problem.empty()) return problem;
  }
  return {};
}

std::string object_problem(const Schema& schema, const Json& value, const std::string& at) {
  for (const auto& [name, member] : value.members()) {
    const auto* property = schema.find(name);
    const Schema* below = property ? property->schema.get() : schema.items.get();
    const std::string where = at + "." + name;
    if (!below) {
      if (schema.preserve_unknown || schema.type == SchemaType::any || schema.embedded_resource) continue;
      return where + ": field not declared in schema";
    }
    if (auto problem = problem_below(*below, member, where); !problem.empty()) return problem;
  }
  return {};
}

std::string problem_below(const Schema& schema, const Json& value, const std::string& at) {
  if (value.is_null()) return {};
  switch (schema.type) {
    case SchemaType::object:
    case SchemaType::map:
      if (!value.is_object()) return at + ": expected map, got &{" + shown(value) + "}";
      return object_problem(schema, value, at);
    case SchemaType::array:
      if (!value.is_array()) return at + ": expected list, got &{" + shown(value) + "}";
      return list_problem(schema, value, at);
    case SchemaType::integer:
    case SchemaType::number:
      if (!value.is_number()) return at + ": expected numeric (int or float), got " + std::string(go_type(value));
      return {};
    case SchemaType::string:
      // Quantities and the like are numbers to some people.
      if (!value.is_string() && !value.is_number()) return at + ": expected string, got &{" + shown(value) + "}";
      return {};
    case SchemaType::boolean:
      if (!value.is_bool()) return at + ": expected boolean, got &{" + shown(value) + "}";
      return {};
    case SchemaType::int_or_string:
    case SchemaType::any:
      return {};
  }
  return {};
}

}  // namespace

std::string typed_problem(const Schema& schema, const Json& doc) {
  Json without = doc;
  without.erase("apiVersion");
  without.erase("kind");
  return problem_below(schema, without, "");
}

}  // namespace registry
