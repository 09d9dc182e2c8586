// Replacing control-plane machines that a health check marked: one at a time, never at the price of the quorum, with
// the retry limits of spec.remediation.
#include <algorithm>

#include "base/text.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

namespace control::kubeadmcontrolplane {

namespace {

// The marked machine to take first: asked for by annotation, without a Node, with a bad etcd member or component,
// oldest.
const Member* choose(const Scope& scope) {
  const auto rank = [](const Member& member) {
    return std::tuple(!member.machine->meta.has_annotation("cluster.x-k8s.io/remediate-machine"),
                      !member.machine->status.node.name.empty(), member.unhealthy.empty(), member.machine->meta.created,
                      member.machine->meta.name);
  };
  const Member* best = nullptr;
  for (const auto& member : scope.situation.members) {
    if (!member.marked_unhealthy || member.machine->meta.deleting()) continue;
    if (!best || rank(member) < rank(*best)) best = &member;
  }
  return best;
}

Result<void> defer(Scope& scope, const Machine& machine, const std::string& why) {
  scope.blocked.push_back("replacing Machine " + machine.meta.name + " waits: " + why);
  TRY(scope.ctx.update_status(machine, [&](api::MachineStatus& status) {
    api::set_condition(status.conditions, condition("OwnerRemediated", false, "RemediationDeferred", why),
                       scope.ctx.now());
  }));
  return {};
}

// Why the machine may not be replaced now; empty: it may.
std::string obstacle(const Scope& scope, const Member& target) {
  const auto& situation = scope.situation;
  if (!situation.initialized) return "";  // the first machine failed: start over
  if (situation.replicas <= 1) return "the control plane has a single replica; replacing it would lose its data";
  for (const auto& member : situation.members) {
    if (member.machine->meta.deleting()) return "Machine " + member.machine->meta.name + " is being deleted";
    if (member.machine->status.node.name.empty() && !member.marked_unhealthy)
      return "Machine " + member.machine->meta.name + " is being provisioned";
  }
  if (!situation.etcd_known)
    return "the etcd members are not known: " +
           (scope.workload ? scope.workload->etcd_problem + scope.workload->problem : std::string("not connected"));
  const auto quorum = quorum_after_removal(situation.etcd, target.machine->status.node.name);
  if (!quorum.safe) return quorum.why;
  const auto& limits = scope.plane.spec.remediation;
  const auto& last = scope.status.last_remediation;
  if (!last) return "";
  const auto since = scope.ctx.now() - last->time;
  if (since < base::seconds(limits.retry_period_seconds.value_or(0)))
    return "the last replacement was " + base::human_duration(since) +
           " ago, spec.remediation.retryPeriodSeconds asks for more";
  const bool same_trouble = since < base::seconds(limits.min_healthy_period_seconds.value_or(3600));
  if (same_trouble && limits.max_retry && last->retry_count.value_or(0) >= *limits.max_retry)
    return "spec.remediation.maxRetry (" + std::to_string(*limits.max_retry) + ") is reached";
  return "";
}

}  // namespace

Result<bool> remediate(Scope& scope) {
  const Member* target = choose(scope);
  if (!target) return false;
  const auto& machine = *target->machine;
  if (const std::string why = obstacle(scope, *target); !why.empty()) {
    TRY(defer(scope, machine, why));
    scope.again_in(base::seconds(30));
    return true;
  }
  const auto& last = scope.status.last_remediation;
  const bool again = last && scope.ctx.now() - last->time <
                                 base::seconds(scope.plane.spec.remediation.min_healthy_period_seconds.value_or(3600));
  scope.status.last_remediation = api::LastRemediation{.machine = machine.meta.name,
                                                       .time = scope.ctx.now(),
                                                       .retry_count = again ? last->retry_count.value_or(0) + 1 : 0};
  TRY(scope.ctx.update_status(machine, [&](api::MachineStatus& status) {
    api::set_condition(status.conditions,
                       condition("OwnerRemediated", false, "MachineDeleting",
                                 "KubeadmControlPlane " + scope.plane.meta.name + " is replacing the Machine"),
                       scope.ctx.now());
  }));
  TRY(scope.ctx.remove(machine));
  scope.ctx.event(scope.plane, EventKind::normal, "MachineRemediation",
                  "Deleting unhealthy Machine " + machine.meta.name);
  return true;
}

}  // namespace control::kubeadmcontrolplane
