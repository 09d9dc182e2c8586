// The Node of a machine in the workload cluster, seen from its host.
#pragma once

#include "api/metal3.h"
#include "control/contract.h"

namespace control::metal3machine {

using api::BareMetalHost;
using api::Metal3Machine;

std::string provider_id(const Metal3Machine& machine, const BareMetalHost& host);

// Sets spec.providerID of the Node that runs on a provisioned host. Returns what stands in the way and what people can
// do about it, "" when nothing does. Errors: the Node could not be written.
Result<std::string> link_node(Context& ctx, workload::Clusters& clusters, const Cluster& cluster,
                              const Metal3Machine& machine, const BareMetalHost& host);

// A Node that an earlier machine on this host left behind (the cluster was out of reach when that machine went) is
// deleted while the host is being provisioned anew. Once the new kubelet took the name over it would be too late:
// spec.providerID cannot be changed, and a kubelet registers only when it starts. True when there is none (any more).
bool remove_stale_node(Context& ctx, workload::Clusters& clusters, const Cluster& cluster, const Metal3Machine& machine,
                       const BareMetalHost& host);

}  // namespace control::metal3machine
