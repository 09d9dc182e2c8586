// KubeadmConfig and KubeadmConfigTemplate, and the same specification inside control planes.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

// The KubeadmConfigSpec that stands at `field` ("spec.kubeadmConfigSpec").
void check_kubeadm_spec(const Json& spec, const std::string& field, Findings& found);

void fill_kubeadm_config(Json& doc, const Json* old);
Findings check_kubeadm_config(const Json& doc, const Json* old, Operation operation);
void fill_kubeadm_config_template(Json& doc, const Json* old);
Findings check_kubeadm_config_template(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
