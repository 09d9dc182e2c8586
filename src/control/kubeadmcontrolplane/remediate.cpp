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

// What the machine was made for: another one that had failed.
std::optional<api::LastRemediation> replaced_by(const Machine& machine) {
  return read_remediation(machine.meta.annotation(remediation_for));
}

// Why the machine may not be replaced now; empty: it may.
std::string obstacle(const Scope& scope, const Member& target) {
  const auto& situation = scope.situation;
  if (const auto retry = next_retry(replaced_by(*target.machine), scope.plane.spec.remediation, scope.ctx.now());
      !retry.blocked.empty())
    return retry.blocked;
  if (!situation.initialized) return "";  // the first machine failed: start over
  if (situation.replicas <= 1 || situation.members.size() <= 1)
    return "the control plane has a single replica; replacing it would lose its data";
  for (const auto& member : situation.members) {
    if (member.machine->meta.deleting()) return "Machine " + member.machine->meta.name + " is being deleted";
    if (member.machine->status.node.name.empty() && !member.marked_unhealthy)
      return "Machine " + member.machine->meta.name + " is being provisioned";
  }
  if (!situation.etcd_known)
    return "the etcd members are not known: " +
           (scope.workload ? scope.workload->etcd_problem + scope.workload->problem : std::string("not connected"));
  return quorum_after_removal(situation.etcd, target.machine->status.node.name).why;
}

// A replacement that is no longer wanted (fewer replicas), or was made just before a crash, must not hold others back.
Result<void> forget_finished(Scope& scope) {
  const auto now = read_remediation(scope.plane.meta.annotation(remediation_in_progress));
  if (!now) return {};
  int alive = 0;
  for (const auto& member : scope.situation.members) {
    if (member.machine->meta.name == now->machine) return {};
    alive += member.machine->meta.deleting() ? 0 : 1;
  }
  if (alive < scope.situation.replicas) return {};
  TRY(scope.ctx.update(scope.plane, [](api::KubeadmControlPlane& changed) {
    changed.meta.annotations.erase(std::string(remediation_in_progress));
  }));
  return {};
}

}  // namespace

std::optional<api::LastRemediation> read_remediation(const std::string& annotation) {
  const auto doc = base::parse_json(annotation);
  if (annotation.empty() || !doc || !doc->is_object()) return std::nullopt;
  return api::LastRemediation{.machine = (*doc)["machine"].string(),
                              .time = base::parse_rfc3339((*doc)["timestamp"].string()).value_or(Time()),
                              .retry_count = static_cast<int32_t>((*doc)["retryCount"].integer())};
}

Result<bool> remediate(Scope& scope) {
  TRY(forget_finished(scope));
  const Member* target = choose(scope);
  if (!target) return false;
  const auto& machine = *target->machine;
  if (const std::string why = obstacle(scope, *target); !why.empty()) {
    TRY(defer(scope, machine, why));
    scope.again_in(base::seconds(30));
    return true;
  }
  // A record of another replacement that has not been made yet is lost here: that one cannot go on while this machine
  // is sick, so waiting for it would be for ever.
  const int count = next_retry(replaced_by(machine), scope.plane.spec.remediation, scope.ctx.now()).count;
  Json record = Json::object({{"machine", machine.meta.name}, {"retryCount", count}});
  record.set("timestamp", base::rfc3339(scope.ctx.now()));
  TRY(scope.ctx.update(scope.plane, [&](api::KubeadmControlPlane& changed) {
    changed.meta.annotations[std::string(remediation_in_progress)] = record.dump();
  }));
  scope.status.last_remediation = read_remediation(record.dump());
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
