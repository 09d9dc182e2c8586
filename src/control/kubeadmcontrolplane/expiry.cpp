// When the certificates of a control-plane machine expire: kubeadm makes them all at once, so the API server's speaks
// for all. It is asked once per machine; whoever renews certificates by hand deletes the annotation.
#include "base/log.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

namespace control::kubeadmcontrolplane {

namespace {

uint16_t api_port(const api::KubeadmConfigSpec& spec) {
  const Json& init = spec.init_configuration.path("localAPIEndpoint.bindPort");
  const Json& join = spec.join_configuration.path("controlPlane.localAPIEndpoint.bindPort");
  return static_cast<uint16_t>((init.is_integer() ? init : join).integer(6443));
}

}  // namespace

void note_expiry(Scope& scope) {
  if (!scope.situation.initialized || !scope.workload || !scope.workload->reachable) return;
  for (const auto& member : scope.situation.members) {
    const auto& machine = *member.machine;
    if (machine.meta.deleting() || machine.status.node.name.empty() || !member.unhealthy.empty()) continue;
    const auto config = scope.ctx.find<api::KubeadmConfig>(machine.meta.ns, machine.spec.bootstrap.config.name);
    if (!config || config->meta.has_annotation(certificates_expiry_annotation)) continue;
    const auto job = scope.clusters.certificate_expiry(cluster_key(*scope.cluster), machine.status.node.name,
                                                       api_port(config->spec));
    auto done = [&]() -> Result<void> {
      if (job.state == workload::JobState::failed) return *job.error;
      if (job.state != workload::JobState::done) return {};
      TRY(scope.ctx.update(*config, [&](api::KubeadmConfig& changed) {
        changed.meta.annotations[std::string(certificates_expiry_annotation)] = job.result.string();
      }));
      return {};
    }();
    // Nothing else depends on it: it is asked again with the next look.
    if (!done)
      base::log::info("certificate expiry is not known",
                      {{"machine", machine.meta.name}, {"error", done.error().text()}});
  }
}

}  // namespace control::kubeadmcontrolplane
