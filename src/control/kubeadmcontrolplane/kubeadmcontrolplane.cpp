#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

#include <algorithm>

#include "base/text.h"

namespace control {

namespace kubeadmcontrolplane {

void Scope::again_in(Duration delay) {
  if (look_again == Duration::zero() || delay < look_again) look_again = delay;
}

namespace {

Result<bool> prepare(Scope& scope) {
  const auto& plane = scope.plane;
  if (plane.meta.has_finalizer(finalizer)) return true;
  TRY(scope.ctx.update(plane, [](KubeadmControlPlane& changed) { changed.meta.add_finalizer(finalizer); }));
  return false;
}

Result<void> own_template(Scope& scope) {
  const External infrastructure =
      external(scope.ctx, scope.plane.meta.ns, scope.plane.spec.machine.spec.infrastructure);
  if (!infrastructure.exists()) {
    return base::Error{base::Code::not_found,
                       infrastructure.text + ", named by spec.machineTemplate.spec.infrastructureRef, does not exist",
                       base::Layer::api, "create it or correct the reference"};
  }
  if (infrastructure.deleting()) return {};
  return share(scope.ctx, infrastructure, scope.ctx.owner_reference(*scope.cluster, false));
}

// An event for a failure that the ScalingUp condition does not tell yet; tries go on for as long as the cause stays.
void warn_of_failure(Scope& scope) {
  if (!scope.failure || scope.failure->code == base::Code::conflict) return;
  const std::string why = scope.failure->text();
  const Condition* told = api::find_condition(scope.plane.status.conditions, "ScalingUp");
  const bool news = !told || told->message.find(why) == std::string::npos;
  if (!worth_an_event(scope.ctx.now(), scope.plane.meta, news)) return;
  scope.ctx.event(scope.plane, EventKind::warning,
                  scope.situation.members.empty() ? "FailedInitialization" : "FailedScaleUp", why);
}

Result<void> reconcile_certificates(Scope& scope) {
  if (!scope.cluster->status.initialization.infrastructure_provisioned.value_or(false) || !scope.cluster->spec.endpoint)
    return {};
  const auto owner = scope.ctx.owner_reference(scope.plane, true);
  const auto certificates = TRY(kubeadm::ensure_certificates(scope.ctx, *scope.cluster, owner));
  TRY(kubeadm::ensure_kubeconfig(scope.ctx, *scope.cluster, certificates.ca, owner));
  scope.certificates = true;
  return {};
}

// Initialized once the workload cluster answers and kubeadm has stored its configuration there. Never goes back.
void reconcile_initialized(Scope& scope) {
  const bool started = std::any_of(scope.situation.members.begin(), scope.situation.members.end(),
                                   [](const Member& member) { return !member.machine->spec.provider_id.empty(); });
  if (!started || !scope.certificates) return;
  scope.workload = scope.clusters.observe(cluster_key(*scope.cluster));
  scope.again_in(base::seconds(scope.situation.initialized ? 60 : 10));
  if (scope.workload && scope.workload->reachable && !scope.workload->kubeadm_config.is_null())
    scope.status.initialization.control_plane_initialized = true;
}

Result<void> take_step(Scope& scope) {
  if (!scope.certificates) return {};
  const Step step = next_step(scope.situation);
  if (!step.blocked.empty()) {
    scope.blocked.insert(scope.blocked.end(), step.blocked.begin(), step.blocked.end());
    scope.again_in(base::seconds(15));
    return {};
  }
  switch (step.action) {
    case Action::none:
      return {};
    case Action::init:
      return create_machine(scope, true);
    case Action::scale_up:
      if (!TRY(prepare_rollout(scope))) return {};
      return create_machine(scope, false);
    case Action::scale_down:
      if (!TRY(prepare_rollout(scope))) return {};
      TRY(scope.ctx.remove(*step.machine));
      scope.ctx.event(scope.plane, EventKind::normal, "ScalingDown", "Deleting Machine " + step.machine->meta.name);
      return {};
  }
  return {};
}

Result<void> act(Scope& scope) {
  TRY(sync_in_place(scope));
  TRY(reconcile_etcd(scope));
  if (TRY(remediate(scope))) return {};
  note_expiry(scope);
  TRY(take_step(scope));
  return reconcile_addons(scope);
}

Result<void> save(Scope& scope) {
  observe(scope);
  TRY(report_machines(scope));
  report(scope);
  TRY(scope.ctx.update_status(scope.plane, [&](api::KubeadmControlPlaneStatus& status) { status = scope.status; }));
  return {};
}

Result<Outcome> reconcile_delete(Scope& scope) {
  if (!scope.plane.meta.has_finalizer(finalizer)) return Outcome::done();
  scope.certificates = true;
  observe(scope);
  const auto all = machines(scope);
  size_t workers = 0;
  for (const auto& machine : machines_of(scope.ctx, *scope.cluster)) workers += machine->is_control_plane() ? 0 : 1;
  if (workers > 0) {
    api::set_condition(scope.status.conditions,
                       condition("Deleting", true, "WaitingForWorkersDeletion",
                                 std::to_string(workers) + " worker Machines still exist"),
                       scope.ctx.now());
    TRY(save(scope));
    return Outcome::after(base::seconds(30));
  }
  TRY(release_hooks(scope));
  for (const auto& machine : all) TRY(scope.ctx.remove(*machine));
  if (all.empty()) {
    scope.checks.erase(scope.plane.meta.uid);
    TRY(scope.ctx.update(scope.plane, [](KubeadmControlPlane& changed) { changed.meta.remove_finalizer(finalizer); }));
    return Outcome::done();
  }
  api::set_condition(scope.status.conditions,
                     condition("Deleting", true, "WaitingForMachineDeletion",
                               std::to_string(all.size()) + " control-plane Machines still exist"),
                     scope.ctx.now());
  TRY(save(scope));
  return Outcome::after(base::seconds(30));
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, Checks& checks,
                          const KubeadmControlPlane& plane) {
  Scope scope{.ctx = ctx, .clusters = clusters, .checks = checks, .plane = plane, .status = plane.status};
  for (const auto& owner : plane.meta.owners) {
    if (owner.kind == "Cluster") scope.cluster = ctx.find<Cluster>(plane.meta.ns, owner.name);
  }
  const bool paused = is_paused(scope.cluster.get(), plane.meta);
  api::set_condition(scope.status.conditions, paused_condition(paused, scope.cluster.get()), ctx.now());
  if (!scope.cluster || paused) {
    if (!paused)
      api::set_condition(scope.status.conditions,
                         condition("Available", false, "NotAvailable",
                                   "Waiting for a Cluster whose spec.controlPlaneRef names this object"),
                         ctx.now());
    TRY(ctx.update_status(plane, [&](api::KubeadmControlPlaneStatus& status) { status = scope.status; }));
    return Outcome::done();
  }
  if (plane.meta.deleting()) return reconcile_delete(scope);
  if (!TRY(prepare(scope))) return Outcome::done();
  for (const auto step : {own_template, reconcile_certificates}) {
    auto done = step(scope);
    if (!done && !scope.failure) scope.failure = std::move(done).error();
  }
  observe(scope);
  reconcile_initialized(scope);
  observe(scope);
  if (!scope.failure && !scope.cluster->meta.deleting()) {
    auto done = act(scope);
    if (!done) scope.failure = std::move(done).error();
  }
  warn_of_failure(scope);
  TRY(save(scope));
  if (scope.failure) return std::move(*scope.failure);
  return Outcome::after(scope.look_again);
}

}  // namespace
}  // namespace kubeadmcontrolplane

runtime::Controller kubeadmcontrolplane_controller(workload::Clusters& clusters) {
  auto checks = std::make_shared<kubeadmcontrolplane::Checks>();
  runtime::Controller controller =
      runtime::For<api::KubeadmControlPlane>("kubeadmcontrolplane",
                                             [&clusters, checks](Context& ctx, const api::KubeadmControlPlane& plane) {
                                               return kubeadmcontrolplane::reconcile(ctx, clusters, *checks, plane);
                                             })
          .owns<Machine>()
          .watches<Cluster>([](Context&, const Cluster& cluster) {
            std::vector<Key> keys;
            if (cluster.spec.control_plane.kind == "KubeadmControlPlane")
              keys.push_back(
                  {std::string(api::KubeadmControlPlane::resource), cluster.meta.ns, cluster.spec.control_plane.name});
            return keys;
          })
          .watches<Machine>([](Context& ctx, const Machine& machine) {
            // A deletion of the whole cluster waits for the workers.
            std::vector<Key> keys;
            const auto cluster = ctx.find<Cluster>(machine.meta.ns, machine.spec.cluster_name);
            if (machine.meta.deleting() && !machine.is_control_plane() && cluster && cluster->meta.deleting() &&
                cluster->spec.control_plane.kind == "KubeadmControlPlane") {
              keys.push_back({std::string(api::KubeadmControlPlane::resource), cluster->meta.ns,
                              cluster->spec.control_plane.name});
            }
            return keys;
          });
  watch_templates(controller,
                  [](Context& ctx, const std::string& ns, const std::string& kind, const std::string& name) {
                    std::vector<Key> keys;
                    for (const auto& plane : ctx.list<api::KubeadmControlPlane>(ns)) {
                      const auto& reference = plane->spec.machine.spec.infrastructure;
                      if (reference.kind == kind && reference.name == name)
                        keys.push_back({std::string(api::KubeadmControlPlane::resource), ns, plane->meta.name});
                    }
                    return keys;
                  });
  return controller;
}

}  // namespace control
