// Schemas of kinds, in one form for everything: parsed from the .schema files of api/ (and later from users' CRDs),
// used to prune, default, validate, explain and publish. See docs/decisions for why the schema, not the C++ struct, is
// the declaration of a kind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace meta {

using base::FieldError;
using base::Json;
using base::Result;

enum class SchemaType : unsigned char { object, map, array, string, integer, number, boolean, int_or_string, any };

struct Schema;
using SchemaRef = std::shared_ptr<const Schema>;

struct Property {
  std::string name;
  SchemaRef schema;
  bool required = false;
};

// A structural schema node (the subset of OpenAPI v3 that CRDs use).
struct Schema {
  SchemaType type = SchemaType::any;
  std::string text;     // description for explain
  std::string format;   // date-time, int32, int64, byte, ...
  std::string pattern;  // RE2
  std::vector<Json> enumeration;
  Json default_value;  // null: none
  std::optional<double> minimum, maximum, multiple_of;
  bool exclusive_minimum = false, exclusive_maximum = false;
  std::optional<int64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  bool nullable = false;
  bool preserve_unknown = false;  // x-kubernetes-preserve-unknown-fields
  bool embedded_resource = false;
  bool map_atomic = false;             // x-kubernetes-map-type: atomic
  std::string list_type;               // "", atomic, set or map
  std::vector<std::string> list_keys;  // for list_type map
  std::vector<Property> properties;    // of object, in declared order
  SchemaRef items;                     // of array and map (additionalProperties)
  // Only from users' CRDs: `required` names without a property, combinations, x-kubernetes-validations as written (see
  // rules.h).
  std::vector<std::string> required_others;
  std::vector<SchemaRef> all_of, any_of, one_of;
  SchemaRef none_of;  // not
  Json rules;

  const Property* find(std::string_view name) const;
};

// Removes fields the schema does not know; names of the removed ones ("spec.bogus") go to `unknown` when given.
// `root` schemas keep apiVersion, kind and metadata.
void prune(const Schema& schema, Json& doc, bool root, std::vector<std::string>* unknown = nullptr);
// Fills defaults in, only where the parent exists; drops nulls that are neither nullable nor defaulted.
void apply_defaults(const Schema& schema, Json& doc);
// All findings, in field order; field paths as "spec.nics[0].mac". Message texts are kube-apiserver's.
// With `old`, what the document replaces: nothing is found in parts that are as they were (items of keyed lists are
// known by their keys; items of other lists are not told apart).
std::vector<FieldError> validate(const Schema& schema, const Json& doc, const Json* old = nullptr);
// OpenAPI v3 schema document (for CRDs, /openapi/v3 and, with v2 = true, /openapi/v2).
Json openapi(const Schema& schema, bool v2 = false);

// "spec.foo: Invalid value: 1: why" etc. for Status messages; see field_error.cpp for the makers.
std::string text_of(const FieldError& error);
FieldError field_required(std::string field, std::string detail = {});
FieldError field_invalid(std::string field, const Json& value, std::string detail);
// As field_invalid, with the reason of a wrong JSON type or format.
FieldError field_type_invalid(std::string field, const Json& value, std::string detail);
FieldError field_not_supported(std::string field, const Json& value, const std::vector<std::string>& supported);
FieldError field_forbidden(std::string field, std::string detail);
FieldError field_duplicate(std::string field, const Json& value);
FieldError field_too_long(std::string field, int64_t max_length);
FieldError field_too_many(std::string field, int64_t actual, int64_t max);
FieldError field_not_found(std::string field, const Json& value);

}  // namespace meta
