#include "meta/schema_document.h"

#include <map>

namespace meta {
namespace {

using base::Json;

enum class Holds : unsigned char {
  text,
  text_pointer,
  flag,
  flag_pointer,
  number,
  count,
  texts,
  value,
  values,
  schema,
  schemas,
  schema_map,
  schema_or_list,
  schema_or_flag,
  dependencies,
  rules,
  documentation,
};

using Table = std::map<std::string, Holds, std::less<>>;

const Table& schema_table() {
  static const Table table = {
      {"id", Holds::text},
      {"$schema", Holds::text},
      {"$ref", Holds::text_pointer},
      {"description", Holds::text},
      {"type", Holds::text},
      {"format", Holds::text},
      {"title", Holds::text},
      {"default", Holds::value},
      {"maximum", Holds::number},
      {"exclusiveMaximum", Holds::flag},
      {"minimum", Holds::number},
      {"exclusiveMinimum", Holds::flag},
      {"maxLength", Holds::count},
      {"minLength", Holds::count},
      {"pattern", Holds::text},
      {"maxItems", Holds::count},
      {"minItems", Holds::count},
      {"uniqueItems", Holds::flag},
      {"multipleOf", Holds::number},
      {"enum", Holds::values},
      {"maxProperties", Holds::count},
      {"minProperties", Holds::count},
      {"required", Holds::texts},
      {"items", Holds::schema_or_list},
      {"allOf", Holds::schemas},
      {"oneOf", Holds::schemas},
      {"anyOf", Holds::schemas},
      {"not", Holds::schema},
      {"properties", Holds::schema_map},
      {"additionalProperties", Holds::schema_or_flag},
      {"patternProperties", Holds::schema_map},
      {"dependencies", Holds::dependencies},
      {"additionalItems", Holds::schema_or_flag},
      {"definitions", Holds::schema_map},
      {"externalDocs", Holds::documentation},
      {"example", Holds::value},
      {"nullable", Holds::flag},
      {"x-kubernetes-preserve-unknown-fields", Holds::flag_pointer},
      {"x-kubernetes-embedded-resource", Holds::flag},
      {"x-kubernetes-int-or-string", Holds::flag},
      {"x-kubernetes-list-map-keys", Holds::texts},
      {"x-kubernetes-list-type", Holds::text_pointer},
      {"x-kubernetes-map-type", Holds::text_pointer},
      {"x-kubernetes-validations", Holds::rules},
  };
  return table;
}

const Table& rule_table() {
  static const Table table = {
      {"rule", Holds::text},           {"message", Holds::text},   {"messageExpression", Holds::text},
      {"reason", Holds::text_pointer}, {"fieldPath", Holds::text}, {"optionalOldSelf", Holds::flag_pointer}};
  return table;
}

const Table& documentation_table() {
  static const Table table = {{"description", Holds::text}, {"url", Holds::text}};
  return table;
}

// ---- pruning

class Pruner {
 public:
  explicit Pruner(std::vector<std::string>* unknown) : unknown_(unknown) {}
  bool changed = false;

  void prune(Json& doc, const Table& table, const std::string& path) {
    if (!doc.is_object()) return;
    for (size_t i = 0; i < doc.members().size();) {
      const std::string name = doc.members()[i].first, here = path + "." + name;
      const auto found = table.find(name);
      if (found == table.end()) {
        if (unknown_) unknown_->push_back(here);
        auto& members = doc.mutable_members();
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(i));
        changed = true;
        continue;
      }
      Json below = doc.members()[i].second;
      Pruner inner(found->second == Holds::schema_or_list || found->second == Holds::schema_or_flag ? nullptr
                                                                                                    : unknown_);
      inner.prune_below(below, found->second, here);
      if (inner.changed) doc.mutable_members()[i].second = std::move(below);
      changed = changed || inner.changed;
      ++i;
    }
  }

 private:
  void prune_below(Json& value, Holds holds, const std::string& path) {
    const Table* table = holds == Holds::schema || holds == Holds::schema_map || holds == Holds::schemas ||
                                 holds == Holds::schema_or_list || holds == Holds::schema_or_flag
                             ? &schema_table()
                         : holds == Holds::rules         ? &rule_table()
                         : holds == Holds::documentation ? &documentation_table()
                                                         : nullptr;
    if (!table) return;
    if (value.is_array()) {
      for (size_t i = 0; i < value.size(); ++i) {
        prune(value.item(i), *table, path + "[" + std::to_string(i) + "]");
      }
    } else if (holds == Holds::schema_map) {
      for (size_t i = 0; i < value.members().size(); ++i) {
        prune(value.mutable_members()[i].second, *table, path + "." + value.members()[i].first);
      }
    } else {
      prune(value, *table, path);
    }
  }

