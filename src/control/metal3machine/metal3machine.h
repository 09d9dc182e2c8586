// The Metal3Machine controller: claims a host for a Machine, hands it image and user-data, follows it until it is
// provisioned, links the Node, and gives the host back.
#pragma once

#include "control/metal3machine/choose.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller metal3machine_controller(workload::Clusters& clusters);

namespace metal3machine {

// reuse.cpp: what a machine goes on taking from its template after it was made.
// Whether the machine's host is kept for the machine that replaces it: spec.nodeReuse, a cluster that stays, and an
// owner that wants more machines than it has without this one.
bool keeps_host(const Context& ctx, const Metal3Machine& machine, const Cluster* cluster);
// A changed automatedCleaningMode reaches the machines that exist.
Result<void> follow_template(Context& ctx, const Metal3Machine& machine);
std::vector<Key> machines_of_template(Context& ctx, const api::Metal3MachineTemplate& changed);
// Hosts that are still kept for machines of a cluster that goes.
Result<void> release_kept_hosts(Context& ctx, const Cluster& cluster);

}  // namespace metal3machine
}  // namespace control
