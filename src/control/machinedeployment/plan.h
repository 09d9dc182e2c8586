// The decisions of a rolling update, pure: which MachineSet gets how many replicas next.
#pragma once

#include "control/contract.h"

namespace control::machinedeployment {

using api::MachineDeployment;
using api::MachineSet;

// Whether two machine templates would make the same machine: version, failure domain, bootstrap, infrastructure. All
// other fields change in place.
bool same_template(const api::MachineSpec& a, const api::MachineSpec& b);

// The set that makes what the deployment wants now; null when a new one is needed. Of several, the one with the most
// replicas, then the oldest. With rollout.after in the past it must be younger than that.
Ref<MachineSet> find_new_set(const MachineDeployment& deployment, const std::vector<Ref<MachineSet>>& sets, Time now);

struct Limits {
  int surge = 0, unavailable = 0;
};
Limits rollout_limits(const MachineDeployment& deployment);

struct SetScale {
  std::string name;
  int replicas;
};
// New replica counts for sets that change; `new_set` must be among `sets`.
std::vector<SetScale> plan_rolling_update(const MachineDeployment& deployment, const Ref<MachineSet>& new_set,
                                          const std::vector<Ref<MachineSet>>& sets);
// OnDelete: old sets shrink only as their machines are deleted by hand, or when fewer replicas are wanted; the new set
// fills the gap.
std::vector<SetScale> plan_on_delete(const MachineDeployment& deployment, const Ref<MachineSet>& new_set,
                                     const std::vector<Ref<MachineSet>>& sets);

}  // namespace control::machinedeployment
