// The decisions of a MachineSet, without cache or clock: which machines to make, which to let go, which to remediate.
#pragma once

#include "control/contract.h"

namespace control::machineset {

struct ScalePlan {
  int create = 0;
  std::vector<Ref<Machine>> remove;  // in the order they go
};
// Deleting machines count as gone for creation (they are replaced at once) and are never chosen again.
ScalePlan plan_scale(const api::MachineSetSpec& spec, const std::vector<Ref<Machine>>& machines, Time now);

// How urgently a machine goes when there are too many: 100 deleting, 80 marked, 50 unhealthy, then by order.
double delete_priority(const Machine& machine, std::string_view order, Time now);

// Unhealthy machines this set may delete now, at most `in_flight_max` together with those already being replaced.
std::vector<Ref<Machine>> plan_remediation(const std::vector<Ref<Machine>>& machines, int in_flight_max);

}  // namespace control::machineset
