#include "api/cluster.h"

namespace api {

const meta::Fields& NetworkRanges::fields() {
  static const auto table = meta::bind<NetworkRanges>().field("cidrBlocks", &NetworkRanges::cidr_blocks);
  return table;
}

const meta::Fields& ClusterNetwork::fields() {
  static const auto table = meta::bind<ClusterNetwork>()
                                .field("apiServerPort", &ClusterNetwork::api_server_port)
                                .field("pods", &ClusterNetwork::pods)
                                .field("services", &ClusterNetwork::services)
                                .field("serviceDomain", &ClusterNetwork::service_domain);
  return table;
}

const meta::Fields& ReadinessGate::fields() {
  static const auto table = meta::bind<ReadinessGate>()
                                .field("conditionType", &ReadinessGate::condition_type)
                                .field("polarity", &ReadinessGate::polarity);
  return table;
}

const meta::Fields& ClusterSpec::fields() {
  static const auto table = meta::bind<ClusterSpec>()
                                .field("paused", &ClusterSpec::paused)
                                .field("clusterNetwork", &ClusterSpec::network)
                                .field("controlPlaneEndpoint", &ClusterSpec::endpoint)
                                .field("controlPlaneRef", &ClusterSpec::control_plane)
                                .field("infrastructureRef", &ClusterSpec::infrastructure)
                                .field("availabilityGates", &ClusterSpec::availability_gates)
                                .field("topology", &ClusterSpec::topology);
  return table;
}

const meta::Fields& VersionCount::fields() {
  static const auto table =
      meta::bind<VersionCount>().field("version", &VersionCount::version).field("replicas", &VersionCount::replicas);
  return table;
}

const meta::Fields& ReplicaCounts::fields() {
  static const auto table = meta::bind<ReplicaCounts>()
                                .field("desiredReplicas", &ReplicaCounts::desired)
                                .field("replicas", &ReplicaCounts::replicas)
                                .field("upToDateReplicas", &ReplicaCounts::up_to_date)
                                .field("readyReplicas", &ReplicaCounts::ready)
                                .field("availableReplicas", &ReplicaCounts::available)
                                .field("versions", &ReplicaCounts::versions);
  return table;
}

const meta::Fields& ClusterInitialization::fields() {
  static const auto table = meta::bind<ClusterInitialization>()
                                .field("infrastructureProvisioned", &ClusterInitialization::infrastructure_provisioned)
                                .field("controlPlaneInitialized", &ClusterInitialization::control_plane_initialized);
  return table;
}

const meta::Fields& ClusterStatus::fields() {
  static const auto table = meta::bind<ClusterStatus>()
                                .field("conditions", &ClusterStatus::conditions)
                                .field("initialization", &ClusterStatus::initialization)
                                .field("controlPlane", &ClusterStatus::control_plane)
                                .field("workers", &ClusterStatus::workers)
                                .field("failureDomains", &ClusterStatus::failure_domains)
                                .field("phase", &ClusterStatus::phase)
                                .field("observedGeneration", &ClusterStatus::observed_generation);
  return table;
}

const meta::Fields& Cluster::fields() {
  static const auto table = meta::bind<Cluster>()
                                .field("metadata", &Cluster::meta)
                                .field("spec", &Cluster::spec)
                                .field("status", &Cluster::status);
  return table;
}

const meta::Fields& Bootstrap::fields() {
  static const auto table = meta::bind<Bootstrap>()
                                .field("configRef", &Bootstrap::config)
                                .field("dataSecretName", &Bootstrap::data_secret_name);
  return table;
}

const meta::Fields& MachineDeletion::fields() {
  static const auto table =
      meta::bind<MachineDeletion>()
          .field("nodeDrainTimeoutSeconds", &MachineDeletion::drain_timeout_seconds)
          .field("nodeVolumeDetachTimeoutSeconds", &MachineDeletion::volume_detach_timeout_seconds)
          .field("nodeDeletionTimeoutSeconds", &MachineDeletion::node_deletion_timeout_seconds);
  return table;
}

const meta::Fields& MachineTaint::fields() {
  static const auto table = meta::bind<MachineTaint>()
                                .field("key", &MachineTaint::key)
                                .field("value", &MachineTaint::value)
                                .field("effect", &MachineTaint::effect)
                                .field("propagation", &MachineTaint::propagation);
  return table;
}

const meta::Fields& MachineSpec::fields() {
  static const auto table = meta::bind<MachineSpec>()
                                .field("clusterName", &MachineSpec::cluster_name)
                                .field("bootstrap", &MachineSpec::bootstrap, meta::always)
                                .field("infrastructureRef", &MachineSpec::infrastructure)
                                .field("version", &MachineSpec::version)
                                .field("providerID", &MachineSpec::provider_id)
                                .field("failureDomain", &MachineSpec::failure_domain)
                                .field("minReadySeconds", &MachineSpec::min_ready_seconds)
                                .field("readinessGates", &MachineSpec::readiness_gates)
                                .field("deletion", &MachineSpec::deletion)
                                .field("taints", &MachineSpec::taints);
  return table;
}

const meta::Fields& NodeRef::fields() {
  static const auto table = meta::bind<NodeRef>().field("name", &NodeRef::name);
  return table;
}

const meta::Fields& MachineInitialization::fields() {
  static const auto table =
      meta::bind<MachineInitialization>()
          .field("infrastructureProvisioned", &MachineInitialization::infrastructure_provisioned)
          .field("bootstrapDataSecretCreated", &MachineInitialization::bootstrap_data_secret_created);
  return table;
}

const meta::Fields& MachineDeletionStatus::fields() {
  static const auto table = meta::bind<MachineDeletionStatus>()
                                .field("nodeDrainStartTime", &MachineDeletionStatus::drain_start)
                                .field("waitForNodeVolumeDetachStartTime", &MachineDeletionStatus::volume_detach_start)
                                .field("waitForPreDrainHookStartTime", &MachineDeletionStatus::pre_drain_start)
                                .field("waitForPreTerminateHookStartTime", &MachineDeletionStatus::pre_terminate_start);
  return table;
}

const meta::Fields& MachineStatus::fields() {
  static const auto table = meta::bind<MachineStatus>()
                                .field("conditions", &MachineStatus::conditions)
                                .field("initialization", &MachineStatus::initialization)
                                .field("nodeRef", &MachineStatus::node)
                                .field("nodeInfo", &MachineStatus::node_info)
                                .field("addresses", &MachineStatus::addresses)
                                .field("failureDomain", &MachineStatus::failure_domain)
                                .field("phase", &MachineStatus::phase)
                                .field("lastUpdated", &MachineStatus::last_updated)
                                .field("certificatesExpiryDate", &MachineStatus::certificates_expiry)
                                .field("deletion", &MachineStatus::deletion)
                                .field("observedGeneration", &MachineStatus::observed_generation);
  return table;
}

const meta::Fields& Machine::fields() {
  static const auto table = meta::bind<Machine>()
                                .field("metadata", &Machine::meta)
                                .field("spec", &Machine::spec)
                                .field("status", &Machine::status);
  return table;
}

const meta::Fields& MachineTemplate::fields() {
  static const auto table =
      meta::bind<MachineTemplate>().field("metadata", &MachineTemplate::meta).field("spec", &MachineTemplate::spec);
  return table;
}

const meta::Fields& DeletionOrder::fields() {
  static const auto table = meta::bind<DeletionOrder>().field("order", &DeletionOrder::order);
  return table;
}

const meta::Fields& MachineNaming::fields() {
  static const auto table = meta::bind<MachineNaming>().field("template", &MachineNaming::pattern);
  return table;
}

const meta::Fields& MachineSetSpec::fields() {
  static const auto table = meta::bind<MachineSetSpec>()
                                .field("clusterName", &MachineSetSpec::cluster_name)
                                .field("replicas", &MachineSetSpec::replicas)
                                .field("selector", &MachineSetSpec::selector)
                                .field("template", &MachineSetSpec::machine)
                                .field("machineNaming", &MachineSetSpec::naming)
                                .field("deletion", &MachineSetSpec::deletion);
  return table;
}

const meta::Fields& MachineSetStatus::fields() {
  static const auto table = meta::bind<MachineSetStatus>()
                                .field("conditions", &MachineSetStatus::conditions)
                                .field("selector", &MachineSetStatus::selector)
                                .field("replicas", &MachineSetStatus::replicas)
                                .field("readyReplicas", &MachineSetStatus::ready)
                                .field("availableReplicas", &MachineSetStatus::available)
                                .field("upToDateReplicas", &MachineSetStatus::up_to_date)
                                .field("versions", &MachineSetStatus::versions)
                                .field("observedGeneration", &MachineSetStatus::observed_generation);
  return table;
}

const meta::Fields& MachineSet::fields() {
  static const auto table = meta::bind<MachineSet>()
                                .field("metadata", &MachineSet::meta)
                                .field("spec", &MachineSet::spec)
                                .field("status", &MachineSet::status);
  return table;
}

const meta::Fields& RollingUpdate::fields() {
  static const auto table = meta::bind<RollingUpdate>()
                                .field("maxSurge", &RollingUpdate::max_surge)
                                .field("maxUnavailable", &RollingUpdate::max_unavailable);
  return table;
}

const meta::Fields& RolloutStrategy::fields() {
  static const auto table = meta::bind<RolloutStrategy>()
                                .field("type", &RolloutStrategy::type)
                                .field("rollingUpdate", &RolloutStrategy::rolling);
  return table;
}

const meta::Fields& Rollout::fields() {
  static const auto table = meta::bind<Rollout>().field("after", &Rollout::after).field("strategy", &Rollout::strategy);
  return table;
}

const meta::Fields& RemediationLimit::fields() {
  static const auto table = meta::bind<RemediationLimit>().field("maxInFlight", &RemediationLimit::max_in_flight);
  return table;
}

const meta::Fields& MachineDeploymentSpec::fields() {
  static const auto table = meta::bind<MachineDeploymentSpec>()
                                .field("clusterName", &MachineDeploymentSpec::cluster_name)
                                .field("replicas", &MachineDeploymentSpec::replicas)
                                .field("selector", &MachineDeploymentSpec::selector)
                                .field("template", &MachineDeploymentSpec::machine)
                                .field("rollout", &MachineDeploymentSpec::rollout)
                                .field("remediation", &MachineDeploymentSpec::remediation)
                                .field("deletion", &MachineDeploymentSpec::deletion)
                                .field("machineNaming", &MachineDeploymentSpec::naming)
                                .field("paused", &MachineDeploymentSpec::paused);
  return table;
}

const meta::Fields& MachineDeploymentStatus::fields() {
  static const auto table = meta::bind<MachineDeploymentStatus>()
                                .field("conditions", &MachineDeploymentStatus::conditions)
                                .field("selector", &MachineDeploymentStatus::selector)
                                .field("replicas", &MachineDeploymentStatus::replicas)
                                .field("readyReplicas", &MachineDeploymentStatus::ready)
                                .field("availableReplicas", &MachineDeploymentStatus::available)
                                .field("upToDateReplicas", &MachineDeploymentStatus::up_to_date)
                                .field("versions", &MachineDeploymentStatus::versions)
                                .field("observedGeneration", &MachineDeploymentStatus::observed_generation)
                                .field("phase", &MachineDeploymentStatus::phase);
  return table;
}

const meta::Fields& MachineDeployment::fields() {
  static const auto table = meta::bind<MachineDeployment>()
                                .field("metadata", &MachineDeployment::meta)
                                .field("spec", &MachineDeployment::spec)
                                .field("status", &MachineDeployment::status);
  return table;
}

const meta::Fields& UnhealthyCondition::fields() {
  static const auto table = meta::bind<UnhealthyCondition>()
                                .field("type", &UnhealthyCondition::type)
                                .field("status", &UnhealthyCondition::status)
                                .field("timeoutSeconds", &UnhealthyCondition::timeout_seconds, meta::always);
  return table;
}

const meta::Fields& HealthChecks::fields() {
  static const auto table = meta::bind<HealthChecks>()
                                .field("nodeStartupTimeoutSeconds", &HealthChecks::node_startup_timeout_seconds)
                                .field("unhealthyNodeConditions", &HealthChecks::node_conditions)
                                .field("unhealthyMachineConditions", &HealthChecks::machine_conditions);
  return table;
}

const meta::Fields& RemediationTrigger::fields() {
  static const auto table =
      meta::bind<RemediationTrigger>()
          .field("unhealthyLessThanOrEqualTo", &RemediationTrigger::unhealthy_less_than_or_equal_to)
          .field("unhealthyInRange", &RemediationTrigger::unhealthy_in_range);
  return table;
}

const meta::Fields& RemediationTemplateReference::fields() {
  static const auto table = meta::bind<RemediationTemplateReference>()
                                .field("apiVersion", &RemediationTemplateReference::api_version)
                                .field("kind", &RemediationTemplateReference::kind)
                                .field("name", &RemediationTemplateReference::name);
  return table;
}

const meta::Fields& HealthRemediation::fields() {
  static const auto table = meta::bind<HealthRemediation>()
                                .field("triggerIf", &HealthRemediation::trigger)
                                .field("templateRef", &HealthRemediation::template_ref);
  return table;
}

const meta::Fields& MachineHealthCheckSpec::fields() {
  static const auto table = meta::bind<MachineHealthCheckSpec>()
                                .field("clusterName", &MachineHealthCheckSpec::cluster_name)
                                .field("selector", &MachineHealthCheckSpec::selector)
                                .field("checks", &MachineHealthCheckSpec::checks)
                                .field("remediation", &MachineHealthCheckSpec::remediation);
  return table;
}

const meta::Fields& MachineHealthCheckStatus::fields() {
  static const auto table = meta::bind<MachineHealthCheckStatus>()
                                .field("conditions", &MachineHealthCheckStatus::conditions)
                                .field("expectedMachines", &MachineHealthCheckStatus::expected)
                                .field("currentHealthy", &MachineHealthCheckStatus::healthy)
                                .field("remediationsAllowed", &MachineHealthCheckStatus::remediations_allowed)
                                .field("targets", &MachineHealthCheckStatus::targets)
                                .field("observedGeneration", &MachineHealthCheckStatus::observed_generation);
  return table;
}

const meta::Fields& MachineHealthCheck::fields() {
  static const auto table = meta::bind<MachineHealthCheck>()
                                .field("metadata", &MachineHealthCheck::meta)
                                .field("spec", &MachineHealthCheck::spec)
                                .field("status", &MachineHealthCheck::status);
  return table;
}

}  // namespace api
