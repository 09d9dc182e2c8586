// What admission webhooks and built-in strategies do upstream, per kind and on the storage version: defaults that
// depend on other fields, rules that a schema cannot say, warnings. A kind gets them by one row in rules.cpp.
#pragma once

#include <functional>
#include <optional>
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
  // `check` says all that is wrong with the object, in kube-apiserver's order: of the schema only the types count.
  bool says_all = false;
  // In place of `check` for kinds whose versions are judged in different ways; says all. `api_version`: the request's.
  std::function<std::vector<FieldError>(const Json& doc, const Json* old, Operation operation,
                                        std::string_view api_version)>
      check_version = nullptr;
};

// By "plural.group"; null when the kind has none.
const Rules* rules_of(std::string_view resource);

// All that the rules of a core kind find wrong with a document that has the right types, if they say all; else nullopt.
std::optional<std::vector<FieldError>> all_findings(const meta::Kind& kind, const Json& doc, const Json* old,
                                                    Operation operation, std::string_view api_version);

}  // namespace api::rules
