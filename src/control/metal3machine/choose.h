// Which BareMetalHost a Metal3Machine takes, or why none (pure).
#pragma once

#include "api/metal3.h"
#include "control/contract.h"

namespace control::metal3machine {

using api::BareMetalHost;
using api::Metal3Machine;

struct Choice {
  Ref<BareMetalHost> host;    // null: none
  bool already_ours = false;  // its consumerRef names this Metal3Machine
  std::string why;            // for people, when none: numbers, near misses, next step
};

// Hosts that a rollout keeps for the next machine of the same owner (Metal3MachineTemplate spec.nodeReuse): this label,
// with the Cluster as consumer, so that nobody else takes them meanwhile.
constexpr std::string_view node_reuse_label = "infrastructure.cluster.x-k8s.io/node-reuse";
// "cp-NAME" or "md-NAME" of the KubeadmControlPlane or MachineDeployment that the machine belongs to; "" when neither.
std::string node_reuse_value(const Metal3Machine& machine);

// Hosts are those of the machine's own namespace, sorted by name; one that is kept for the machine's owner goes first,
// else the first that fits is taken, so a replay chooses the same. Errors: invalid (a malformed host selector).
Result<Choice> choose_host(const Metal3Machine& machine, const std::vector<Ref<BareMetalHost>>& hosts);

}  // namespace control::metal3machine
