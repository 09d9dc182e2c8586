// The Machine controller: adopts bootstrap and infrastructure objects, finds the Node, reports, and takes a machine
// down in order (hooks, drain, volumes, infrastructure, bootstrap, Node).
#pragma once

#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {

runtime::Controller machine_controller(workload::Clusters& clusters);

namespace machine {

constexpr std::string_view finalizer = "machine.cluster.x-k8s.io";

// What one reconcile works with. `status` is what will be reported at the end.
struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  const Machine& machine;
  Ref<Cluster> cluster;                                // null when it is gone
  std::shared_ptr<const workload::Snapshot> workload;  // null before the first look
  External bootstrap, infrastructure;
  const workload::Node* node = nullptr;
  api::MachineStatus status;
  Duration look_again = Duration::zero();  // zero: only on changes

  void again_in(Duration delay);
};

Result<void> reconcile_node(Scope& scope);       // node.cpp: nodeRef, labels, taints
Result<Outcome> reconcile_delete(Scope& scope);  // delete.cpp
void report(Scope& scope);                       // status.cpp: conditions and phase

// Whether the node of a machine being deleted should be drained and deleted, or why not (pure).
struct NodeDeletion {
  bool allowed = false;
  std::string why_not;
};
NodeDeletion node_deletion_allowed(const Cluster* cluster, bool control_plane_deleting, const Machine& machine,
                                   size_t other_control_plane_machines);

}  // namespace machine
}  // namespace control
