// Machine, MachineSet and MachineDeployment.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

void fill_machine(Json& doc, const Json* old);
Findings check_machine(const Json& doc, const Json* old, Operation operation);
void fill_machine_set(Json& doc, const Json* old);
Findings check_machine_set(const Json& doc, const Json* old, Operation operation);
void fill_machine_deployment(Json& doc, const Json* old);
Findings check_machine_deployment(const Json& doc, const Json* old, Operation operation);

// Taints that a Machine (or a template of machines) may not ask for, because components of Kubernetes own them.
void check_taints(const Json& taints, const std::string& field, bool control_plane, Findings& found);

std::vector<std::string> warn_machine_pool(const Json& doc);

}  // namespace api::rules
