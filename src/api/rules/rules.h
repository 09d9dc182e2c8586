// What admission webhooks and built-in strategies do upstream, per kind and on the storage version: defaults that
// depend on other fields, rules that a schema cannot say, warnings. A kind gets them by one row in rules.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/kind.h"

namespace api::rules {

using base::FieldError;
using base::Json;
using meta::Operation;

// Any member may be null. `old` is null on create.
struct Rules {
  std::function<void(Json& doc, const Json* old)> fill_defaults;
  std::function<std::vector<FieldError>(const Json& doc, const Json* old, Operation operation)> check;
  std::function<std::vector<std::string>(const Json& doc)> warnings;
  std::function<Json(const Json& doc, std::string_view column)> cell;  // hand-made columns of core kinds
  std::function<void(Json& doc)> begin_deletion = nullptr;
};

// By "plural.group"; null when the kind has none.
const Rules* rules_of(std::string_view resource);

}  // namespace api::rules
