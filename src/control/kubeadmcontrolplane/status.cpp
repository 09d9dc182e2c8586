// What a control plane reports: the conditions of its machines' components and its own.
#include <algorithm>

#include "base/text.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

namespace control::kubeadmcontrolplane {

namespace {

void set(Scope& scope, const Condition& condition) {
  api::set_condition(scope.status.conditions, condition, scope.ctx.now());
}

bool connected(const Scope& scope) { return scope.workload && scope.workload->taken != Time(); }

Condition pod_condition(const Scope& scope, const Machine& machine, const char* component, const char* type) {
  if (machine.status.node.name.empty())
    return unknown(type, "InspectionFailed", "Waiting for the Machine to have a Node");
  if (!connected(scope)) return unknown(type, "ConnectionDown", "node: the workload cluster does not answer");
  for (const auto& pod : scope.workload->components) {
    if (pod.component != component || pod.node != machine.status.node.name) continue;
    return pod.ready ? condition(type, true, "Running") : condition(type, false, "Failed", pod.problem);
  }
  return condition(type, false, "DoesNotExist",
                   std::string("Pod ") + component + "-" + machine.status.node.name + " does not exist");
}

Condition member_condition(const Member& member, const Scope& scope) {
  constexpr const char* type = "EtcdMemberHealthy";
  if (member.machine->status.node.name.empty())
    return unknown(type, "InspectionFailed", "Waiting for the Machine to have a Node");
  if (!scope.situation.etcd_known)
    return unknown(type, "InspectionFailed",
                   connected(scope) ? "etcd cannot be asked: " + scope.workload->etcd_problem
                                    : "node: the workload cluster does not answer");
  if (!member.etcd) return condition(type, false, "NotHealthy", "etcd has no member of this name");
  return member.etcd->healthy ? condition(type, true, "Healthy")
                              : condition(type, false, "NotHealthy", member.etcd->problem);
}

std::vector<NamedCondition> gather(const Scope& scope, std::string_view type) {
  std::vector<NamedCondition> out;
  for (const auto& machine : machines(scope))
    out.push_back({machine->meta.name, api::find_condition(machine->status.conditions, type)});
  return out;
}

void etcd_and_components(Scope& scope) {
  if (!scope.situation.initialized) {
    set(scope, unknown("EtcdClusterHealthy", "HealthUnknown", "Waiting for the control plane to be initialized"));
    set(scope,
        unknown("ControlPlaneComponentsHealthy", "HealthUnknown", "Waiting for the control plane to be initialized"));
    return;
  }
  std::vector<std::string> sick, members;
  for (const auto& member : scope.situation.members) {
    for (const auto& problem : member.unhealthy)
      sick.push_back("* Machine " + member.machine->meta.name + ": " + problem);
  }
  for (const auto& etcd : scope.situation.etcd) {
    if (!etcd.healthy) members.push_back("* Member " + (etcd.name.empty() ? etcd.id : etcd.name) + ": " + etcd.problem);
  }
  if (!scope.situation.etcd_known)
    set(scope, unknown("EtcdClusterHealthy", "HealthUnknown",
                       scope.workload ? scope.workload->etcd_problem + scope.workload->problem : "not connected"));
  else if (members.empty())
    set(scope, condition("EtcdClusterHealthy", true, "Healthy"));
  else
    set(scope, condition("EtcdClusterHealthy", false, "NotHealthy", base::join(members, "\n")));
  if (!connected(scope))
    set(scope, unknown("ControlPlaneComponentsHealthy", "HealthUnknown", "node: the workload cluster does not answer"));
  else if (sick.empty())
    set(scope, condition("ControlPlaneComponentsHealthy", true, "Healthy"));
  else
    set(scope, condition("ControlPlaneComponentsHealthy", false, "NotHealthy", base::join(sick, "\n")));
}

// What the first machine is waited for; "" when nobody can say.
std::string why_not_initialized(const Scope& scope) {
  if (scope.failure) return scope.failure->text();
  if (!scope.certificates || scope.situation.members.empty()) return {};
  const auto& machine = *scope.situation.members.front().machine;
  if (!machine.status.initialization.infrastructure_provisioned.value_or(false))
    return "controller: Machine " + machine.meta.name + " has no server yet";
  const auto& endpoint = scope.cluster->spec.endpoint;
  const std::string url = "https://" + sys::Address{endpoint.host, static_cast<uint16_t>(endpoint.port)}.text();
  if (scope.workload && scope.workload->reachable)
    return "bootstrap: " + url + " answers, but kubeadm init has not stored its configuration there yet";
  if (!scope.workload || scope.workload->problem.empty())
    return "bootstrap: waiting for kubeadm init on Machine " + machine.meta.name;
  return "bootstrap: waiting for kubeadm init on Machine " + machine.meta.name + "; " + url +
         " does not answer: " + scope.workload->problem +
         ". Next: if this lasts, look at the server's console and /var/log/cloud-init-output.log, and at what serves "
         "the endpoint (kube-vip, keepalived, a load balancer)";
}

Condition available(const Scope& scope) {
  std::vector<std::string> why;
  if (scope.plane.meta.deleting()) why.push_back("* Control plane is being deleted");
  if (!scope.situation.initialized) why.push_back("* Control plane not yet initialized");
  if (!scope.certificates) why.push_back("* Control plane certificates are not available");
  if (scope.situation.initialized) {
    const bool serving =
        std::any_of(scope.situation.members.begin(), scope.situation.members.end(),
                    [](const Member& m) { return !m.machine->status.node.name.empty() && m.unhealthy.empty(); });
    if (!serving) why.push_back("* There are no Machines with healthy control plane components, at least 1 required");
    if (scope.situation.etcd_known) {
      if (const auto quorum = quorum_after_removal(scope.situation.etcd, ""); !quorum.safe)
        why.push_back("* " + quorum.why);
    }
  }
  return why.empty() ? condition("Available", true, "Available")
                     : condition("Available", false, "NotAvailable", base::join(why, "\n"));
}

void scaling(Scope& scope, int alive, int outdated) {
  const int wanted = scope.plane.meta.deleting() ? 0 : scope.situation.replicas;
  const int total = static_cast<int>(scope.situation.members.size());
  const std::string why = scope.blocked.empty() ? (scope.failure ? ":\n* " + scope.failure->text() : std::string())
                                                : " is blocked because:\n* " + base::join(scope.blocked, "\n* ");
  set(scope, alive < wanted ? condition("ScalingUp", true, "ScalingUp",
                                        "Scaling up from " + std::to_string(alive) + " to " + std::to_string(wanted) +
                                            " replicas" + why)
                            : condition("ScalingUp", false, "NotScalingUp"));
  set(scope, total > wanted && outdated == 0 ? condition("ScalingDown", true, "ScalingDown",
                                                         "Scaling down from " + std::to_string(total) + " to " +
                                                             std::to_string(wanted) + " replicas" + why)
                                             : condition("ScalingDown", false, "NotScalingDown"));
  std::vector<std::string> reasons;
  for (const auto& member : scope.situation.members) {
    for (const auto& one : member.outdated) {
      if (std::find(reasons.begin(), reasons.end(), "* " + one) == reasons.end()) reasons.push_back("* " + one);
    }
  }
  if (outdated > 0 && !scope.blocked.empty())
    reasons.push_back("* next step waits: " + base::join(scope.blocked, "; "));
  set(scope, outdated > 0 ? condition("RollingOut", true, "RollingOut",
                                      "Rolling out " + std::to_string(outdated) + " not up-to-date replicas\n" +
                                          base::join(reasons, "\n"))
                          : condition("RollingOut", false, "NotRollingOut"));
}

void counts(Scope& scope) {
  const auto all = machines(scope);
  const auto count = [&](std::string_view type) {
    return static_cast<int32_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& m) { return api::is_true(m->status.conditions, type); }));
  };
  auto& status = scope.status;
  status.replicas = static_cast<int32_t>(all.size());
  status.ready = count("Ready");
  status.available = count("Available");
  status.up_to_date = count("UpToDate");
  status.selector = std::string(api::cluster_name_label) + "=" + scope.cluster->meta.name + "," +
                    std::string(api::control_plane_label);
  std::map<std::string, int32_t> versions;
  for (const auto& machine : all) {
    if (!machine->spec.version.empty()) ++versions[machine->spec.version];
  }
  status.versions.clear();
  for (const auto& [version, replicas] : versions) status.versions.push_back({version, replicas});
  status.version = versions.empty() ? "" : versions.begin()->first;
}

}  // namespace

