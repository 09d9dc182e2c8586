// Metal3Cluster, Metal3Machine and the templates of both.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

void fill_metal3_cluster(Json& doc, const Json* old);
Findings check_metal3_cluster(const Json& doc, const Json* old, Operation operation);
Findings check_metal3_machine(const Json& doc, const Json* old, Operation operation);
// The specification of machines may change in place, as in Cluster API Provider Metal3: machines made from it before
// stay as they are.
Findings check_metal3_machine_template(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
