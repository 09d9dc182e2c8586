// Validation with the message texts of kube-apiserver's structural schema validation. Where upstream's order of
// several findings is random (Go map iteration), ours is the order of the schema.
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "base/field_path.h"
#include "base/text.h"
#include "meta/formats.h"
#include "meta/rules.h"
#include "meta/schema.h"
#include "meta/structural.h"

namespace meta {
namespace {

using base::FieldPath;

// Compiled once per pattern for the life of the process: patterns come from schemas. The bound is for
// those that users bring; beyond it patterns are compiled per use.
constexpr size_t cached_patterns_max = 4096;

bool matches(const std::string& pattern, const std::string& text) {
  static thread_local std::map<std::string, std::unique_ptr<re2::RE2>> cache;
  auto found = cache.find(pattern);
  if (found == cache.end()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto compiled = std::make_unique<re2::RE2>(pattern, options);
    if (cache.size() >= cached_patterns_max) return !compiled->ok() || re2::RE2::PartialMatch(text, *compiled);
    found = cache.emplace(pattern, std::move(compiled)).first;
  }
  return !found->second->ok() || re2::RE2::PartialMatch(text, *found->second);
}

int64_t rune_count(std::string_view text) {
  int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

// 1 instead of 1.0, as Go's %v prints a bound.
std::string plain(double bound) {
  if (std::floor(bound) == bound && std::fabs(bound) < 1e15) return std::to_string(static_cast<int64_t>(bound));
  return Json(bound).dump();
}

std::string_view type_word(SchemaType type) {
  switch (type) {
    case SchemaType::object:
    case SchemaType::map:
      return "object";
    case SchemaType::array:
      return "array";
    case SchemaType::string:
      return "string";
    case SchemaType::integer:
      return "integer";
    case SchemaType::number:
      return "number";
    case SchemaType::boolean:
      return "boolean";
    case SchemaType::int_or_string:
      return "integer,string";
    case SchemaType::any:
      break;
  }
  return "";
}

bool whole(const Json& value) {
  return value.is_integer() || (value.is_double() && std::floor(value.number()) == value.number());
}

bool has_type(const Schema& schema, const Json& value) {
  switch (schema.type) {
    case SchemaType::object:
    case SchemaType::map:
      return value.is_object();
    case SchemaType::array:
      return value.is_array();
    case SchemaType::string:
      return value.is_string();
    case SchemaType::integer:
      return whole(value);
    case SchemaType::number:
      return value.is_number();
    case SchemaType::boolean:
      return value.is_bool();
    case SchemaType::int_or_string:
      return whole(value) || value.is_string();
    case SchemaType::any:
      return true;
  }
  return true;
}

class Validator {
 public:
  std::vector<FieldError> found;

  // `old`: the value that it replaces; null when there is none or it cannot be told which.
  void check(const Schema& schema, const Json& value, const FieldPath& path, const Json* old = nullptr) {
    const size_t before = found.size();
    check_all(schema, value, path, old);
    if (found.size() > before && old && *old == value) found.resize(before);
  }

 private:
  void check_all(const Schema& schema, const Json& value, const FieldPath& path, const Json* old) {
    if (value.is_null() && (schema.nullable || schema.type == SchemaType::any)) {
      return check_enumeration(schema, value, path);  // which must name null to allow it
    }
    if (!has_type(schema, value)) {
      add_type_error(path, type_word(schema.type), value.type_name());
      check_enumeration(schema, value, path);
      return;
    }
    if (schema.embedded_resource && value.is_object()) check_embedded(value, path);
    if (value.is_string()) check_string(schema, value.string(), path);
    if (value.is_number()) check_number(schema, value, path);
    if (value.is_array()) check_array(schema, value, path, old);
    if (value.is_object()) check_object(schema, value, path, old);
    check_enumeration(schema, value, path);
    check_combinations(schema, value, path);
  }

  static std::string in_body(const FieldPath& path, std::string_view rest) {
    return (path.is_root() ? "" : path.text() + " ") + "in body " + std::string(rest);
  }
  static std::string at(const FieldPath& path) { return path.is_root() ? "<nil>" : path.text(); }
  static std::string child(const FieldPath& path, std::string_view name) { return path.member(name).text(); }

  void add_type_error(const FieldPath& path, std::string_view wanted, std::string_view got) {
    found.push_back(field_type_invalid(
        at(path), got, in_body(path, "must be of type " + std::string(wanted) + ": " + base::quoted(got))));
  }
  void add_invalid(const FieldPath& path, const Json& value, std::string_view rest) {
    found.push_back(field_invalid(at(path), value, in_body(path, rest)));
  }

  void check_embedded(const Json& value, const FieldPath& path) {
    for (const char* name : {"apiVersion", "kind"}) {
      const auto& text = value[name].string();
      std::string why;
      if (text.empty()) {
        why = "must not be empty";
      } else if (name == std::string_view("kind")) {
        why = dns_1035_problem(base::lower(text));
        if (!why.empty()) why = "may have mixed case, but should otherwise match: " + why;
      } else if (std::count(text.begin(), text.end(), '/') > 1) {
        why = "unexpected GroupVersion string: " + text;
      }
      if (!value.has(name)) {
        found.push_back(field_required(child(path, name)));
      } else if (!why.empty()) {
        found.push_back(field_invalid(child(path, name), text, why));
      }
    }
  }

  void check_string(const Schema& schema, const std::string& text, const FieldPath& path) {
    const int64_t length = schema.max_length || schema.min_length ? rune_count(text) : 0;
    if (schema.max_length && length > *schema.max_length) {
      found.push_back(field_too_long(at(path), *schema.max_length));
      return;  // the first of these three is told
    }
    if (schema.min_length && length < *schema.min_length) {
      add_invalid(path, text, "should be at least " + std::to_string(*schema.min_length) + " chars long");
      return;
    }
    if (!schema.pattern.empty() && !matches(schema.pattern, text)) {
      add_invalid(path, text, "should match '" + schema.pattern + "'");
    }
    if (!schema.format.empty() && !has_format(schema.format, text)) {
      found.push_back(field_type_invalid(
          at(path), text, in_body(path, "must be of type " + schema.format + ": " + base::quoted(text))));
    }
  }

  // A whole number is compared with the whole part of a bound, as if the schema said integer.
  static double bound_for(const Json& value, double bound) { return value.is_integer() ? std::trunc(bound) : bound; }

  void check_number(const Schema& schema, const Json& value, const FieldPath& path) {
    const double number = value.number();
    if (schema.multiple_of) check_multiple(bound_for(value, *schema.multiple_of), value, path);
    if (schema.maximum) {
      const double most = bound_for(value, *schema.maximum);
      const std::string_view words =
          schema.exclusive_maximum ? "should be less than " : "should be less than or equal to ";
      if (schema.exclusive_maximum ? number >= most : number > most) {
        add_invalid(path, value, std::string(words) + plain(most));
      }
    }
    if (schema.minimum) {
      const double least = bound_for(value, *schema.minimum);
      const std::string_view words =
          schema.exclusive_minimum ? "should be greater than " : "should be greater than or equal to ";
      if (schema.exclusive_minimum ? number <= least : number < least) {
        add_invalid(path, value, std::string(words) + plain(least));
      }
    }
    const bool fits = schema.format == "int32"   ? number >= -2147483648.0 && number <= 2147483647.0
                      : schema.format == "int64" ? number >= -9223372036854775808.0 && number < 9223372036854775808.0
                                                 : true;
    if (!fits) add_invalid(path, value, "must be of type integer with format " + schema.format);
  }

  void check_multiple(double factor, const Json& value, const FieldPath& path) {
    if (factor <= 0) {
      found.push_back(field_invalid(
          at(path), factor, "factor MultipleOf declared for " + path.text() + " must be positive: " + plain(factor)));
    } else if (std::fmod(value.number(), factor) != 0) {
      add_invalid(path, value, "should be a multiple of " + plain(factor));
    }
  }

  void check_array(const Schema& schema, const Json& value, const FieldPath& path, const Json* old) {
    const auto size = static_cast<int64_t>(value.size());
    if (schema.max_items && size > *schema.max_items) {
      found.push_back(field_too_many(at(path), size, *schema.max_items));
      return;  // a huge list is not looked at item by item
    }
    if (schema.min_items && size < *schema.min_items) {
      add_invalid(path, size, "should have at least " + std::to_string(*schema.min_items) + " items");
    }
    for (size_t i = 0; schema.items && i < value.items().size(); ++i) {
      const Json* before = old ? same_item(schema, *old, value.items()[i]) : nullptr;
      check(*schema.items, value.items()[i], path.item(i), before);
    }
    if (schema.list_type != "set" && schema.list_type != "map") return;
    Validator earlier;  // a list that has doubles may keep them
    if (old && old->is_array()) earlier.check_duplicates(schema, *old, path);
    if (earlier.found.empty()) check_duplicates(schema, value, path);
  }

  // Items of a set are compared whole, items of a keyed list by their keys.
  void check_duplicates(const Schema& schema, const Json& value, const FieldPath& path) {
    std::set<std::string> seen;
    for (size_t i = 0; i < value.items().size(); ++i) {
      Json key = value.items()[i];
      if (schema.list_type == "map") {
        key = Json::object();
        for (const auto& name : schema.list_keys) {
          if (const Json* part = value.items()[i].find(name)) key.set(name, *part);
        }
      }
      if (!seen.insert(key.dump()).second) {
        found.push_back(field_duplicate(path.item(i).text(), key));
      }
    }
  }

  void check_object(const Schema& schema, const Json& value, const FieldPath& path, const Json* old) {
    const auto before = [&](const std::string& name) {
      // A change of these two is not seen: both documents are in one version.
      if (path.is_root() && (name == "apiVersion" || name == "kind")) return static_cast<const Json*>(nullptr);
      return old ? old->find(name) : nullptr;
    };
    const auto size = static_cast<int64_t>(value.size());
    if (schema.max_properties && size > *schema.max_properties) {
      found.push_back(field_too_many(at(path), size, *schema.max_properties));
    }
    if (schema.min_properties && size < *schema.min_properties) {
      add_invalid(path, size, "should have at least " + std::to_string(*schema.min_properties) + " properties");
    }
    for (const auto& property : schema.properties) {
      if (const Json* member = value.find(property.name)) {
        check(*property.schema, *member, path.member(property.name), before(property.name));
      } else if (property.required) {
        found.push_back(field_required(child(path, property.name)));
      }
    }
    for (const auto& name : schema.required_others) {
      if (!value.has(name)) found.push_back(field_required(child(path, name)));
    }
    if (schema.type != SchemaType::map || !schema.items) return;
    for (const auto& [name, member] : value.members()) {
      if (schema.items == nothing_fits()) {
        found.push_back(field_invalid(at(path), name, child(path, name) + " in body is a forbidden property"));
      } else {
        check(*schema.items, member, path.member(name), before(name));
      }
    }
  }

  static std::vector<FieldError> findings_of(const Schema& schema, const Json& value, const FieldPath& path) {
    Validator inner;
    inner.check(schema, value, path);
    return std::move(inner.found);
  }

  // Upstream names no field and no value here; what the closest alternative misses follows.
  void add_combination(const FieldPath& path, std::string_view problem, const std::vector<FieldError>& closest) {
    found.push_back(field_invalid("<nil>", "", base::quoted(path.text()) + " " + std::string(problem)));
    found.insert(found.end(), closest.begin(), closest.end());
  }

  // How many of the schemas hold; `closest` becomes what the one with the fewest findings lacks.
  static size_t count_valid(const std::vector<SchemaRef>& schemas, const Json& value, const FieldPath& path,
                            std::vector<FieldError>& closest) {
    size_t valid = 0;
    for (const auto& schema : schemas) {
      auto findings = findings_of(*schema, value, path);
      if (findings.empty()) ++valid;
      if (closest.empty() || findings.size() < closest.size()) closest = std::move(findings);
    }
    return valid;
  }

  void check_combinations(const Schema& schema, const Json& value, const FieldPath& path) {
    std::vector<FieldError> closest;
    if (!schema.all_of.empty() && count_valid(schema.all_of, value, path, closest) < schema.all_of.size()) {
      closest.clear();
      for (const auto& one : schema.all_of) {
        for (auto& finding : findings_of(*one, value, path)) closest.push_back(std::move(finding));
      }
      add_combination(path, "must validate all the schemas (allOf)", closest);
    }
    closest.clear();
    if (!schema.any_of.empty() && count_valid(schema.any_of, value, path, closest) == 0) {
      add_combination(path, "must validate at least one schema (anyOf)", closest);
    }
    closest.clear();
    if (!schema.one_of.empty()) {
      const size_t valid = count_valid(schema.one_of, value, path, closest);
      const std::string problem = "must validate one and only one schema (oneOf). Found ";
      if (valid == 0) add_combination(path, problem + "none valid", closest);
      if (valid > 1) add_combination(path, problem + std::to_string(valid) + " valid alternatives", {});
    }
    if (schema.none_of && findings_of(*schema.none_of, value, path).empty()) {
      add_combination(path, "must not validate the schema (not)", {});
    }
  }

  void check_enumeration(const Schema& schema, const Json& value, const FieldPath& path) {
    if (schema.enumeration.empty()) return;
    std::vector<std::string> names;
    for (const auto& allowed : schema.enumeration) {
      if (allowed == value) return;
      names.push_back(allowed.is_string() ? allowed.string() : allowed.dump());
    }
    found.push_back(field_not_supported(at(path), value, names));
  }
};

}  // namespace

std::vector<FieldError> validate(const Schema& schema, const Json& doc, const Json* old) {
  Validator validator;
  validator.check(schema, doc, FieldPath(), old);
  return std::move(validator.found);
}

}  // namespace meta
