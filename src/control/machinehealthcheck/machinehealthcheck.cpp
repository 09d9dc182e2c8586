#include "control/machinehealthcheck/machinehealthcheck.h"

#include <algorithm>

#include "base/text.h"
#include "control/machinehealthcheck/plan.h"

namespace control {

namespace machinehealthcheck {

using api::MachineHealthCheckStatus;

namespace {

struct Target {
  Ref<Machine> machine;
  Verdict verdict;
};

struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  const MachineHealthCheck& check;
  Ref<Cluster> cluster;
  std::vector<Target> targets;
  int healthy = 0;
  Budget budget;
  Duration look_again = Duration::zero();
};

Time since_true(const std::vector<Condition>& all, std::string_view type) {
  const Condition* found = api::find_condition(all, type);
  return found && found->status == "True" ? found->changed : Time();
}

Result<void> find_targets(Scope& scope) {
  const auto& check = scope.check;
  const auto selector = TRY(registry::LabelSelector::from_object(meta::encode(check.spec.selector)));
  std::shared_ptr<const workload::Snapshot> snapshot;
  if (scope.cluster->status.initialization.control_plane_initialized.value_or(false)) {
    snapshot = scope.clusters.observe(cluster_key(*scope.cluster));
  }
  for (const auto& machine : machines_of(scope.ctx, *scope.cluster)) {
    if (machine->meta.deleting() || !selector.matches(meta::encode(machine->meta)["labels"])) continue;
    if (machine->meta.has_annotation(api::paused_annotation) ||
        machine->meta.has_annotation("cluster.x-k8s.io/skip-remediation"))
      continue;
    const Facts facts{
        .now = scope.ctx.now(),
        .cluster_reachable = snapshot && snapshot->reachable,
        .node = snapshot && !machine->status.node.name.empty() ? snapshot->node(machine->status.node.name) : nullptr,
        .control_plane_initialized = since_true(scope.cluster->status.conditions, "ControlPlaneInitialized"),
        .infrastructure_ready = since_true(scope.cluster->status.conditions, "InfrastructureReady")};
    scope.targets.push_back({machine, judge(check, *machine, facts)});
    const auto& verdict = scope.targets.back().verdict;
    if (verdict.healthy) ++scope.healthy;
    if (verdict.look_again > Duration::zero() &&
        (scope.look_again == Duration::zero() || verdict.look_again < scope.look_again)) {
      scope.look_again = verdict.look_again;
    }
  }
  scope.budget = budget(check, static_cast<int>(scope.targets.size()), scope.healthy);
  return {};
}

Result<void> mark(Scope& scope, const Target& target) {
  const auto& machine = *target.machine;
  const bool known = api::find_condition(machine.status.conditions, "HealthCheckSucceeded") &&
                     !api::is_true(machine.status.conditions, "HealthCheckSucceeded");
  TRY(scope.ctx.update_status(machine, [&](api::MachineStatus& status) {
    api::set_condition(status.conditions,
                       condition("HealthCheckSucceeded", false, target.verdict.reason, target.verdict.message),
                       scope.ctx.now());
    if (!api::find_condition(status.conditions, "OwnerRemediated")) {
      api::set_condition(
          status.conditions,
          condition("OwnerRemediated", false, "WaitingForRemediation", "Waiting for the owner to replace the Machine"),
          scope.ctx.now());
    }
  }));
  if (!known) {
    scope.ctx.event(machine, EventKind::normal, "MachineMarkedUnhealthy",
                    "Machine " + machine.meta.ns + "/" + scope.check.meta.name + "/" + machine.meta.name + "/" +
                        machine.status.node.name + " has been marked as unhealthy: " + target.verdict.message);
  }
  return {};
}

Result<void> unmark(Scope& scope, const Machine& machine) {
  TRY(scope.ctx.update_status(machine, [&](api::MachineStatus& status) {
    api::set_condition(status.conditions, condition("HealthCheckSucceeded", true, "HealthCheckSucceeded"),
                       scope.ctx.now());
    const Condition* owner = api::find_condition(status.conditions, "OwnerRemediated");
    if (owner && owner->reason != "MachineDeleting") api::remove_condition(status.conditions, "OwnerRemediated");
  }));
  return {};
}

// Marks in name order while the budget lasts; a machine that cannot be remediated says so itself.
Result<void> act(Scope& scope) {
  std::vector<std::string> held;
  for (const auto& target : scope.targets) {
    if (target.verdict.healthy) {
      TRY(unmark(scope, *target.machine));
    } else if (target.verdict.remediate && scope.budget.allowed) {
      TRY(mark(scope, target));
    } else if (target.verdict.remediate) {
      held.push_back(target.machine->meta.name);
      TRY(scope.ctx.update_status(*target.machine, [&](api::MachineStatus& status) {
        api::set_condition(status.conditions,
                           condition("HealthCheckSucceeded", false, target.verdict.reason,
                                     target.verdict.message + "; not remediated: " + scope.budget.message),
                           scope.ctx.now());
      }));
    }
  }
  if (!held.empty()) scope.ctx.event(scope.check, EventKind::warning, "RemediationRestricted", scope.budget.message);
  return {};
}

Result<void> report(Scope& scope) {
  std::vector<std::string> names;
  for (const auto& target : scope.targets) names.push_back(target.machine->meta.name);
  TRY(scope.ctx.update_status(scope.check, [&](MachineHealthCheckStatus& status) {
    status.expected = static_cast<int32_t>(scope.targets.size());
    status.healthy = scope.healthy;
    status.remediations_allowed = scope.budget.allowed ? scope.budget.remediations_allowed : 0;
    status.targets = names;
    status.observed_generation = scope.check.meta.generation;
    api::set_condition(status.conditions,
                       scope.budget.allowed
                           ? condition("RemediationAllowed", true, "RemediationAllowed")
                           : condition("RemediationAllowed", false, "TooManyUnhealthy", scope.budget.message),
                       scope.ctx.now());
    api::set_condition(status.conditions, paused_condition(false, nullptr), scope.ctx.now());
  }));
  return {};
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, const MachineHealthCheck& check) {
  if (check.meta.deleting()) return Outcome::done();
  Scope scope{.ctx = ctx,
              .clusters = clusters,
              .check = check,
              .cluster = ctx.find<Cluster>(check.meta.ns, check.spec.cluster_name)};
  if (!scope.cluster) return Outcome::after(base::seconds(30));
  if (is_paused(scope.cluster.get(), check.meta)) {
    TRY(ctx.update_status(check, [&](MachineHealthCheckStatus& status) {
      api::set_condition(status.conditions, paused_condition(true, scope.cluster.get()), ctx.now());
    }));
    return Outcome::done();
  }
  if (!check.meta.owned_by(scope.cluster->meta.uid)) {
    TRY(ctx.update(check, [&](MachineHealthCheck& changed) {
      changed.meta.set_owner(ctx.owner_reference(*scope.cluster, false));
      changed.meta.labels[std::string(api::cluster_name_label)] = scope.cluster->meta.name;
    }));
    return Outcome::done();
  }
  TRY(find_targets(scope));
  TRY(act(scope));
  TRY(report(scope));
  return Outcome::after(scope.look_again);
}

}  // namespace
}  // namespace machinehealthcheck

runtime::Controller machinehealthcheck_controller(workload::Clusters& clusters) {
  const auto checks_of = [](Context& ctx, std::string_view ns, std::string_view cluster) {
    std::vector<Key> keys;
    for (const auto& one : ctx.list<api::MachineHealthCheck>(ns)) {
      if (one->spec.cluster_name == cluster)
        keys.push_back({std::string(api::MachineHealthCheck::resource), one->meta.ns, one->meta.name});
    }
    return keys;
  };
  return runtime::For<api::MachineHealthCheck>("machinehealthcheck",
                                               [&clusters](Context& ctx, const api::MachineHealthCheck& check) {
                                                 return machinehealthcheck::reconcile(ctx, clusters, check);
                                               })
      .watches<Cluster>([checks_of](Context& ctx, const Cluster& cluster) {
        return checks_of(ctx, cluster.meta.ns, cluster.meta.name);
      })
      .watches<Machine>([checks_of](Context& ctx, const Machine& machine) {
        return checks_of(ctx, machine.meta.ns, machine.spec.cluster_name);
      });
}

}  // namespace control
