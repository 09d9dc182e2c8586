#include "control/machinedeployment/machinedeployment.h"

#include <algorithm>

#include "base/text.h"
#include "control/machinedeployment/plan.h"

namespace control {

namespace machinedeployment {

using api::MachineDeploymentStatus;

namespace {

constexpr std::string_view finalizer = "cluster.x-k8s.io/machinedeployment";
constexpr std::string_view revision_annotation = "machinedeployment.clusters.x-k8s.io/revision";
constexpr std::string_view disable_create = "cluster.x-k8s.io/disable-machine-create";

struct Scope {
  Context& ctx;
  const MachineDeployment& deployment;
  Ref<Cluster> cluster;
  Ref<MachineSet> new_set;
};

std::vector<Ref<MachineSet>> sets_of(const Scope& scope) {
  return scope.ctx.children_of<MachineSet>(scope.deployment.meta);
}

int64_t revision_of(const api::ObjectMeta& meta) {
  return base::parse_int(meta.annotation(revision_annotation)).value_or(0);
}

Result<void> create_set(Scope& scope, int64_t revision) {
  const auto& deployment = scope.deployment;
  MachineSet set;
  set.meta.name = random_name(scope.ctx, deployment.meta.name);
  set.meta.ns = deployment.meta.ns;
  const std::string hash = set.meta.name.substr(set.meta.name.rfind('-') + 1);
  set.meta.labels = deployment.spec.machine.meta.labels;
  set.meta.labels[std::string(api::cluster_name_label)] = deployment.spec.cluster_name;
  set.meta.labels[std::string(api::deployment_name_label)] = deployment.meta.name;
  set.meta.labels[std::string(api::template_hash_label)] = hash;
  set.meta.annotations[std::string(revision_annotation)] = std::to_string(revision);
  set.meta.owners = {scope.ctx.owner_reference(deployment, true)};
  set.meta.add_finalizer("cluster.x-k8s.io/machineset");
  set.spec.cluster_name = deployment.spec.cluster_name;
  set.spec.replicas = 0;  // grown by the rollout below, within its limits
  set.spec.selector = deployment.spec.selector;
  set.spec.selector.match_labels[std::string(api::template_hash_label)] = hash;
  set.spec.machine = deployment.spec.machine;
  set.spec.machine.meta.labels[std::string(api::template_hash_label)] = hash;
  set.spec.machine.meta.labels[std::string(api::deployment_name_label)] = deployment.meta.name;
  set.spec.machine.meta.labels[std::string(api::cluster_name_label)] = deployment.spec.cluster_name;
  set.spec.naming = deployment.spec.naming;
  set.spec.deletion = deployment.spec.deletion;
  scope.new_set = TRY(scope.ctx.create(set));
  scope.ctx.event(deployment, EventKind::normal, "SuccessfulCreate", "Created MachineSet " + set.meta.name);
  return {};
}

// Finds or makes the set for the present template and gives it the newest revision.
Result<void> ensure_new_set(Scope& scope) {
  const auto sets = sets_of(scope);
  int64_t newest = 0;
  for (const auto& set : sets) newest = std::max(newest, revision_of(set->meta));
  scope.new_set = find_new_set(scope.deployment, sets, scope.ctx.now());
  if (!scope.new_set) return create_set(scope, newest + 1);
  const bool reused = revision_of(scope.new_set->meta) < newest;
  scope.new_set = TRY(scope.ctx.update(*scope.new_set, [&](MachineSet& set) {
    if (reused) set.meta.annotations[std::string(revision_annotation)] = std::to_string(newest + 1);
    set.meta.annotations.erase(std::string(disable_create));
    set.spec.deletion = scope.deployment.spec.deletion;
    set.spec.naming = scope.deployment.spec.naming;
    auto& wanted = scope.deployment.spec.machine;
    for (const auto& [key, value] : wanted.meta.labels) set.spec.machine.meta.labels[key] = value;
    set.spec.machine.meta.annotations = wanted.meta.annotations;
    set.spec.machine.spec.deletion = wanted.spec.deletion;
    set.spec.machine.spec.min_ready_seconds = wanted.spec.min_ready_seconds;
    set.spec.machine.spec.readiness_gates = wanted.spec.readiness_gates;
    set.spec.machine.spec.taints = wanted.spec.taints;
  }));
  TRY(scope.ctx.update(scope.deployment, [&](MachineDeployment& changed) {
    changed.meta.annotations[std::string(revision_annotation)] = scope.new_set->meta.annotation(revision_annotation);
  }));
  return {};
}

Result<void> roll_out(Scope& scope) {
  const auto sets = sets_of(scope);
  const bool on_delete = scope.deployment.spec.rollout.strategy.type == "OnDelete";
  const auto plan = on_delete ? plan_on_delete(scope.deployment, scope.new_set, sets)
                              : plan_rolling_update(scope.deployment, scope.new_set, sets);
  for (const auto& change : plan) {
    const auto set = scope.ctx.find<MachineSet>(scope.deployment.meta.ns, change.name);
    if (!set) continue;
    const int before = set->spec.replicas.value_or(1);
    TRY(scope.ctx.update(*set, [&](MachineSet& changed) { changed.spec.replicas = change.replicas; }));
    scope.ctx.event(scope.deployment, EventKind::normal, "SuccessfulScale",
                    "Scaled MachineSet " + change.name + " from " + std::to_string(before) + " to " +
                        std::to_string(change.replicas));
  }
  if (!on_delete) return {};
  for (const auto& set : sets) {
    if (set->meta.name == scope.new_set->meta.name) continue;
    TRY(scope.ctx.update(*set, [](MachineSet& old) { old.meta.annotations[std::string(disable_create)] = "true"; }));
  }
  return {};
}

// There is no history to go back to: empty old sets go once the deployment is complete.
Result<void> clean_up(Scope& scope) {
  const int wanted = scope.deployment.spec.replicas.value_or(1);
  const auto current = scope.ctx.find<MachineSet>(scope.deployment.meta.ns, scope.new_set->meta.name);
  if (!current || current->status.available.value_or(0) < wanted) return {};
  for (const auto& set : sets_of(scope)) {
    if (set->meta.name == current->meta.name || set->meta.deleting()) continue;
    if (set->spec.replicas.value_or(1) != 0 || set->status.replicas.value_or(1) != 0) continue;
    TRY(scope.ctx.remove(*set));
    scope.ctx.event(scope.deployment, EventKind::normal, "SuccessfulDelete",
                    "Deleted old MachineSet " + set->meta.name);
  }
  return {};
}

struct Counts {
  int replicas = 0, ready = 0, available = 0, up_to_date = 0, old = 0;
};

Counts count(const Scope& scope) {
  Counts out;
  for (const auto& set : sets_of(scope)) {
    out.replicas += set->status.replicas.value_or(0);
    out.ready += set->status.ready.value_or(0);
    out.available += set->status.available.value_or(0);
    if (scope.new_set && set->meta.name == scope.new_set->meta.name)
      out.up_to_date += set->status.up_to_date.value_or(0);
    else
      out.old += set->status.replicas.value_or(0);
  }
  return out;
}

// Condition of that type of every set that has one which is not fine, joined.
Condition from_sets(const Scope& scope, std::string_view type, bool negative, const Condition& otherwise) {
  std::vector<std::string> lines;
  for (const auto& set : sets_of(scope)) {
    const Condition* one = api::find_condition(set->status.conditions, type);
    if (!one || one->status == (negative ? "False" : "True")) continue;
    if (!one->message.empty()) lines.push_back(one->message);
  }
  if (lines.empty()) return otherwise;
  Condition out =
      condition(type, negative, negative ? std::string(type) : "Not" + std::string(type), base::join(lines, "\n"));
  return out;
}

void set_conditions(const Scope& scope, const Counts& counts, MachineDeploymentStatus& status) {
  const Time now = scope.ctx.now();
  const bool deleting = scope.deployment.meta.deleting();
  const int wanted = deleting ? 0 : scope.deployment.spec.replicas.value_or(1);
  const int needed = wanted - rollout_limits(scope.deployment).unavailable;
  auto& all = status.conditions;
  if (counts.available >= needed)
    api::set_condition(all, condition("Available", true, "Available"), now);
  else
    api::set_condition(all,
                       condition("Available", false, "NotAvailable",
                                 std::to_string(counts.available) + " available replicas, at least " +
                                     std::to_string(needed) + " required"),
                       now);
  api::set_condition(all,
                     from_sets(scope, "MachinesReady", false,
                               condition("MachinesReady", true, counts.replicas ? "Ready" : "NoReplicas")),
                     now);
  api::set_condition(all,
                     from_sets(scope, "MachinesUpToDate", false,
                               condition("MachinesUpToDate", true, counts.replicas ? "UpToDate" : "NoReplicas")),
                     now);
  api::set_condition(all,
                     counts.old > 0
                         ? condition("RollingOut", true, "RollingOut",
                                     "Rolling out " + std::to_string(counts.old) + " not up-to-date replicas")
                         : condition("RollingOut", false, "NotRollingOut"),
                     now);
  api::set_condition(all,
                     counts.replicas < wanted
                         ? from_sets(scope, "ScalingUp", true,
                                     condition("ScalingUp", true, "ScalingUp",
                                               "Scaling up from " + std::to_string(counts.replicas) + " to " +
                                                   std::to_string(wanted) + " replicas"))
                         : condition("ScalingUp", false, "NotScalingUp"),
                     now);
  api::set_condition(all,
                     counts.replicas > wanted ? condition("ScalingDown", true, "ScalingDown",
                                                          "Scaling down from " + std::to_string(counts.replicas) +
                                                              " to " + std::to_string(wanted) + " replicas")
                                              : condition("ScalingDown", false, "NotScalingDown"),
                     now);
  api::set_condition(all, from_sets(scope, "Remediating", true, condition("Remediating", false, "NotRemediating")),
                     now);
  api::set_condition(
      all,
      deleting ? condition("Deleting", true, "Deleting", "Deleting " + std::to_string(counts.replicas) + " replicas")
               : condition("Deleting", false, "NotDeleting"),
      now);
  api::set_condition(all, paused_condition(false, nullptr), now);
  status.phase = counts.replicas < wanted ? "ScalingUp" : counts.replicas > wanted ? "ScalingDown" : "Running";
}

Result<void> report(Scope& scope) {
  const Counts counts = count(scope);
  const auto selector = TRY(registry::LabelSelector::from_object(meta::encode(scope.deployment.spec.selector)));
  TRY(scope.ctx.update_status(scope.deployment, [&](MachineDeploymentStatus& status) {
    status.selector = selector.text();
    status.replicas = counts.replicas;
    status.ready = counts.ready;
    status.available = counts.available;
    status.up_to_date = counts.up_to_date;
    status.observed_generation = scope.deployment.meta.generation;
    set_conditions(scope, counts, status);
  }));
  return {};
}

Result<Outcome> reconcile_delete(Scope& scope) {
  const auto sets = sets_of(scope);
  for (const auto& set : sets) TRY(scope.ctx.remove(*set));
  if (!sets.empty()) {
    TRY(report(scope));
    return Outcome::done();
  }
  TRY(scope.ctx.update(scope.deployment, [](MachineDeployment& changed) { changed.meta.remove_finalizer(finalizer); }));
  return Outcome::done();
}

Result<bool> prepare(Scope& scope) {
  const auto& deployment = scope.deployment;
  const bool adopted = !scope.cluster || deployment.meta.owned_by(scope.cluster->meta.uid);
  if (deployment.meta.has_finalizer(finalizer) && adopted &&
      deployment.meta.label(api::cluster_name_label) == deployment.spec.cluster_name)
    return true;
  TRY(scope.ctx.update(deployment, [&](MachineDeployment& changed) {
    changed.meta.add_finalizer(finalizer);
    changed.meta.labels[std::string(api::cluster_name_label)] = changed.spec.cluster_name;
    if (!adopted) changed.meta.set_owner(scope.ctx.owner_reference(*scope.cluster, false));
  }));
  return false;
}

// Templates belong to the cluster, so that they go with it.
Result<void> own_templates(Scope& scope) {
  if (!scope.cluster) return {};
  const auto owner = scope.ctx.owner_reference(*scope.cluster, false);
  for (const auto& reference :
       {scope.deployment.spec.machine.spec.bootstrap.config, scope.deployment.spec.machine.spec.infrastructure}) {
    if (!reference) continue;
    const External object = external(scope.ctx, scope.deployment.meta.ns, reference);
    if (object.exists() && !object.deleting()) TRY(share(scope.ctx, object, owner));
  }
  return {};
}

Result<Outcome> reconcile(Context& ctx, const MachineDeployment& deployment) {
  Scope scope{.ctx = ctx,
              .deployment = deployment,
              .cluster = ctx.find<Cluster>(deployment.meta.ns, deployment.spec.cluster_name)};
  if (is_paused(scope.cluster.get(), deployment.meta)) {
    TRY(ctx.update_status(deployment, [&](MachineDeploymentStatus& status) {
      api::set_condition(status.conditions, paused_condition(true, scope.cluster.get()), ctx.now());
    }));
    return Outcome::done();
  }
  if (deployment.meta.deleting()) return reconcile_delete(scope);
  if (!TRY(prepare(scope))) return Outcome::done();
  TRY(own_templates(scope));
  const bool rollout_paused = deployment.spec.paused.value_or(false);
  if (!rollout_paused) {
    TRY(ensure_new_set(scope));
    TRY(roll_out(scope));
    TRY(clean_up(scope));
  } else {
    scope.new_set = find_new_set(deployment, sets_of(scope), ctx.now());
  }
  TRY(report(scope));
  const auto& after = deployment.spec.rollout.after;
  if (after && *after > ctx.now()) return Outcome::after(*after - ctx.now());
  return Outcome::done();
}

}  // namespace
}  // namespace machinedeployment

runtime::Controller machinedeployment_controller() {
  return runtime::For<api::MachineDeployment>("machinedeployment", machinedeployment::reconcile)
      .owns<api::MachineSet>()
      .watches<Cluster>([](Context& ctx, const Cluster& cluster) {
        std::vector<Key> keys;
        for (const auto& one : ctx.list<api::MachineDeployment>(cluster.meta.ns)) {
          if (one->spec.cluster_name == cluster.meta.name)
            keys.push_back({std::string(api::MachineDeployment::resource), one->meta.ns, one->meta.name});
        }
        return keys;
      });
}

}  // namespace control
