// What changed from v1beta1 to v1beta2, kind by kind.
#include <map>
#include <set>
#include <string>

#include "api/convert/convert.h"

namespace api::convert {

namespace {

using How = Rule::How;

// Paths are built by prefixing; the tables keep views, so the strings live here for good.
std::string_view keep(std::string text) {
  static std::set<std::string> all;
  return *all.insert(std::move(text)).first;
}
void add(Rules& rules, const std::string& prefix, std::initializer_list<Rule> more) {
  for (const auto& rule : more) {
    rules.push_back({rule.how, keep(prefix + std::string(rule.old_path)),
                     rule.new_path.empty() ? std::string_view() : keep(prefix + std::string(rule.new_path))});
  }
}

void machine_spec(Rules& rules, const std::string& prefix) {
  add(rules, prefix,
      {{How::reference, "bootstrap.configRef", ""},
       {How::reference, "infrastructureRef", ""},
       {How::seconds, "nodeDrainTimeout", "deletion.nodeDrainTimeoutSeconds"},
       {How::seconds, "nodeVolumeDetachTimeout", "deletion.nodeVolumeDetachTimeoutSeconds"},
       {How::seconds, "nodeDeletionTimeout", "deletion.nodeDeletionTimeoutSeconds"}});
}

void kubeadm_config_spec(Rules& rules, const std::string& prefix) {
  for (const char* part : {"clusterConfiguration.", "initConfiguration.", "joinConfiguration."}) {
    add(rules, prefix + part, {{How::drop_old, "apiVersion", ""}, {How::drop_old, "kind", ""}});
  }
  add(rules, prefix,
      {{How::drop_old, "useExperimentalRetryJoin", ""},
       {How::drop_old, "clusterConfiguration.clusterName", ""},
       {How::drop_old, "clusterConfiguration.kubernetesVersion", ""},
       {How::drop_old, "clusterConfiguration.networking", ""},
       {How::arguments, "clusterConfiguration.apiServer.extraArgs", ""},
       {How::arguments, "clusterConfiguration.controllerManager.extraArgs", ""},
       {How::arguments, "clusterConfiguration.scheduler.extraArgs", ""},
       {How::arguments, "clusterConfiguration.etcd.local.extraArgs", ""},
       {How::arguments, "initConfiguration.nodeRegistration.kubeletExtraArgs", ""},
       {How::arguments, "joinConfiguration.nodeRegistration.kubeletExtraArgs", ""},
       {How::seconds, "initConfiguration.bootstrapTokens[].ttl", "initConfiguration.bootstrapTokens[].ttlSeconds"},
       {How::seconds, "clusterConfiguration.apiServer.timeoutForControlPlane",
        "initConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds"},
       {How::seconds, "joinConfiguration.discovery.timeout", "joinConfiguration.timeouts.tlsBootstrapSeconds"}});
}

// status.conditions and the fields that went away with the v1beta1 contract.
void common_status(Rules& rules) {
  rules.push_back({How::conditions, "", ""});
  add(rules, "status.", {{How::drop_old, "failureReason", ""}, {How::drop_old, "failureMessage", ""}});
}

void replica_status(Rules& rules) {
  common_status(rules);
  add(rules, "status.", {{How::drop_old, "v1beta2", ""}});
}

Rules cluster() {
  Rules rules;
  add(rules, "spec.",
      {{How::reference, "controlPlaneRef", ""},
       {How::reference, "infrastructureRef", ""},
       {How::move, "topology.class", "topology.classRef.name"},
       {How::move, "topology.classNamespace", "topology.classRef.namespace"},
       {How::drop_old, "topology.rolloutAfter", ""},
       {How::drop_old, "topology.variables[].definitionFrom", ""},
       {How::drop_old, "topology.controlPlane.variables.overrides[].definitionFrom", ""}});
  const auto health = [&](const std::string& prefix) {
    add(rules, prefix,
        {{How::move, "machineHealthCheck.enable", "healthCheck.enabled"},
         {How::move, "machineHealthCheck.maxUnhealthy", "healthCheck.remediation.triggerIf.unhealthyLessThanOrEqualTo"},
         {How::move, "machineHealthCheck.unhealthyRange", "healthCheck.remediation.triggerIf.unhealthyInRange"},
         {How::seconds, "machineHealthCheck.nodeStartupTimeout", "healthCheck.checks.nodeStartupTimeoutSeconds"},
         {How::seconds, "machineHealthCheck.unhealthyConditions[].timeout",
          "machineHealthCheck.unhealthyConditions[].timeoutSeconds"},
         {How::seconds, "machineHealthCheck.unhealthyMachineConditions[].timeout",
          "machineHealthCheck.unhealthyMachineConditions[].timeoutSeconds"},
         {How::move, "machineHealthCheck.unhealthyConditions", "healthCheck.checks.unhealthyNodeConditions"},
         {How::move, "machineHealthCheck.unhealthyMachineConditions", "healthCheck.checks.unhealthyMachineConditions"},
         {How::move, "machineHealthCheck.remediationTemplate", "healthCheck.remediation.templateRef"},
         {How::seconds, "nodeDrainTimeout", "deletion.nodeDrainTimeoutSeconds"},
         {How::seconds, "nodeVolumeDetachTimeout", "deletion.nodeVolumeDetachTimeoutSeconds"},
         {How::seconds, "nodeDeletionTimeout", "deletion.nodeDeletionTimeoutSeconds"}});
  };
  health("spec.topology.controlPlane.");
  const std::string deployments = "spec.topology.workers.machineDeployments[].";
  health(deployments);
  add(rules, deployments,
      {{How::move, "strategy.rollingUpdate.deletePolicy", "deletion.order"},
       {How::move, "strategy.remediation.maxInFlight", "healthCheck.remediation.maxInFlight"},
       {How::move, "strategy.rollingUpdate.maxSurge", "rollout.strategy.rollingUpdate.maxSurge"},
       {How::move, "strategy.rollingUpdate.maxUnavailable", "rollout.strategy.rollingUpdate.maxUnavailable"},
       {How::move, "strategy.type", "rollout.strategy.type"},
       {How::drop_old, "variables.overrides[].definitionFrom", ""}});
  add(rules, "spec.topology.workers.machinePools[].",
      {{How::seconds, "nodeDrainTimeout", "deletion.nodeDrainTimeoutSeconds"},
       {How::seconds, "nodeVolumeDetachTimeout", "deletion.nodeVolumeDetachTimeoutSeconds"},
       {How::seconds, "nodeDeletionTimeout", "deletion.nodeDeletionTimeoutSeconds"},
       {How::drop_old, "variables.overrides[].definitionFrom", ""}});
  common_status(rules);
  add(rules, "status.",
      {{How::move, "infrastructureReady", "initialization.infrastructureProvisioned"},
       {How::move, "controlPlaneReady", "initialization.controlPlaneInitialized"},
       {How::named_list, "failureDomains", "failureDomains"},
       {How::move, "v1beta2.controlPlane", "controlPlane"},
       {How::move, "v1beta2.workers", "workers"}});
  return rules;
}

Rules machine() {
  Rules rules;
  machine_spec(rules, "spec.");
  common_status(rules);
  add(rules, "status.",
      {{How::move, "bootstrapReady", "initialization.bootstrapDataSecretCreated"},
       {How::move, "infrastructureReady", "initialization.infrastructureProvisioned"},
       {How::node_ref, "nodeRef", ""}});
  return rules;
}

Rules machine_set() {
  Rules rules;
  machine_spec(rules, "spec.template.spec.");
  add(rules, "spec.",
      {{How::move, "deletePolicy", "deletion.order"},
       {How::move, "machineNamingStrategy.template", "machineNaming.template"},
       {How::move, "minReadySeconds", "template.spec.minReadySeconds"}});
  replica_status(rules);
  add(rules, "status.", {{How::drop_old, "fullyLabeledReplicas", ""}});
  return rules;
}

Rules machine_deployment() {
  Rules rules;
  machine_spec(rules, "spec.template.spec.");
  add(rules, "spec.",
      {{How::move, "machineNamingStrategy.template", "machineNaming.template"},
       {How::move, "minReadySeconds", "template.spec.minReadySeconds"},
       {How::drop_old, "progressDeadlineSeconds", ""},
       {How::drop_old, "revisionHistoryLimit", ""},
       {How::move, "rolloutAfter", "rollout.after"},
       {How::move, "strategy.rollingUpdate.deletePolicy", "deletion.order"},
       {How::move, "strategy.remediation.maxInFlight", "remediation.maxInFlight"},
       {How::move, "strategy.rollingUpdate.maxSurge", "rollout.strategy.rollingUpdate.maxSurge"},
       {How::move, "strategy.rollingUpdate.maxUnavailable", "rollout.strategy.rollingUpdate.maxUnavailable"},
       {How::move, "strategy.type", "rollout.strategy.type"}});
  replica_status(rules);
  add(rules, "status.",
      {{How::move, "updatedReplicas", "upToDateReplicas"}, {How::drop_old, "unavailableReplicas", ""}});
  return rules;
}

Rules machine_health_check() {
  Rules rules;
  add(rules, "spec.",
      {{How::move, "maxUnhealthy", "remediation.triggerIf.unhealthyLessThanOrEqualTo"},
       {How::move, "unhealthyRange", "remediation.triggerIf.unhealthyInRange"},
       {How::seconds, "nodeStartupTimeout", "checks.nodeStartupTimeoutSeconds"},
       {How::seconds, "unhealthyConditions[].timeout", "unhealthyConditions[].timeoutSeconds"},
       {How::seconds, "unhealthyMachineConditions[].timeout", "unhealthyMachineConditions[].timeoutSeconds"},
       {How::move, "unhealthyConditions", "checks.unhealthyNodeConditions"},
       {How::move, "unhealthyMachineConditions", "checks.unhealthyMachineConditions"},
       {How::move, "remediationTemplate", "remediation.templateRef"}});
  common_status(rules);
  return rules;
}

Rules kubeadm_config() {
  Rules rules;
  kubeadm_config_spec(rules, "spec.");
  common_status(rules);
  add(rules, "status.", {{How::move, "ready", "initialization.dataSecretCreated"}});
  return rules;
}

Rules kubeadm_config_template() {
  Rules rules;
  kubeadm_config_spec(rules, "spec.template.spec.");
  return rules;
}

Rules kubeadm_control_plane() {
  Rules rules;
  kubeadm_config_spec(rules, "spec.kubeadmConfigSpec.");
  add(rules, "spec.",
      {{How::move, "machineNamingStrategy.template", "machineNaming.template"},
       {How::reference, "machineTemplate.infrastructureRef", ""},
       {How::move, "machineTemplate.infrastructureRef", "machineTemplate.spec.infrastructureRef"},
       {How::move, "machineTemplate.readinessGates", "machineTemplate.spec.readinessGates"},
       {How::move, "machineTemplate.taints", "machineTemplate.spec.taints"},
       {How::seconds, "machineTemplate.nodeDrainTimeout", "machineTemplate.spec.deletion.nodeDrainTimeoutSeconds"},
       {How::seconds, "machineTemplate.nodeVolumeDetachTimeout",
        "machineTemplate.spec.deletion.nodeVolumeDetachTimeoutSeconds"},
       {How::seconds, "machineTemplate.nodeDeletionTimeout",
        "machineTemplate.spec.deletion.nodeDeletionTimeoutSeconds"},
       {How::move, "remediationStrategy.maxRetry", "remediation.maxRetry"},
       {How::seconds, "remediationStrategy.minHealthyPeriod", "remediation.minHealthyPeriodSeconds"},
       {How::seconds, "remediationStrategy.retryPeriod", "remediation.retryPeriodSeconds"},
       {How::move, "rolloutAfter", "rollout.after"},
       {How::move, "rolloutBefore", "rollout.before"},
       {How::move, "rolloutStrategy", "rollout.strategy"}});
  replica_status(rules);
  add(rules, "status.",
      {{How::move, "initialized", "initialization.controlPlaneInitialized"},
       {How::move, "lastRemediation.timestamp", "lastRemediation.time"},
       {How::move, "updatedReplicas", "upToDateReplicas"},
       {How::drop_old, "unavailableReplicas", ""},
       {How::drop_old, "ready", ""}});
  return rules;
}

Rules metal3_cluster() {
  Rules rules;
  add(rules, "spec.",
      {{How::invert, "noCloudProvider", "cloudProviderEnabled"},
       {How::named_list, "failureDomains", "failureDomains"}});
  common_status(rules);
  add(rules, "status.",
      {{How::move, "ready", "initialization.provisioned"}, {How::named_list, "failureDomains", "failureDomains"}});
  return rules;
}

void metal3_machine_spec(Rules& rules, const std::string& prefix) {
  add(rules, prefix, {{How::move, "image.format", "image.diskFormat"}});
  for (const char* key : {"apiVersion", "kind", "uid", "fieldPath", "resourceVersion"}) {
    add(rules, prefix, {{How::drop_old, keep("dataTemplate." + std::string(key)), ""}});
  }
}

Rules metal3_machine() {
  Rules rules;
  metal3_machine_spec(rules, "spec.");
  common_status(rules);
  add(rules, "status.", {{How::move, "ready", "initialization.provisioned"}, {How::drop_old, "phase", ""}});
  for (const char* key : {"apiVersion", "kind", "uid", "fieldPath", "resourceVersion"}) {
    add(rules, "status.", {{How::drop_old, keep("renderedData." + std::string(key)), ""}});
  }
  return rules;
}

Rules metal3_machine_template() {
  Rules rules;
  metal3_machine_spec(rules, "spec.template.spec.");
  return rules;
}

}  // namespace

const Rules* rules_of(std::string_view group, std::string_view kind) {
  static const std::map<std::string, Rules, std::less<>> tables = {
      {"Cluster.cluster.x-k8s.io", cluster()},
      {"Machine.cluster.x-k8s.io", machine()},
      {"MachineSet.cluster.x-k8s.io", machine_set()},
      {"MachineDeployment.cluster.x-k8s.io", machine_deployment()},
      {"MachineHealthCheck.cluster.x-k8s.io", machine_health_check()},
      {"KubeadmConfig.bootstrap.cluster.x-k8s.io", kubeadm_config()},
      {"KubeadmConfigTemplate.bootstrap.cluster.x-k8s.io", kubeadm_config_template()},
      {"KubeadmControlPlane.controlplane.cluster.x-k8s.io", kubeadm_control_plane()},
      {"Metal3Cluster.infrastructure.cluster.x-k8s.io", metal3_cluster()},
      {"Metal3Machine.infrastructure.cluster.x-k8s.io", metal3_machine()},
      {"Metal3MachineTemplate.infrastructure.cluster.x-k8s.io", metal3_machine_template()},
  };
  const auto found = tables.find(std::string(kind) + "." + std::string(group));
  return found == tables.end() ? nullptr : &found->second;
}

}  // namespace api::convert
