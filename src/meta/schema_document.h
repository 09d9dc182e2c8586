// JSON schemas as they stand in CustomResourceDefinitions, as documents: what kube-apiserver's type for them knows
// (JSONSchemaProps of apiextensions.k8s.io/v1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace meta {

// The format of fields that hold one.
inline constexpr std::string_view schema_document_format = "json-schema";

// Takes away what the type does not know; names of it go to `unknown` when given, as "PATH.properties.a.bogus". Below
// items and additionalProperties, which are decoded by themselves, nothing is named. True when something went.
bool prune_schema_document(base::Json& schema, const std::string& path, std::vector<std::string>* unknown);
// Takes away what Go would not write: false, "", empty lists and objects where nothing else is meant by them.
void drop_zero_values(base::Json& schema);
// What cannot be decoded, in Go's words; "" when everything can. `path` is where the schema is, without indices.
std::string schema_document_problem(const base::Json& schema, const std::string& path);

}  // namespace meta
