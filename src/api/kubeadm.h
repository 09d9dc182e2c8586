// bootstrap.cluster.x-k8s.io and controlplane.cluster.x-k8s.io v1beta2 as reconcilers see them. The kubeadm
// configurations stay documents: they are rendered nearly as they are (control/kubeadm/render.h).
#pragma once

#include "api/cluster.h"

namespace api {

struct KubeadmConfigSpec {
  Json cluster_configuration, init_configuration, join_configuration;
  Json files, users, ntp, disk_setup, mounts, ignition;
  std::vector<std::string> boot_commands, pre_kubeadm_commands, post_kubeadm_commands;
  std::string format;  // cloud-config (default) or ignition
  std::optional<int32_t> verbosity;
  static const meta::Fields& fields();
  bool operator==(const KubeadmConfigSpec&) const = default;
};
struct BootstrapInitialization {
  std::optional<bool> data_secret_created;
  static const meta::Fields& fields();
};
struct KubeadmConfigStatus {
  std::vector<Condition> conditions;
  BootstrapInitialization initialization;
  std::string data_secret_name;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct KubeadmConfig {
  static constexpr std::string_view resource = "kubeadmconfigs.bootstrap.cluster.x-k8s.io";
  ObjectMeta meta;
  KubeadmConfigSpec spec;
  KubeadmConfigStatus status;
  static const meta::Fields& fields();
};

struct ControlPlaneMachineSpec {
  Reference infrastructure;
  std::vector<ReadinessGate> readiness_gates;
  MachineDeletion deletion;
  std::vector<MachineTaint> taints;
  static const meta::Fields& fields();
};
struct ControlPlaneMachineTemplate {
  TemplateMeta meta;
  ControlPlaneMachineSpec spec;
  static const meta::Fields& fields();
};
struct RolloutBefore {
  std::optional<int32_t> certificates_expiry_days;
  static const meta::Fields& fields();
};
struct ControlPlaneRollout {
  RolloutBefore before;
  std::optional<Time> after;
  RolloutStrategy strategy;
  static const meta::Fields& fields();
};
struct ControlPlaneRemediation {
  std::optional<int32_t> max_retry, retry_period_seconds, min_healthy_period_seconds;
  static const meta::Fields& fields();
};
struct KubeadmControlPlaneSpec {
  std::optional<int32_t> replicas;
  std::string version;
  ControlPlaneMachineTemplate machine;
  KubeadmConfigSpec kubeadm;
  ControlPlaneRollout rollout;
  ControlPlaneRemediation remediation;
  MachineNaming naming;
  static const meta::Fields& fields();
};
struct ControlPlaneInitialization {
  std::optional<bool> control_plane_initialized;
  static const meta::Fields& fields();
};
struct LastRemediation {
  std::string machine;
  Time time{};
  std::optional<int32_t> retry_count;
  static const meta::Fields& fields();
};
struct KubeadmControlPlaneStatus {
  std::vector<Condition> conditions;
  ControlPlaneInitialization initialization;
  std::string selector, version;  // version: the lowest that runs
  std::optional<int32_t> replicas, ready, available, up_to_date;
  std::vector<VersionCount> versions;
  std::optional<LastRemediation> last_remediation;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct KubeadmControlPlane {
  static constexpr std::string_view resource = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io";
  ObjectMeta meta;
  KubeadmControlPlaneSpec spec;
  KubeadmControlPlaneStatus status;
  static const meta::Fields& fields();
};

}  // namespace api
