#include "api/kubeadm.h"

namespace api {

const meta::Fields& KubeadmConfigSpec::fields() {
  static const auto table = meta::bind<KubeadmConfigSpec>()
                                .field("clusterConfiguration", &KubeadmConfigSpec::cluster_configuration)
                                .field("initConfiguration", &KubeadmConfigSpec::init_configuration)
                                .field("joinConfiguration", &KubeadmConfigSpec::join_configuration)
                                .field("files", &KubeadmConfigSpec::files)
                                .field("users", &KubeadmConfigSpec::users)
                                .field("ntp", &KubeadmConfigSpec::ntp)
                                .field("diskSetup", &KubeadmConfigSpec::disk_setup)
                                .field("mounts", &KubeadmConfigSpec::mounts)
                                .field("ignition", &KubeadmConfigSpec::ignition)
                                .field("bootCommands", &KubeadmConfigSpec::boot_commands)
                                .field("preKubeadmCommands", &KubeadmConfigSpec::pre_kubeadm_commands)
                                .field("postKubeadmCommands", &KubeadmConfigSpec::post_kubeadm_commands)
                                .field("format", &KubeadmConfigSpec::format)
                                .field("verbosity", &KubeadmConfigSpec::verbosity);
  return table;
}

const meta::Fields& BootstrapInitialization::fields() {
  static const auto table =
      meta::bind<BootstrapInitialization>().field("dataSecretCreated", &BootstrapInitialization::data_secret_created);
  return table;
}

const meta::Fields& KubeadmConfigStatus::fields() {
  static const auto table = meta::bind<KubeadmConfigStatus>()
                                .field("conditions", &KubeadmConfigStatus::conditions)
                                .field("initialization", &KubeadmConfigStatus::initialization)
                                .field("dataSecretName", &KubeadmConfigStatus::data_secret_name)
                                .field("observedGeneration", &KubeadmConfigStatus::observed_generation);
  return table;
}

const meta::Fields& KubeadmConfig::fields() {
  static const auto table = meta::bind<KubeadmConfig>()
                                .field("metadata", &KubeadmConfig::meta)
                                .field("spec", &KubeadmConfig::spec)
                                .field("status", &KubeadmConfig::status);
  return table;
}

const meta::Fields& ControlPlaneMachineSpec::fields() {
  static const auto table = meta::bind<ControlPlaneMachineSpec>()
                                .field("infrastructureRef", &ControlPlaneMachineSpec::infrastructure)
                                .field("readinessGates", &ControlPlaneMachineSpec::readiness_gates)
                                .field("deletion", &ControlPlaneMachineSpec::deletion)
                                .field("taints", &ControlPlaneMachineSpec::taints);
  return table;
}

const meta::Fields& ControlPlaneMachineTemplate::fields() {
  static const auto table = meta::bind<ControlPlaneMachineTemplate>()
                                .field("metadata", &ControlPlaneMachineTemplate::meta)
                                .field("spec", &ControlPlaneMachineTemplate::spec);
  return table;
}

const meta::Fields& RolloutBefore::fields() {
  static const auto table =
      meta::bind<RolloutBefore>().field("certificatesExpiryDays", &RolloutBefore::certificates_expiry_days);
  return table;
}

const meta::Fields& ControlPlaneRollout::fields() {
  static const auto table = meta::bind<ControlPlaneRollout>()
                                .field("before", &ControlPlaneRollout::before)
                                .field("after", &ControlPlaneRollout::after)
                                .field("strategy", &ControlPlaneRollout::strategy);
  return table;
}

const meta::Fields& ControlPlaneRemediation::fields() {
  static const auto table = meta::bind<ControlPlaneRemediation>()
                                .field("maxRetry", &ControlPlaneRemediation::max_retry)
                                .field("retryPeriodSeconds", &ControlPlaneRemediation::retry_period_seconds)
                                .field("minHealthyPeriodSeconds", &ControlPlaneRemediation::min_healthy_period_seconds);
  return table;
}

const meta::Fields& KubeadmControlPlaneSpec::fields() {
  static const auto table = meta::bind<KubeadmControlPlaneSpec>()
                                .field("replicas", &KubeadmControlPlaneSpec::replicas)
                                .field("version", &KubeadmControlPlaneSpec::version)
                                .field("machineTemplate", &KubeadmControlPlaneSpec::machine)
                                .field("kubeadmConfigSpec", &KubeadmControlPlaneSpec::kubeadm)
                                .field("rollout", &KubeadmControlPlaneSpec::rollout)
                                .field("remediation", &KubeadmControlPlaneSpec::remediation)
                                .field("machineNaming", &KubeadmControlPlaneSpec::naming);
  return table;
}

const meta::Fields& ControlPlaneInitialization::fields() {
  static const auto table = meta::bind<ControlPlaneInitialization>().field(
      "controlPlaneInitialized", &ControlPlaneInitialization::control_plane_initialized);
  return table;
}

const meta::Fields& LastRemediation::fields() {
  static const auto table = meta::bind<LastRemediation>()
                                .field("machine", &LastRemediation::machine)
                                .field("time", &LastRemediation::time)
                                .field("retryCount", &LastRemediation::retry_count);
  return table;
}

const meta::Fields& KubeadmControlPlaneStatus::fields() {
  static const auto table = meta::bind<KubeadmControlPlaneStatus>()
                                .field("conditions", &KubeadmControlPlaneStatus::conditions)
                                .field("initialization", &KubeadmControlPlaneStatus::initialization)
                                .field("selector", &KubeadmControlPlaneStatus::selector)
                                .field("version", &KubeadmControlPlaneStatus::version)
                                .field("replicas", &KubeadmControlPlaneStatus::replicas)
                                .field("readyReplicas", &KubeadmControlPlaneStatus::ready)
                                .field("availableReplicas", &KubeadmControlPlaneStatus::available)
                                .field("upToDateReplicas", &KubeadmControlPlaneStatus::up_to_date)
                                .field("versions", &KubeadmControlPlaneStatus::versions)
                                .field("lastRemediation", &KubeadmControlPlaneStatus::last_remediation)
                                .field("observedGeneration", &KubeadmControlPlaneStatus::observed_generation);
  return table;
}

const meta::Fields& KubeadmControlPlane::fields() {
  static const auto table = meta::bind<KubeadmControlPlane>()
                                .field("metadata", &KubeadmControlPlane::meta)
                                .field("spec", &KubeadmControlPlane::spec)
                                .field("status", &KubeadmControlPlane::status);
  return table;
}

}  // namespace api
