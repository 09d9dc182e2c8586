// cluster.x-k8s.io/v1beta2 as the reconcilers see it: Cluster, Machine, MachineSet, MachineDeployment,
// MachineHealthCheck. Only the fields they use; the schemas are in cluster/*.schema.
#pragma once

#include "api/objects.h"

namespace api {

constexpr std::string_view cluster_name_label = "cluster.x-k8s.io/cluster-name";
constexpr std::string_view control_plane_label = "cluster.x-k8s.io/control-plane";
constexpr std::string_view control_plane_name_label = "cluster.x-k8s.io/control-plane-name";
constexpr std::string_view set_name_label = "cluster.x-k8s.io/set-name";
constexpr std::string_view deployment_name_label = "cluster.x-k8s.io/deployment-name";
constexpr std::string_view template_hash_label = "machine-template-hash";
constexpr std::string_view paused_annotation = "cluster.x-k8s.io/paused";
constexpr std::string_view cloned_from_name_annotation = "cluster.x-k8s.io/cloned-from-name";
constexpr std::string_view cloned_from_kind_annotation = "cluster.x-k8s.io/cloned-from-groupkind";

struct NetworkRanges {
  std::vector<std::string> cidr_blocks;
  static const meta::Fields& fields();
};
struct ClusterNetwork {
  std::optional<int32_t> api_server_port;
  NetworkRanges pods, services;
  std::string service_domain;
  static const meta::Fields& fields();
};
struct ReadinessGate {
  std::string condition_type, polarity;
  static const meta::Fields& fields();
};
struct ClusterSpec {
  std::optional<bool> paused;
  ClusterNetwork network;
  Endpoint endpoint;
  Reference control_plane, infrastructure;
  std::vector<ReadinessGate> availability_gates;
  Json topology;
  static const meta::Fields& fields();
};
struct VersionCount {
  std::string version;
  std::optional<int32_t> replicas;
  static const meta::Fields& fields();
};
struct ReplicaCounts {
  std::optional<int32_t> desired, replicas, up_to_date, ready, available;
  std::vector<VersionCount> versions;
  static const meta::Fields& fields();
};
struct ClusterInitialization {
  std::optional<bool> infrastructure_provisioned, control_plane_initialized;
  static const meta::Fields& fields();
};
struct ClusterStatus {
  std::vector<Condition> conditions;
  ClusterInitialization initialization;
  ReplicaCounts control_plane, workers;
  std::vector<FailureDomain> failure_domains;
  std::string phase;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct Cluster {
  static constexpr std::string_view resource = "clusters.cluster.x-k8s.io";
  ObjectMeta meta;
  ClusterSpec spec;
  ClusterStatus status;
  static const meta::Fields& fields();
};

struct Bootstrap {
  Reference config;
  std::optional<std::string> data_secret_name;
  static const meta::Fields& fields();
};
struct MachineDeletion {
  std::optional<int32_t> drain_timeout_seconds, volume_detach_timeout_seconds, node_deletion_timeout_seconds;
  static const meta::Fields& fields();
  bool operator==(const MachineDeletion&) const = default;
};
struct MachineTaint {
  std::string key, value, effect, propagation;
  static const meta::Fields& fields();
  bool operator==(const MachineTaint&) const = default;
};
struct MachineSpec {
  std::string cluster_name;
  Bootstrap bootstrap;
  Reference infrastructure;
  std::string version, provider_id, failure_domain;
  std::optional<int32_t> min_ready_seconds;
  std::vector<ReadinessGate> readiness_gates;
  MachineDeletion deletion;
  std::vector<MachineTaint> taints;
  static const meta::Fields& fields();
};
struct NodeRef {
  std::string name;
  static const meta::Fields& fields();
};
struct MachineInitialization {
  std::optional<bool> infrastructure_provisioned, bootstrap_data_secret_created;
  static const meta::Fields& fields();
};
struct MachineDeletionStatus {
  std::optional<Time> drain_start, volume_detach_start, pre_drain_start, pre_terminate_start;
  static const meta::Fields& fields();
};
struct MachineStatus {
  std::vector<Condition> conditions;
  MachineInitialization initialization;
  NodeRef node;
  Json node_info;
  std::vector<MachineAddress> addresses;
  std::string failure_domain, phase;
  std::optional<Time> last_updated, certificates_expiry;
  MachineDeletionStatus deletion;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct Machine {
  static constexpr std::string_view resource = "machines.cluster.x-k8s.io";
  ObjectMeta meta;
  MachineSpec spec;
  MachineStatus status;
  static const meta::Fields& fields();
  bool is_control_plane() const { return meta.labels.count(std::string(control_plane_label)) > 0; }
};

struct MachineTemplate {
  TemplateMeta meta;
  MachineSpec spec;
  static const meta::Fields& fields();
};
struct DeletionOrder {
  std::string order;  // Random, Newest or Oldest
  static const meta::Fields& fields();
};
struct MachineNaming {
  std::string pattern;  // spec.machineNaming.template
  static const meta::Fields& fields();
};
struct MachineSetSpec {
  std::string cluster_name;
  std::optional<int32_t> replicas;
  Selector selector;
  MachineTemplate machine;
  MachineNaming naming;
  DeletionOrder deletion;
  static const meta::Fields& fields();
};
struct MachineSetStatus {
  std::vector<Condition> conditions;
  std::string selector;
  std::optional<int32_t> replicas, ready, available, up_to_date;
  std::vector<VersionCount> versions;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct MachineSet {
  static constexpr std::string_view resource = "machinesets.cluster.x-k8s.io";
  ObjectMeta meta;
  MachineSetSpec spec;
  MachineSetStatus status;
  static const meta::Fields& fields();
};

struct RollingUpdate {
  Json max_surge, max_unavailable;  // an integer or "30%"
  static const meta::Fields& fields();
};
struct RolloutStrategy {
  std::string type;  // RollingUpdate or OnDelete
  RollingUpdate rolling;
  static const meta::Fields& fields();
};
struct Rollout {
  std::optional<Time> after;
  RolloutStrategy strategy;
  static const meta::Fields& fields();
};
struct RemediationLimit {
  Json max_in_flight;
  static const meta::Fields& fields();
};
struct MachineDeploymentSpec {
  std::string cluster_name;
  std::optional<int32_t> replicas;
  Selector selector;
  MachineTemplate machine;
  Rollout rollout;
  RemediationLimit remediation;
  DeletionOrder deletion;
  MachineNaming naming;
  std::optional<bool> paused;
  static const meta::Fields& fields();
};
struct MachineDeploymentStatus : MachineSetStatus {
  std::string phase;  // ScalingUp, ScalingDown, Running, Failed or Unknown
  static const meta::Fields& fields();
};
struct MachineDeployment {
  static constexpr std::string_view resource = "machinedeployments.cluster.x-k8s.io";
  ObjectMeta meta;
  MachineDeploymentSpec spec;
  MachineDeploymentStatus status;
  static const meta::Fields& fields();
};

struct UnhealthyCondition {
  std::string type, status;
  int32_t timeout_seconds = 0;
  static const meta::Fields& fields();
};
struct HealthChecks {
  std::optional<int32_t> node_startup_timeout_seconds;
  std::vector<UnhealthyCondition> node_conditions, machine_conditions;
  static const meta::Fields& fields();
};
struct RemediationTrigger {
  Json unhealthy_less_than_or_equal_to;  // an integer or "40%"
  std::string unhealthy_in_range;        // "[3-5]"
  static const meta::Fields& fields();
};
struct RemediationTemplateReference {
  std::string api_version, kind, name;
  static const meta::Fields& fields();
};
struct HealthRemediation {
  RemediationTrigger trigger;
  RemediationTemplateReference template_ref;
  static const meta::Fields& fields();
};
struct MachineHealthCheckSpec {
  std::string cluster_name;
  Selector selector;
  HealthChecks checks;
  HealthRemediation remediation;
  static const meta::Fields& fields();
};
struct MachineHealthCheckStatus {
  std::vector<Condition> conditions;
  std::optional<int32_t> expected, healthy, remediations_allowed;
  std::vector<std::string> targets;
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
struct MachineHealthCheck {
  static constexpr std::string_view resource = "machinehealthchecks.cluster.x-k8s.io";
  ObjectMeta meta;
  MachineHealthCheckSpec spec;
  MachineHealthCheckStatus status;
  static const meta::Fields& fields();
};

}  // namespace api
