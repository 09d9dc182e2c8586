#include "control/cluster/cluster.h"

#include <algorithm>

namespace control {

namespace cluster {

namespace {

Result<bool> prepare(Scope& scope) {
  if (scope.cluster.meta.has_finalizer(finalizer)) return true;
  TRY(scope.ctx.update(scope.cluster, [](Cluster& changed) { changed.meta.add_finalizer(finalizer); }));
  return false;
}

// The endpoint is set once, by whichever of the two objects knows it first, and never changed behind the user's back.
Result<void> adopt_endpoint(Scope& scope, const External& from) {
  if (scope.cluster.spec.endpoint) return {};
  const api::Endpoint found{from.doc.path("spec.controlPlaneEndpoint.host").string(),
                            static_cast<int32_t>(from.doc.path("spec.controlPlaneEndpoint.port").integer())};
  if (!found) return {};
  TRY(scope.ctx.update(scope.cluster, [&](Cluster& changed) {
    if (!changed.spec.endpoint) changed.spec.endpoint = found;
  }));
  return {};
}

Result<void> reconcile_infrastructure(Scope& scope) {
  const auto& cluster = scope.cluster;
  auto& done = scope.status.initialization.infrastructure_provisioned;
  if (!cluster.spec.infrastructure) {
    done = true;
    return {};
  }
  if (!scope.infrastructure.exists() || scope.infrastructure.deleting()) return {};
  const bool managed = !cluster.spec.topology.is_null();
  TRY(own(scope.ctx, scope.infrastructure, scope.ctx.owner_reference(cluster, managed), cluster.meta.name));
  if (!scope.infrastructure.refused.empty()) return {};
  if (!scope.infrastructure.doc.path("status.initialization.provisioned").boolean()) return {};
  done = true;  // never goes back
  TRY(adopt_endpoint(scope, scope.infrastructure));
  scope.status.failure_domains.clear();
  for (const auto& domain : scope.infrastructure.doc.path("status.failureDomains").items()) {
    auto decoded = meta::decode<api::FailureDomain>(domain);
    if (decoded) scope.status.failure_domains.push_back(std::move(*decoded));
  }
  return {};
}

Result<void> reconcile_control_plane(Scope& scope) {
  const auto& cluster = scope.cluster;
  if (!cluster.spec.control_plane || !scope.control_plane.exists() || scope.control_plane.deleting()) return {};
  const bool managed = !cluster.spec.topology.is_null();
  TRY(own(scope.ctx, scope.control_plane, scope.ctx.owner_reference(cluster, managed), cluster.meta.name));
  if (!scope.control_plane.refused.empty()) return {};
  if (!scope.control_plane.doc.path("status.initialization.controlPlaneInitialized").boolean()) return {};
  scope.status.initialization.control_plane_initialized = true;  // never goes back
  return adopt_endpoint(scope, scope.control_plane);
}

Result<void> write_status(Scope& scope) {
  report(scope);
  TRY(scope.ctx.update_status(scope.cluster, [&](api::ClusterStatus& status) { status = scope.status; }));
  return {};
}

struct Waiting {
  std::string reason, message;
};

// Deletes all of one kind; says how many are left.
template <class T>
Result<size_t> remove_all(Scope& scope, const std::vector<Ref<T>>& all) {
  for (const auto& one : all) TRY(scope.ctx.remove(*one));
  return all.size();
}

// Workers first, then the control plane, then what carries them: nothing may be left without its owner's care.
Result<Waiting> take_down(Scope& scope) {
  const auto& cluster = scope.cluster;
  std::vector<Ref<api::MachineSet>> sets = scope.ctx.owned_by<api::MachineSet>(cluster.meta);
  std::vector<Ref<Machine>> workers, standalone;
  for (const auto& machine : scope.machines) {
    if (machine->is_control_plane() && cluster.spec.control_plane) continue;
    workers.push_back(machine);
    if (machine->meta.owned_by(cluster.meta.uid)) standalone.push_back(machine);
  }
  const size_t deployments = TRY(remove_all(scope, scope.deployments));
  const size_t set_count = TRY(remove_all(scope, sets));
  TRY(remove_all(scope, standalone));
  if (deployments + set_count + workers.size() > 0) {
    std::string names;
    for (size_t i = 0; i < workers.size() && i < 3; ++i) names += (i ? ", " : ": ") + workers[i]->meta.name;
    return Waiting{"WaitingForWorkersDeletion",
                   std::to_string(deployments) + " MachineDeployments, " + std::to_string(set_count) +
                       " MachineSets and " + std::to_string(workers.size()) + " worker Machines still exist" + names};
  }
  if (cluster.spec.control_plane && scope.control_plane.exists()) {
    if (!scope.control_plane.deleting())
      TRY(scope.ctx.remove_document(scope.control_plane.resource, scope.control_plane.doc));
    return Waiting{"WaitingForControlPlaneDeletion", scope.control_plane.text + " still exists"};
  }
  if (cluster.spec.infrastructure && scope.infrastructure.exists()) {
    if (!scope.infrastructure.deleting())
      TRY(scope.ctx.remove_document(scope.infrastructure.resource, scope.infrastructure.doc));
    return Waiting{"WaitingForInfrastructureDeletion", scope.infrastructure.text + " still exists"};
  }
  return Waiting{};
}

Result<Outcome> reconcile_delete(Scope& scope) {
  if (!scope.cluster.meta.has_finalizer(finalizer)) return Outcome::done();
  auto waiting = take_down(scope);
  if (waiting && waiting->reason.empty()) {
    scope.clusters.forget(cluster_key(scope.cluster));
    TRY(scope.ctx.update(scope.cluster, [](Cluster& changed) { changed.meta.remove_finalizer(finalizer); }));
    return Outcome::done();
  }
  if (waiting) {
    scope.deleting_reason = waiting->reason;
    scope.deleting_message = waiting->message;
  }
  TRY(write_status(scope));
  if (!waiting) return std::move(waiting).error();
  return Outcome::after(base::seconds(5));
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, const Cluster& cluster) {
  Scope scope{.ctx = ctx,
              .clusters = clusters,
              .cluster = cluster,
              .infrastructure = external(ctx, cluster.meta.ns, cluster.spec.infrastructure),
              .control_plane = external(ctx, cluster.meta.ns, cluster.spec.control_plane),
              .machines = machines_of(ctx, cluster),
              .status = cluster.status};
  for (const auto& one : ctx.list<api::MachineDeployment>(cluster.meta.ns)) {
    if (one->spec.cluster_name == cluster.meta.name) scope.deployments.push_back(one);
  }
  const bool paused = is_paused(&cluster, cluster.meta);
  api::set_condition(scope.status.conditions, paused_condition(paused, &cluster), ctx.now());
  if (paused) {
    TRY(ctx.update_status(cluster, [&](api::ClusterStatus& status) { status = scope.status; }));
    return Outcome::done();
  }
  if (cluster.status.initialization.control_plane_initialized.value_or(false)) {
    scope.workload = clusters.observe(cluster_key(cluster));
  }
  if (cluster.meta.deleting()) return reconcile_delete(scope);
  if (!TRY(prepare(scope))) return Outcome::done();
  std::optional<base::Error> failure;
  for (const auto phase : {reconcile_infrastructure, reconcile_control_plane}) {
    auto done = phase(scope);
    if (!done && !failure) failure = std::move(done).error();
  }
  TRY(write_status(scope));
  if (failure) return std::move(*failure);
  // A dangling reference is watched only if its kind is; look again in any case.
  const bool dangling = (cluster.spec.infrastructure && !scope.infrastructure.exists()) ||
                        (cluster.spec.control_plane && !scope.control_plane.exists()) ||
                        !scope.infrastructure.refused.empty() || !scope.control_plane.refused.empty();
  return dangling || scope.workload ? Outcome::after(base::seconds(30)) : Outcome::done();
}

std::vector<Key> key_of(std::string_view ns, std::string_view name) {
  if (name.empty()) return {};
  return {{std::string(Cluster::resource), std::string(ns), std::string(name)}};
}

// Objects that carry the cluster's name in their labels.
std::vector<Key> by_label(Context&, const Json& doc) {
  return key_of(doc.path("metadata.namespace").string(), doc.path("metadata.labels")[api::cluster_name_label].string());
}

// Clusters whose references name this object, whether it carries a label yet or not.
std::vector<Key> by_reference(Context& ctx, const Json& doc) {
  std::vector<Key> keys = by_label(ctx, doc);
  const std::string& ns = doc.path("metadata.namespace").string();
  for (const auto& cluster : ctx.list<Cluster>(ns)) {
    for (const auto& reference : {cluster->spec.infrastructure, cluster->spec.control_plane}) {
      if (reference.kind == doc["kind"].string() && reference.name == doc.path("metadata.name").string()) {
        keys.push_back({std::string(Cluster::resource), ns, cluster->meta.name});
      }
    }
  }
  return keys;
}

}  // namespace
}  // namespace cluster

runtime::Controller cluster_controller(workload::Clusters& clusters) {
  runtime::Controller controller =
      runtime::For<Cluster>(
          "cluster",
          [&clusters](Context& ctx, const Cluster& cluster) { return cluster::reconcile(ctx, clusters, cluster); })
          .watches<Machine>([](Context&, const Machine& machine) {
            return cluster::key_of(machine.meta.ns, machine.spec.cluster_name);
          })
          .watches<api::MachineDeployment>([](Context&, const api::MachineDeployment& one) {
            return cluster::key_of(one.meta.ns, one.spec.cluster_name);
          });
  for (const char* resource :
       {"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", "metal3clusters.infrastructure.cluster.x-k8s.io"}) {
    controller.watches.push_back({resource, cluster::by_reference});
  }
  return controller;
}

}  // namespace control
