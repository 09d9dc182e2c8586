#include "control/machine/machine.h"

#include <algorithm>

namespace control {

namespace machine {

void Scope::again_in(Duration delay) {
  if (look_again == Duration::zero() || delay < look_again) look_again = delay;
}

namespace {

// The finalizer and the labels come first and alone, so that nothing is owned by a machine that could vanish.
Result<bool> prepare(Scope& scope) {
  const auto& machine = scope.machine;
  const bool standalone = !machine.meta.controller();
  const bool adopt = standalone && scope.cluster && !machine.meta.owned_by(scope.cluster->meta.uid);
  const bool labelled = machine.meta.label(api::cluster_name_label) == machine.spec.cluster_name;
  if (machine.meta.has_finalizer(finalizer) && labelled && !adopt) return true;
  TRY(scope.ctx.update(machine, [&](Machine& changed) {
    changed.meta.add_finalizer(finalizer);
    changed.meta.labels[std::string(api::cluster_name_label)] = changed.spec.cluster_name;
    if (adopt) changed.meta.set_owner(scope.ctx.owner_reference(*scope.cluster, false));
  }));
  return false;
}

constexpr Duration refused_gap = base::seconds(30);  // until the one that has it may have let go

Result<void> reconcile_bootstrap(Scope& scope) {
  auto& machine = scope.machine;
  if (machine.spec.bootstrap.config && scope.bootstrap.exists() && !scope.bootstrap.deleting()) {
    TRY(own(scope.ctx, scope.bootstrap, scope.ctx.owner_reference(machine, true), machine.spec.cluster_name));
    if (!scope.bootstrap.refused.empty()) {
      scope.again_in(refused_gap);
      return {};
    }
  }
  const auto& secret = scope.bootstrap.doc.path("status.dataSecretName");
  if (!machine.spec.bootstrap.data_secret_name && secret.is_string() &&
      scope.bootstrap.doc.path("status.initialization.dataSecretCreated").boolean()) {
    TRY(scope.ctx.update(machine,
                         [&](Machine& changed) { changed.spec.bootstrap.data_secret_name = secret.string(); }));
    scope.status.initialization.bootstrap_data_secret_created = true;
  }
  if (machine.spec.bootstrap.data_secret_name) scope.status.initialization.bootstrap_data_secret_created = true;
  // What somebody wrote on the Machine itself goes first.
  std::string expiry = machine.meta.annotation(certificates_expiry_annotation);
  if (expiry.empty())
    expiry = scope.bootstrap.doc.path("metadata.annotations")[certificates_expiry_annotation].string();
  const auto expires = base::parse_rfc3339(expiry);
  scope.status.certificates_expiry = expires ? std::optional<Time>(*expires) : std::nullopt;
  return {};
}

Result<void> reconcile_infrastructure(Scope& scope) {
  const auto& machine = scope.machine;
  if (!scope.infrastructure.exists() || scope.infrastructure.deleting()) return {};
  TRY(own(scope.ctx, scope.infrastructure, scope.ctx.owner_reference(machine, true), machine.spec.cluster_name));
  if (!scope.infrastructure.refused.empty()) {
    scope.again_in(refused_gap);
    return {};
  }
  const std::string& provider_id = scope.infrastructure.doc.path("spec.providerID").string();
  if (!scope.infrastructure.doc.path("status.initialization.provisioned").boolean() || provider_id.empty()) return {};
  scope.status.initialization.infrastructure_provisioned = true;
  scope.status.failure_domain = scope.infrastructure.doc.path("status.failureDomain").string();
  scope.status.addresses.clear();
  for (const auto& address : scope.infrastructure.doc.path("status.addresses").items()) {
    scope.status.addresses.push_back({address["type"].string(), address["address"].string()});
  }
  if (machine.spec.provider_id != provider_id) {
    TRY(scope.ctx.update(machine, [&](Machine& changed) { changed.spec.provider_id = provider_id; }));
  }
  return {};
}

Result<Outcome> reconcile_normal(Scope& scope) {
  if (!TRY(prepare(scope))) return Outcome::done();
  // Each phase runs even when an earlier one failed, and the status is always reported; the first error decides retry.
  std::optional<base::Error> failure;
  for (const auto phase : {reconcile_bootstrap, reconcile_infrastructure, reconcile_node}) {
    auto done = phase(scope);
    if (!done && !failure) failure = std::move(done).error();
  }
  report(scope);
  TRY(scope.ctx.update_status(scope.machine, [&](api::MachineStatus& status) { status = scope.status; }));
  if (failure) return std::move(*failure);
  return Outcome::after(scope.look_again);
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, const Machine& machine) {
  Scope scope{.ctx = ctx,
              .clusters = clusters,
              .machine = machine,
              .cluster = ctx.find<Cluster>(machine.meta.ns, machine.spec.cluster_name),
              .status = machine.status};
  const bool paused = is_paused(scope.cluster.get(), machine.meta);
  if (paused || !api::find_condition(machine.status.conditions, "Paused")) {
    TRY(ctx.update_status(machine, [&](api::MachineStatus& status) {
      api::set_condition(status.conditions, paused_condition(paused, scope.cluster.get()), ctx.now());
    }));
    if (paused) return Outcome::done();
  }
  api::set_condition(scope.status.conditions, paused_condition(false, nullptr), ctx.now());
  scope.bootstrap = external(ctx, machine.meta.ns, machine.spec.bootstrap.config);
  scope.infrastructure = external(ctx, machine.meta.ns, machine.spec.infrastructure);
  if (scope.cluster && scope.cluster->status.initialization.control_plane_initialized.value_or(false)) {
    scope.workload = clusters.observe(cluster_key(*scope.cluster));
    // Conditions that depend on how long the cluster is out of reach need another look without an event.
    scope.again_in(base::seconds(60));
  }
  if (scope.workload && !machine.spec.provider_id.empty()) {
    scope.node = scope.workload->node_by_provider_id(machine.spec.provider_id);
  }
  if (scope.workload && !scope.node && !machine.status.node.name.empty()) {
    scope.node = scope.workload->node(machine.status.node.name);
  }
  if (machine.meta.deleting()) return reconcile_delete(scope);
  return reconcile_normal(scope);
}

}  // namespace
}  // namespace machine

runtime::Controller machine_controller(workload::Clusters& clusters) {
  return runtime::For<Machine>(
             "machine",
             [&clusters](Context& ctx, const Machine& machine) { return machine::reconcile(ctx, clusters, machine); })
      .watches_owner("kubeadmconfigs.bootstrap.cluster.x-k8s.io")
      .watches_owner("metal3machines.infrastructure.cluster.x-k8s.io")
      .watches<Cluster>([](Context& ctx, const Cluster& cluster) {
        std::vector<Key> keys;
        for (const auto& one : machines_of(ctx, cluster)) {
          keys.push_back({std::string(Machine::resource), one->meta.ns, one->meta.name});
        }
        return keys;
      });
}

}  // namespace control
