// BareMetalHost.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

Findings check_host(const Json& doc, const Json* old, Operation operation);
std::vector<std::string> warn_host(const Json& doc);

}  // namespace api::rules
