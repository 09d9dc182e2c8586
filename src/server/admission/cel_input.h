// What the expressions of admission see of a request, and the authorizer that they may ask.
#pragma once

#include "cel/cel.h"
#include "server/admission/attributes.h"
#include "server/call.h"

namespace server {

// Documents for one evaluation; must outlive the bindings made of it.
struct CelInput {
  Json object, old;       // in the version that was matched; null where there is none
  Json request;           // AdmissionRequest without documents
  Json params;            // null: none
  Json namespace_object;  // null: cluster-scoped
  bool has_params = false;

  // `version` is the matched one.
  static CelInput of(const AdmissionAttributes& asked, const std::string& version, Json object, Json old);
  cel::Bindings bindings() const;
};

// Binds `authorizer` and `authorizer.requestResource`. `api` must outlive the bindings.
void bind_authorizer(cel::Bindings& bindings, const Api& api, const AdmissionAttributes& asked);

// Whether all conditions hold. Errors: the texts of those that failed, unless one is false.
struct CelCondition {
  std::string name, expression;
  Result<cel::Program> program;
};
std::vector<CelCondition> conditions_of(const Json& list, bool params);
Result<bool> all_hold(const std::vector<CelCondition>& conditions, const cel::Bindings& bindings);

// `expression 'x' resulted in error: why`.
std::string cel_failure(const std::string& expression, const Error& error);
constexpr const char* cel_budget_spent =
    "validation failed due to running out of cost budget, no further validation rules will be run";

}  // namespace server
