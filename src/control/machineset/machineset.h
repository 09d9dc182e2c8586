// The MachineSet controller: keeps `replicas` machines, made one after the other from the templates, and replaces
// those that a health check marked.
#pragma once

#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {

runtime::Controller machineset_controller();

namespace machineset {
// Why no machine may be made now (ControlPlaneIsStable, KubernetesVersionSkew, KubeadmVersionSkew); empty: go ahead.
std::vector<std::string> preflight(const Context& ctx, const Cluster& cluster, const api::MachineSet& set);
}  // namespace machineset

}  // namespace control
