#include "control/metal3cluster/metal3cluster.h"

#include "control/metal3machine/metal3machine.h"

namespace control {

namespace metal3cluster {

using api::Metal3Cluster;
using api::Metal3ClusterStatus;

namespace {

constexpr std::string_view finalizer = "metal3cluster.infrastructure.cluster.x-k8s.io";

Ref<Cluster> owner_of(Context& ctx, const Metal3Cluster& infra) {
  for (const auto& owner : infra.meta.owners) {
    if (owner.kind == "Cluster") return ctx.find<Cluster>(infra.meta.ns, owner.name);
  }
  return nullptr;
}

Result<Outcome> reconcile_delete(Context& ctx, const Metal3Cluster& infra, const Cluster* cluster) {
  const size_t machines = cluster ? machines_of(ctx, *cluster).size() : 0;
  if (machines > 0) {
    TRY(ctx.update_status(infra, [&](Metal3ClusterStatus& status) {
      api::set_condition(status.conditions,
                         condition("Ready", false, "Deleting",
                                   "Waiting for " + std::to_string(machines) + " Machines of the cluster to go"),
                         ctx.now());
    }));
    return Outcome::done();
  }
  if (cluster) TRY(metal3machine::release_kept_hosts(ctx, *cluster));
  TRY(ctx.update(infra, [](Metal3Cluster& changed) { changed.meta.remove_finalizer(finalizer); }));
  return Outcome::done();
}

Result<Outcome> reconcile(Context& ctx, const Metal3Cluster& infra) {
  const auto cluster = owner_of(ctx, infra);
  if (infra.meta.deleting())
    return infra.meta.has_finalizer(finalizer) ? reconcile_delete(ctx, infra, cluster.get()) : Outcome::done();
  if (!cluster) {
    TRY(ctx.update_status(infra, [&](Metal3ClusterStatus& status) {
      api::set_condition(status.conditions,
                         condition("Ready", false, "WaitingForCluster",
                                   "Waiting for a Cluster whose spec.infrastructureRef names this object"),
                         ctx.now());
    }));
    return Outcome::done();
  }
  const bool paused = is_paused(cluster.get(), infra.meta);
  if (!paused && !infra.meta.has_finalizer(finalizer)) {
    TRY(ctx.update(infra, [](Metal3Cluster& changed) { changed.meta.add_finalizer(finalizer); }));
    return Outcome::done();
  }
  TRY(ctx.update_status(infra, [&](Metal3ClusterStatus& status) {
    api::set_condition(status.conditions, paused_condition(paused, cluster.get()), ctx.now());
    if (paused) return;
    const auto& endpoint = infra.spec.control_plane_endpoint;
    const bool valid = !endpoint.host.empty() && endpoint.port > 0;
    if (valid) status.initialization.provisioned = true;
    status.failure_domains = infra.spec.failure_domains;
    const Condition ready = valid ? condition("Ready", true, "Ready")
                                  : condition("Ready", false, "InvalidEndpoint",
                                              "API: spec.controlPlaneEndpoint needs a host and a port; set both");
    api::set_condition(status.conditions, ready, ctx.now());
    Condition same = ready;
    same.type = "BaremetalInfrastructureReady";
    api::set_condition(status.conditions, same, ctx.now());
  }));
  return Outcome::done();
}

}  // namespace
}  // namespace metal3cluster

runtime::Controller metal3cluster_controller() {
  return runtime::For<api::Metal3Cluster>("metal3cluster", metal3cluster::reconcile)
      .watches<Cluster>([](Context&, const Cluster& cluster) {
        std::vector<Key> keys;
        if (cluster.spec.infrastructure.kind == "Metal3Cluster")
          keys.push_back(
              {std::string(api::Metal3Cluster::resource), cluster.meta.ns, cluster.spec.infrastructure.name});
        return keys;
      })
      .watches<Machine>([](Context& ctx, const Machine& machine) {
        std::vector<Key> keys;
        const auto cluster = ctx.find<Cluster>(machine.meta.ns, machine.spec.cluster_name);
        if (machine.meta.deleting() && cluster && cluster->meta.deleting())
          keys.push_back(
              {std::string(api::Metal3Cluster::resource), cluster->meta.ns, cluster->spec.infrastructure.name});
        return keys;
      });
}

}  // namespace control
