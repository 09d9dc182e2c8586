// etcd's member list follows the machines: a member leaves before its host does, and members that belong to no machine
// are removed, one per pass, only while the quorum holds.
#include <algorithm>

#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

namespace control::kubeadmcontrolplane {

namespace {

Result<void> drop_hook(Scope& scope, const Machine& machine) {
  TRY(scope.ctx.update(machine, [](Machine& changed) { changed.meta.annotations.erase(std::string(cleanup_hook)); }));
  return {};
}

bool waits_for_hook(const Machine& machine) {
  const Condition* deleting = api::find_condition(machine.status.conditions, "Deleting");
  return machine.meta.deleting() && machine.meta.has_annotation(cleanup_hook) && deleting &&
         deleting->reason == "WaitingForPreTerminateHook";
}

// A healthy member on an up-to-date machine that can lead instead of `leaving`; newest first.
const Member* next_leader(const Scope& scope, const Machine& leaving) {
  const Member* best = nullptr;
  for (const auto& member : scope.situation.members) {
    if (member.machine->meta.name == leaving.meta.name || member.machine->meta.deleting()) continue;
    if (!member.etcd || !member.etcd->healthy || member.etcd->learner || member.marked_unhealthy) continue;
    if (!best || member.outdated.size() < best->outdated.size() ||
        (member.outdated.empty() == best->outdated.empty() &&
         member.machine->meta.created > best->machine->meta.created)) {
      best = &member;
    }
  }
  return best;
}

// Takes one deleting machine's etcd member out. True when its hook may go.
Result<bool> let_member_go(Scope& scope, const Member& member) {
  const auto& machine = *member.machine;
  const std::string& node = machine.status.node.name;
  size_t others = 0;
  for (const auto& one : scope.situation.members) {
    if (one.machine->meta.name != machine.meta.name && !one.machine->meta.deleting()) ++others;
  }
  // The last control-plane machine takes its cluster with it; there is no quorum to keep.
  if (others == 0 || node.empty() || !scope.situation.initialized) return true;
  if (!scope.situation.etcd_known) {
    scope.blocked.push_back(
        "Machine " + machine.meta.name + " keeps its etcd member until etcd can be asked: " +
        (scope.workload ? scope.workload->etcd_problem + scope.workload->problem : std::string("not yet connected")));
    return false;
  }
  if (!member.etcd) return true;  // already out
  if (const auto quorum = quorum_after_removal(scope.situation.etcd, node); !quorum.safe) {
    scope.blocked.push_back("Machine " + machine.meta.name + " keeps its etcd member: " + quorum.why);
    return false;
  }
  const auto key = cluster_key(*scope.cluster);
  if (member.etcd->leader) {
    const Member* leader = next_leader(scope, machine);
    if (leader) {
      const auto moved = scope.clusters.move_etcd_leader(key, leader->machine->status.node.name);
      if (moved.state == workload::JobState::working) return false;
      if (moved.state == workload::JobState::failed)
        return base::Error(*moved.error).context("moving etcd leadership to " + leader->machine->status.node.name);
    }
  }
  const auto removed = scope.clusters.remove_etcd_member(key, node);
  if (removed.state == workload::JobState::failed)
    return base::Error(*removed.error).context("removing etcd member " + node);
  if (removed.state != workload::JobState::done) return false;
  scope.ctx.event(scope.plane, EventKind::normal, "EtcdMemberRemoved",
                  "Removed etcd member " + node + " of Machine " + machine.meta.name);
  scope.clusters.refresh(key);
  return true;
}

// A member without a machine: a join that failed half-way, or a machine that was deleted by force.
Result<void> remove_stray_member(Scope& scope) {
  if (!scope.situation.etcd_known) return {};
  for (const auto& member : scope.situation.members) {
    if (member.machine->status.node.name.empty()) return {};  // may be the one that just joins
  }
  for (const auto& etcd : scope.situation.etcd) {
    const bool known = std::any_of(scope.situation.members.begin(), scope.situation.members.end(),
                                   [&](const Member& member) { return member.etcd == &etcd; });
    const bool node = scope.workload->node(etcd.name) != nullptr;
    if (known || node || etcd.name.empty()) continue;
    if (!quorum_after_removal(scope.situation.etcd, etcd.name).safe) continue;
    const auto removed = scope.clusters.remove_etcd_member(cluster_key(*scope.cluster), etcd.name);
    if (removed.state == workload::JobState::done)
      scope.ctx.event(scope.plane, EventKind::normal, "EtcdMemberRemoved",
                      "Removed etcd member " + etcd.name + ", which no Machine has");
    return {};
  }
  return {};
}

}  // namespace

Result<void> reconcile_etcd(Scope& scope) {
  TRY(remove_stray_member(scope));
  // One at a time, the oldest deletion first.
  const Member* first = nullptr;
  for (const auto& member : scope.situation.members) {
    if (!waits_for_hook(*member.machine)) continue;
    if (!first || *member.machine->meta.deletion < *first->machine->meta.deletion) first = &member;
  }
  if (!first) return {};
  if (TRY(let_member_go(scope, *first))) return drop_hook(scope, *first->machine);
  scope.again_in(base::seconds(10));
  return {};
}

Result<void> release_hooks(Scope& scope) {
  for (const auto& machine : machines(scope)) {
    if (machine->meta.has_annotation(cleanup_hook)) TRY(drop_hook(scope, *machine));
  }
  return {};
}

}  // namespace control::kubeadmcontrolplane
