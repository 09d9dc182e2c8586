#include "control/machineset/machineset.h"

#include <algorithm>

#include "base/text.h"
#include "control/machineset/plan.h"

namespace control {

namespace machineset {

using api::MachineSet;
using api::MachineSetStatus;

namespace {

constexpr std::string_view finalizer = "cluster.x-k8s.io/machineset";
constexpr std::string_view disable_create = "cluster.x-k8s.io/disable-machine-create";
constexpr base::Duration preflight_retry = base::seconds(15);

struct Scope {
  Context& ctx;
  const MachineSet& set;
  Ref<Cluster> cluster;
  std::vector<std::string> blocked;    // preflight checks that failed
  std::optional<base::Error> failure;  // the first error of the acting steps
};

// What the ScalingUp condition says already is no news: tries go on for as long as the cause stays.
void warn_once(Scope& scope, std::string_view reason, std::string_view what, const std::string& why) {
  const Condition* told = api::find_condition(scope.set.status.conditions, "ScalingUp");
  const bool news = !told || told->message.find(why) == std::string::npos;
  if (!worth_an_event(scope.ctx.now(), scope.set.meta, news)) return;
  scope.ctx.event(scope.set, EventKind::warning, reason, std::string(what) + why);
}

std::vector<Ref<Machine>> machines(const Scope& scope) { return scope.ctx.children_of<Machine>(scope.set.meta); }

Result<void> adopt_orphans(Scope& scope) {
  const auto selector = TRY(registry::LabelSelector::from_object(meta::encode(scope.set.spec.selector)));
  for (const auto& machine : scope.ctx.list<Machine>(scope.set.meta.ns, selector)) {
    if (machine->meta.controller() || machine->meta.deleting() || machine->is_control_plane()) continue;
    if (machine->spec.cluster_name != scope.set.spec.cluster_name) continue;
    TRY(scope.ctx.update(
        *machine, [&](Machine& changed) { changed.meta.set_owner(scope.ctx.owner_reference(scope.set, true)); }));
  }
  return {};
}

api::Labels machine_labels(const MachineSet& set) {
  api::Labels labels = set.spec.machine.meta.labels;
  labels[std::string(api::cluster_name_label)] = set.spec.cluster_name;
  labels[std::string(api::set_name_label)] = label_value(set.meta.name);
  if (!set.meta.label(api::deployment_name_label).empty()) {
    labels[std::string(api::deployment_name_label)] = set.meta.label(api::deployment_name_label);
  }
  return labels;
}

// Bootstrap, infrastructure and Machine, all of one name; what was made is taken back when a later one fails.
Result<void> create_machine(Scope& scope) {
  const auto& set = scope.set;
  const auto& wanted = set.spec.machine;
  Machine machine;
  machine.meta.name =
      TRY(new_machine_name(scope.ctx, set.spec.naming, set.spec.cluster_name, "machineSet", set.meta.name));
  machine.meta.ns = set.meta.ns;
  machine.meta.labels = machine_labels(set);
  machine.meta.annotations = wanted.meta.annotations;
  machine.meta.owners = {scope.ctx.owner_reference(set, true)};
  machine.spec = wanted.spec;
  machine.spec.cluster_name = set.spec.cluster_name;
  CloneOptions clone{.ns = set.meta.ns,
                     .name = machine.meta.name,
                     .cluster_name = set.spec.cluster_name,
                     .labels = machine.meta.labels,
                     .annotations = machine.meta.annotations,
                     .owner = scope.ctx.owner_reference(set, false)};
  std::vector<Reference> made;
  const auto run = [&]() -> Result<void> {
    if (wanted.spec.bootstrap.config) {
      clone.from = wanted.spec.bootstrap.config;
      machine.spec.bootstrap.config = TRY(clone_template(scope.ctx, clone));
      made.push_back(machine.spec.bootstrap.config);
    }
    clone.from = wanted.spec.infrastructure;
    machine.spec.infrastructure = TRY(clone_template(scope.ctx, clone));
    made.push_back(machine.spec.infrastructure);
    TRY(scope.ctx.create(machine));
    return {};
  };
  auto done = run();
  if (done) {
    scope.ctx.event(set, EventKind::normal, "SuccessfulCreate", "Created Machine " + machine.meta.name);
    return {};
  }
  for (const auto& reference : made) {
    const External object = external(scope.ctx, set.meta.ns, reference);
    if (object.exists()) TRY(scope.ctx.remove_document(object.resource, object.doc));
  }
  warn_once(scope, "FailedCreate", "Failed to create a Machine: ", done.error().text());
  return done;
}

Result<void> scale(Scope& scope) {
  const auto plan = plan_scale(scope.set.spec, machines(scope), scope.ctx.now());
  if (plan.create > 0 && !scope.cluster) {
    scope.blocked.push_back("API: Cluster " + scope.set.spec.cluster_name +
                            ", named by spec.clusterName, does not exist; next: create it or correct the name");
    warn_once(scope, "ClusterNotFound", "", scope.blocked.back());
  }
  if (plan.create > 0 && scope.set.meta.annotation(disable_create) != "true" && scope.cluster) {
    scope.blocked = preflight(scope.ctx, *scope.cluster, scope.set);
    for (int i = 0; i < plan.create && scope.blocked.empty(); ++i) TRY(create_machine(scope));
  }
  for (const auto& machine : plan.remove) {
    TRY(scope.ctx.remove(*machine));
    scope.ctx.event(scope.set, EventKind::normal, "SuccessfulDelete", "Deleted Machine " + machine->meta.name);
  }
  return {};
}

Result<void> remediate(Scope& scope) {
  // One at a time unless the MachineDeployment says otherwise; its setting reaches the set as an annotation of ours.
  int in_flight_max = scope.set.spec.replicas.value_or(1);
  if (const auto* owner = scope.set.meta.controller()) {
    const auto deployment = scope.ctx.find<api::MachineDeployment>(scope.set.meta.ns, owner->name);
    if (deployment && !deployment->spec.remediation.max_in_flight.is_null()) {
      in_flight_max = scaled(deployment->spec.remediation.max_in_flight, deployment->spec.replicas.value_or(1), true);
    }
  }
  for (const auto& machine : plan_remediation(machines(scope), in_flight_max)) {
    const auto blocked = scope.cluster ? preflight(scope.ctx, *scope.cluster, scope.set) : std::vector<std::string>();
    if (!blocked.empty()) {
      TRY(scope.ctx.update_status(*machine, [&](api::MachineStatus& status) {
        api::set_condition(status.conditions,
                           condition("OwnerRemediated", false, "RemediationDeferred", base::join(blocked, "; ")),
                           scope.ctx.now());
      }));
      scope.blocked = blocked;
      continue;
    }
    TRY(scope.ctx.update_status(*machine, [&](api::MachineStatus& status) {
      api::set_condition(status.conditions,
                         condition("OwnerRemediated", false, "MachineDeleting",
                                   "MachineSet " + scope.set.meta.name + " is replacing the Machine"),
                         scope.ctx.now());
    }));
    TRY(scope.ctx.remove(*machine));
    scope.ctx.event(scope.set, EventKind::normal, "MachineRemediation",
                    "Deleting unhealthy Machine " + machine->meta.name);
  }
  return {};
}

// Fields that change on living machines: labels, annotations and timeouts; everything else needs a new machine.
Result<void> sync_in_place(Scope& scope) {
  const auto& wanted = scope.set.spec.machine;
  for (const auto& machine : machines(scope)) {
    if (machine->meta.deleting()) continue;
    TRY(scope.ctx.update(*machine, [&](Machine& changed) {
      for (const auto& [key, value] : machine_labels(scope.set)) changed.meta.labels[key] = value;
      for (const auto& [key, value] : wanted.meta.annotations) changed.meta.annotations[key] = value;
      changed.spec.deletion = wanted.spec.deletion;
      changed.spec.min_ready_seconds = wanted.spec.min_ready_seconds;
      changed.spec.readiness_gates = wanted.spec.readiness_gates;
      changed.spec.taints = wanted.spec.taints;
    }));
  }
  return {};
}

// Whether the machine is what its MachineDeployment wants now.
Condition up_to_date(const Scope& scope, const Machine& machine) {
  std::vector<std::string> why;
  if (const auto* owner = scope.set.meta.controller()) {
    const auto deployment = scope.ctx.find<api::MachineDeployment>(scope.set.meta.ns, owner->name);
    if (deployment) {
      const auto& now = deployment->spec.machine.spec;
      const auto& have = scope.set.spec.machine.spec;
      if (now.version != have.version) why.push_back("* Version " + have.version + ", " + now.version + " required");
      if (now.infrastructure.name != have.infrastructure.name)
        why.push_back("* " + now.infrastructure.kind + " " + have.infrastructure.name + ", " + now.infrastructure.name +
                      " required");
      if (now.bootstrap.config.name != have.bootstrap.config.name)
        why.push_back("* " + now.bootstrap.config.kind + " " + have.bootstrap.config.name + ", " +
                      now.bootstrap.config.name + " required");
      if (deployment->spec.rollout.after && *deployment->spec.rollout.after <= scope.ctx.now() &&
          machine.meta.created < *deployment->spec.rollout.after)
        why.push_back("* MachineDeployment spec.rollout.after expired");
    }
  }
  const std::string& kubelet = machine.status.node_info["kubeletVersion"].string();
  if (why.empty() && !kubelet.empty() && !machine.spec.version.empty() && kubelet != machine.spec.version) {
    why.push_back("* Kubelet version " + kubelet + ", " + machine.spec.version + " required");
  }
  if (why.empty()) return condition("UpToDate", true, "UpToDate");
  return condition("UpToDate", false, "NotUpToDate", base::join(why, "\n"));
}

Result<void> report_machines(Scope& scope) {
  for (const auto& machine : machines(scope)) {
    const Condition wanted = up_to_date(scope, *machine);
    TRY(scope.ctx.update_status(
        *machine, [&](api::MachineStatus& status) { api::set_condition(status.conditions, wanted, scope.ctx.now()); }));
  }
  return {};
}

Condition scaling_up(const Scope& scope, int have, int wanted) {
  if (have >= wanted) return condition("ScalingUp", false, "NotScalingUp");
  std::string message = "Scaling up from " + std::to_string(have) + " to " + std::to_string(wanted) + " replicas";
  if (!scope.blocked.empty())
    message += " is blocked because:\n* " + base::join(scope.blocked, "\n* ");
  else if (scope.failure)
    message += ":\n* " + scope.failure->text();
  return condition("ScalingUp", true, "ScalingUp", message);
}

void conditions(const Scope& scope, const std::vector<Ref<Machine>>& all, MachineSetStatus& status) {
  const Time now = scope.ctx.now();
  std::vector<NamedCondition> ready, current;
  std::vector<std::string> unhealthy;
  int alive = 0;
  for (const auto& machine : all) {
    ready.push_back({machine->meta.name, api::find_condition(machine->status.conditions, "Ready")});
    current.push_back({machine->meta.name, api::find_condition(machine->status.conditions, "UpToDate")});
    if (!machine->meta.deleting()) ++alive;
    const Condition* owner = api::find_condition(machine->status.conditions, "OwnerRemediated");
    if (owner && owner->status == "False") unhealthy.push_back(machine->meta.name);
  }
  const bool deleting = scope.set.meta.deleting();
  const int wanted = deleting ? 0 : scope.set.spec.replicas.value_or(1);
  api::set_condition(status.conditions, aggregate("MachinesReady", "Machines", ready, "NoReplicas"), now);
  api::set_condition(status.conditions, aggregate("MachinesUpToDate", "Machines", current, "NoReplicas"), now);
  api::set_condition(status.conditions, scaling_up(scope, alive, wanted), now);
  const bool down = static_cast<int>(all.size()) > wanted;
  api::set_condition(status.conditions,
                     down ? condition("ScalingDown", true, "ScalingDown",
                                      "Scaling down from " + std::to_string(all.size()) + " to " +
                                          std::to_string(wanted) + " replicas")
                          : condition("ScalingDown", false, "NotScalingDown"),
                     now);
  api::set_condition(status.conditions,
                     unhealthy.empty() ? condition("Remediating", false, "NotRemediating")
                                       : condition("Remediating", true, "Remediating",
                                                   "Machines " + base::join(unhealthy, ", ") + " are being replaced"),
                     now);
  api::set_condition(
      status.conditions,
      deleting ? condition("Deleting", true, "Deleting", "Deleting " + std::to_string(all.size()) + " Machines")
               : condition("Deleting", false, "NotDeleting"),
      now);
  api::set_condition(status.conditions, paused_condition(false, nullptr), now);
}

Result<void> report(Scope& scope) {
  TRY(report_machines(scope));
  const auto all = machines(scope);
  const auto selector = TRY(registry::LabelSelector::from_object(meta::encode(scope.set.spec.selector)));
  TRY(scope.ctx.update_status(scope.set, [&](MachineSetStatus& status) {
    const auto count = [&](std::string_view type) {
      return static_cast<int32_t>(std::count_if(
          all.begin(), all.end(), [&](const auto& m) { return api::is_true(m->status.conditions, type); }));
    };
    status.selector = selector.text();
    status.replicas = static_cast<int32_t>(all.size());
    status.ready = count("Ready");
    status.available = count("Available");
    status.up_to_date = count("UpToDate");
    status.observed_generation = scope.set.meta.generation;
    conditions(scope, all, status);
  }));
  return {};
}

Result<Outcome> reconcile_delete(Scope& scope) {
  const auto all = machines(scope);
  for (const auto& machine : all) TRY(scope.ctx.remove(*machine));
  if (!all.empty()) {
    TRY(report(scope));
    return Outcome::done();
  }
  TRY(scope.ctx.update(scope.set, [](MachineSet& changed) { changed.meta.remove_finalizer(finalizer); }));
  return Outcome::done();
}

Result<bool> prepare(Scope& scope) {
  const auto& set = scope.set;
  const bool adopted = set.meta.controller() || !scope.cluster || set.meta.owned_by(scope.cluster->meta.uid);
  if (set.meta.has_finalizer(finalizer) && adopted && set.meta.label(api::cluster_name_label) == set.spec.cluster_name)
    return true;
  TRY(scope.ctx.update(set, [&](MachineSet& changed) {
    changed.meta.add_finalizer(finalizer);
    changed.meta.labels[std::string(api::cluster_name_label)] = changed.spec.cluster_name;
    if (!adopted) changed.meta.set_owner(scope.ctx.owner_reference(*scope.cluster, false));
  }));
  return false;
}

Result<Outcome> reconcile(Context& ctx, const MachineSet& set) {
  Scope scope{.ctx = ctx, .set = set, .cluster = ctx.find<Cluster>(set.meta.ns, set.spec.cluster_name)};
  if (is_paused(scope.cluster.get(), set.meta)) {
    TRY(ctx.update_status(set, [&](MachineSetStatus& status) {
      api::set_condition(status.conditions, paused_condition(true, scope.cluster.get()), ctx.now());
    }));
    return Outcome::done();
  }
  if (set.meta.deleting()) return reconcile_delete(scope);
  if (!TRY(prepare(scope))) return Outcome::done();
  // A cluster on its way out gets no new machines.
  const bool cluster_leaving = scope.cluster && scope.cluster->meta.deleting();
  for (const auto step : {adopt_orphans, remediate, sync_in_place, scale}) {
    if (cluster_leaving && step == scale) continue;
    auto done = step(scope);
    if (!done && !scope.failure) scope.failure = std::move(done).error();
  }
  TRY(report(scope));
  if (scope.failure) return std::move(*scope.failure);
  return scope.blocked.empty() ? Outcome::done() : Outcome::after(preflight_retry);
}

}  // namespace
}  // namespace machineset

runtime::Controller machineset_controller() {
  runtime::Controller controller =
      runtime::For<api::MachineSet>("machineset", machineset::reconcile)
          .owns<Machine>()
          .watches<Cluster>([](Context& ctx, const Cluster& cluster) {
            std::vector<Key> keys;
            for (const auto& set : ctx.list<api::MachineSet>(cluster.meta.ns)) {
              if (set->spec.cluster_name == cluster.meta.name)
                keys.push_back({std::string(api::MachineSet::resource), set->meta.ns, set->meta.name});
            }
            return keys;
          });
  watch_templates(controller,
                  [](Context& ctx, const std::string& ns, const std::string& kind, const std::string& name) {
                    std::vector<Key> keys;
                    for (const auto& set : ctx.list<api::MachineSet>(ns)) {
                      const auto& spec = set->spec.machine.spec;
                      for (const auto& reference : {spec.bootstrap.config, spec.infrastructure}) {
                        if (reference.kind == kind && reference.name == name)
                          keys.push_back({std::string(api::MachineSet::resource), ns, set->meta.name});
                      }
                    }
                    return keys;
                  });
  return controller;
}

}  // namespace control