Result<void> report_machines(Scope& scope) {
  for (const auto& member : scope.situation.members) {
    const auto& machine = *member.machine;
    std::vector<std::string> why;
    for (const auto& one : member.outdated) why.push_back("* " + one);
    TRY(scope.ctx.update_status(machine, [&](api::MachineStatus& status) {
      const Time now = scope.ctx.now();
      api::set_condition(status.conditions,
                         why.empty() ? condition("UpToDate", true, "UpToDate")
                                     : condition("UpToDate", false, "NotUpToDate", base::join(why, "\n")),
                         now);
      api::set_condition(status.conditions, pod_condition(scope, machine, "kube-apiserver", "APIServerPodHealthy"),
                         now);
      api::set_condition(status.conditions,
                         pod_condition(scope, machine, "kube-controller-manager", "ControllerManagerPodHealthy"), now);
      api::set_condition(status.conditions, pod_condition(scope, machine, "kube-scheduler", "SchedulerPodHealthy"),
                         now);
      api::set_condition(status.conditions, pod_condition(scope, machine, "etcd", "EtcdPodHealthy"), now);
      api::set_condition(status.conditions, member_condition(member, scope), now);
    }));
  }
  return {};
}

void report(Scope& scope) {
  int alive = 0, outdated = 0;
  std::vector<std::string> remediating;
  for (const auto& member : scope.situation.members) {
    if (!member.machine->meta.deleting()) ++alive;
    if (!member.outdated.empty()) ++outdated;
    if (member.marked_unhealthy) remediating.push_back(member.machine->meta.name);
  }
  set(scope, scope.situation.initialized
                 ? condition("Initialized", true, "Initialized")
                 : condition("Initialized", false, "NotInitialized", why_not_initialized(scope)));
  set(scope, scope.certificates ? condition("CertificatesAvailable", true, "Available")
                                : condition("CertificatesAvailable", false, "NotAvailable",
                                            "bootstrap: waiting for the Cluster's infrastructure and endpoint"));
  etcd_and_components(scope);
  set(scope, available(scope));
  set(scope, aggregate("MachinesReady", "Machines", gather(scope, "Ready"), "NoReplicas"));
  set(scope, aggregate("MachinesUpToDate", "Machines", gather(scope, "UpToDate"), "NoReplicas"));
  scaling(scope, alive, outdated);
  set(scope, remediating.empty()
                 ? condition("Remediating", false, "NotRemediating")
                 : condition("Remediating", true, "Remediating",
                             "Machines " + base::join(remediating, ", ") + " are to be replaced" +
                                 (scope.blocked.empty() ? "" : ": " + base::join(scope.blocked, "; "))));
  if (!scope.plane.meta.deleting()) set(scope, condition("Deleting", false, "NotDeleting"));
  counts(scope);
  scope.status.observed_generation = scope.plane.meta.generation;
}

}  // namespace control::kubeadmcontrolplane