  std::vector<std::string>* unknown_;
};

// ---- zero values

bool is_zero(const Json& value, Holds holds) {
  switch (holds) {
    case Holds::text:
      return value.is_string() && value.string().empty();
    case Holds::flag:
      return value.is_bool() && !value.boolean();
    case Holds::texts:
    case Holds::values:
    case Holds::schemas:
    case Holds::rules:
      return value.is_array() && value.empty();
    case Holds::schema_map:
    case Holds::dependencies:
      return value.is_object() && value.empty();
    case Holds::schema_or_list:
      return !value.is_object() && !value.is_array();  // which Go passes over
    default:
      return false;
  }
}

void drop_in(Json& value, Holds holds) {
  if (holds == Holds::schema_map && value.is_object()) {
    for (auto& [name, one] : value.mutable_members()) drop_zero_values(one);
  } else if (value.is_array() && (holds == Holds::schemas || holds == Holds::schema_or_list)) {
    for (auto& one : value.mutable_items()) drop_zero_values(one);
  } else if (value.is_object() &&
             (holds == Holds::schema || holds == Holds::schema_or_list || holds == Holds::schema_or_flag)) {
    drop_zero_values(value);
  }
}

// ---- types

std::string go_word(const Json& value) {
  if (value.is_number()) return "number";
  return std::string(value.is_bool() ? "bool" : value.type_name());
}

class TypeCheck {
 public:
  std::string problem;

  void check(const Json& doc, const Table& table, const char* name, const std::string& path) {
    if (!doc.is_object()) return wrong(doc, name, path, std::string("v1.") + name);
    for (const auto& [member, value] : doc.members()) {
      const auto found = table.find(member);
      if (found == table.end() || value.is_null()) continue;
      check_value(value, found->second, name, path.empty() ? member : path + "." + member);
      if (!problem.empty()) return;
    }
  }

 private:
  void wrong(const Json& value, const char* name, const std::string& path, const std::string& wanted) {
    if (!problem.empty()) return;
    const std::string digits = wanted == "int64" && value.is_number() ? " " + value.dump() : "";
    problem = "json: cannot unmarshal " + go_word(value) + digits + " into Go " +
              (path.empty() ? "value" : "struct field " + std::string(name) + "." + path) + " of type " + wanted;
  }

  void check_value(const Json& value, Holds holds, const char* name, const std::string& path) {
    switch (holds) {
      case Holds::text:
      case Holds::text_pointer:
        if (!value.is_string()) wrong(value, name, path, "string");
        return;
      case Holds::flag:
      case Holds::flag_pointer:
        if (!value.is_bool()) wrong(value, name, path, "bool");
        return;
      case Holds::number:
        if (!value.is_number()) wrong(value, name, path, "float64");
        return;
      case Holds::count:
        if (!value.is_integer()) wrong(value, name, path, "int64");
        return;
      case Holds::texts:
        if (!value.is_array()) return wrong(value, name, path, "[]string");
        for (const auto& one : value.items()) {
          if (!one.is_string()) wrong(one, name, path, "string");
        }
        return;
      case Holds::value:
      case Holds::dependencies:
        return;
      case Holds::values:
        if (!value.is_array()) wrong(value, name, path, "[]v1.JSON");
        return;
      case Holds::schema:
        return check(value, schema_table(), "JSONSchemaProps", path);
      case Holds::schemas:
        return check_each(value, schema_table(), "JSONSchemaProps", path, "[]v1.JSONSchemaProps");
      case Holds::rules:
        return check_each(value, rule_table(), "ValidationRule", path, "v1.ValidationRules");
      case Holds::documentation:
        return check(value, documentation_table(), "ExternalDocumentation", path);
      case Holds::schema_map:
        if (!value.is_object()) return wrong(value, name, path, "map[string]v1.JSONSchemaProps");
        for (const auto& [key, one] : value.members()) check(one, schema_table(), "JSONSchemaProps", path);
        return;
      case Holds::schema_or_list:
      case Holds::schema_or_flag:
        return check_either(value, holds, path);
    }
  }

  void check_each(const Json& list, const Table& table, const char* name, const std::string& path, const char* wanted) {
    if (!list.is_array()) return wrong(list, name, path, wanted);
    for (const auto& one : list.items()) check(one, table, name, path);
  }

  void check_either(const Json& value, Holds holds, const std::string& path) {
    const bool list = holds == Holds::schema_or_list;
    if (list && value.is_array()) {
      for (const auto& one : value.items()) check(one, schema_table(), "JSONSchemaProps", path);
    } else if (value.is_object()) {
      check(value, schema_table(), "JSONSchemaProps", path);
    } else if (!list && !value.is_bool() && problem.empty()) {
      problem = "boolean or JSON schema expected";
    }
  }
};

}  // namespace

bool prune_schema_document(Json& schema, const std::string& path, std::vector<std::string>* unknown) {
  Pruner pruner(unknown);
  pruner.prune(schema, schema_table(), path);
  return pruner.changed;
}

void drop_zero_values(Json& schema) {
  if (!schema.is_object()) return;
  auto& members = schema.mutable_members();
  std::erase_if(members, [](const auto& member) {
    const auto found = schema_table().find(member.first);
    return member.second.is_null() || (found != schema_table().end() && is_zero(member.second, found->second));
  });
  for (auto& [name, value] : members) {
    const auto found = schema_table().find(name);
    if (found != schema_table().end()) drop_in(value, found->second);
  }
}

std::string schema_document_problem(const Json& schema, const std::string& path) {
  TypeCheck check;
  check.check(schema, schema_table(), "JSONSchemaProps", path);
  return std::move(check.problem);
}

}  // namespace meta
