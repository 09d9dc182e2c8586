// The KubeadmControlPlane controller: certificates, the first machine, joins one at a time, upgrades, etcd members,
// replacement of failed machines; never without the quorum.
#pragma once

#include "control/kubeadm/certificates.h"
#include "control/kubeadmcontrolplane/plan.h"
#include "runtime/runtime.h"

namespace control {

runtime::Controller kubeadmcontrolplane_controller(workload::Clusters& clusters);

namespace kubeadmcontrolplane {

constexpr std::string_view finalizer = "kubeadm.controlplane.cluster.x-k8s.io";
constexpr std::string_view cleanup_hook = "pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup";

// The replacement of a failed machine, as JSON {machine, timestamp, retryCount}: on the control plane from the deletion
// of the failed machine on, then on the machine that was made for it.
constexpr std::string_view remediation_in_progress = "controlplane.cluster.x-k8s.io/remediation-in-progress";
constexpr std::string_view remediation_for = "controlplane.cluster.x-k8s.io/remediation-for";
std::optional<api::LastRemediation> read_remediation(const std::string& annotation);

// When kube-proxy and CoreDNS of a cluster were last seen to be as wanted, and what was wanted. Only saves requests.
struct Check {
  std::string wanted;
  Time at{};
};
using Checks = std::map<std::string, Check>;  // by uid of the control plane

struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  Checks& checks;
  const KubeadmControlPlane& plane;
  Ref<Cluster> cluster;
  std::shared_ptr<const workload::Snapshot> workload;
  Situation situation;
  bool certificates = false;
  std::vector<std::string> blocked;    // why the next step waits
  std::optional<base::Error> failure;  // the first error of the acting steps
  api::KubeadmControlPlaneStatus status;
  Duration look_again = Duration::zero();

  void again_in(Duration delay);
};

// machines.cpp
std::vector<Ref<Machine>> machines(const Scope& scope);
void observe(Scope& scope);  // fills situation from machines and workload
Result<void> create_machine(Scope& scope, bool init);
Result<void> sync_in_place(Scope& scope);
std::vector<std::string> outdated_reasons(const Scope& scope, const Machine& machine);

// etcd.cpp: members that belong to nobody, and the hook that lets a machine's member go before its host does.
Result<void> reconcile_etcd(Scope& scope);
Result<void> release_hooks(Scope& scope);  // at once, when the whole control plane goes

// remediate.cpp; true when a machine was deleted or remediation holds other steps back.
Result<bool> remediate(Scope& scope);

// upgrade.cpp: what an upgrade changes inside the workload cluster.
// Before machines are replaced: kubeadm's permissions and its stored configuration, which joining machines read. False
// while that is under way.
Result<bool> prepare_rollout(Scope& scope);
// After the last one: kube-proxy and CoreDNS.
Result<void> reconcile_addons(Scope& scope);

// expiry.cpp: notes on each machine's bootstrap object when the certificates of its control plane expire.
void note_expiry(Scope& scope);

// status.cpp
void report(Scope& scope);
Result<void> report_machines(Scope& scope);

}  // namespace kubeadmcontrolplane
}  // namespace control
