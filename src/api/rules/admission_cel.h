// The expressions of admission (matchConditions, policies): which variables they know, and what is wrong with one.
#pragma once

#include <string>
#include <vector>

#include "api/rules/checks.h"
#include "cel/cel.h"

namespace api::rules {

// object, oldObject, request, namespaceObject; also params, authorizer and authorizer.requestResource where they exist.
cel::Environment admission_environment(bool params, bool authorizer);

// `wanted` are names of types as CEL prints them ("bool"); none: anything. Errors: invalid, with kube-apiserver's
// words.
base::Result<cel::Program> compile_admission(const cel::Environment& environment, std::string_view source,
                                             const std::vector<std::string>& wanted);

// Compiles the variables of a policy one after the other, each knowing those before it, and declares `variables`.
// Those that do not compile have no program.
struct AdmissionVariable {
  std::string name;
  base::Result<cel::Program> program;
};
std::vector<AdmissionVariable> compile_variables(cel::Environment& environment, const Json& variables);

void check_admission_expression(const cel::Environment& environment, const Json& source,
                                const std::vector<std::string>& wanted, const std::string& field, Findings& found);

}  // namespace api::rules
