// Rules of the kinds of flowcontrol.apiserver.k8s.io.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

std::vector<FieldError> check_flow_schema(const Json& doc, const Json* old, Operation operation);
std::vector<FieldError> check_priority_level(const Json& doc, const Json* old, Operation operation);
Json cell_of_flow_schema(const Json& doc, std::string_view column);
Json cell_of_priority_level(const Json& doc, std::string_view column);

}  // namespace api::rules
