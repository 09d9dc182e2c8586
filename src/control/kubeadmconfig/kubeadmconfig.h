// The KubeadmConfig controller: decides who runs kubeadm init, makes join tokens, renders user-data into a Secret.
#pragma once

#include "api/kubeadm.h"
#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller kubeadmconfig_controller(workload::Clusters& clusters);

namespace kubeadmconfig {
constexpr Duration token_ttl = base::minutes(15);

// The Secret that makes a bootstrap token known to a workload cluster.
Json token_secret(std::string_view token, Time expires);
}  // namespace kubeadmconfig
}  // namespace control
