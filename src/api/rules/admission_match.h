// What the kinds of admissionregistration.k8s.io have in common: which requests are meant.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

// What is wrong with a spelling, in kube-apiserver's words; "" when nothing is.
std::string subdomain_problem(std::string_view text);
std::string label_1035_problem(std::string_view text);
std::string qualified_name_problem(std::string_view text);
std::string label_value_problem(std::string_view text);
// The key of a label: all that is wrong with it, a finding each.
void check_qualified_name(std::string_view text, const std::string& field, Findings& found);

void check_label_selector(const Json& selector, const std::string& field, Findings& found);
// operations, apiGroups, apiVersions, resources and scope.
void check_admission_rule(const Json& rule, const std::string& field, Findings& found);
// `params`: whether the expressions may speak of parameters.
void check_match_conditions(const Json& conditions, bool params, const std::string& field, Findings& found);
// A MatchResources object; null is fine.
void check_match_resources(const Json& resources, const std::string& field, Findings& found);

}  // namespace api::rules
