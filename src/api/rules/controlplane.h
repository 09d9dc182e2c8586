// KubeadmControlPlane and KubeadmControlPlaneTemplate.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

void fill_control_plane(Json& doc, const Json* old);
Findings check_control_plane(const Json& doc, const Json* old, Operation operation);
std::vector<std::string> warn_control_plane(const Json& doc);
Findings check_control_plane_template(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
