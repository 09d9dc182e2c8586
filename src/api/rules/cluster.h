// Cluster and MachineHealthCheck.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

Findings check_cluster(const Json& doc, const Json* old, Operation operation);

void fill_health_check(Json& doc, const Json* old);
Findings check_health_check(const Json& doc, const Json* old, Operation operation);
std::vector<std::string> warn_health_check(const Json& doc);

}  // namespace api::rules
