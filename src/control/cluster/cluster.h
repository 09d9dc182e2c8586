// The Cluster controller: ties infrastructure and control plane together, sums up what they and the machines report,
// and takes a cluster down in order (workers, control plane, infrastructure).
#pragma once

#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {

runtime::Controller cluster_controller(workload::Clusters& clusters);

namespace cluster {

constexpr std::string_view finalizer = "cluster.cluster.x-k8s.io";

struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  const Cluster& cluster;
  External infrastructure, control_plane;
  std::vector<Ref<Machine>> machines;
  std::vector<Ref<api::MachineDeployment>> deployments;
  std::shared_ptr<const workload::Snapshot> workload;
  api::ClusterStatus status;
  std::string deleting_reason, deleting_message;  // while it goes
};

void report(Scope& scope);  // status.cpp

}  // namespace cluster
}  // namespace control
