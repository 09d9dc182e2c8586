// What a Cluster reports: the conditions of Cluster API's v1beta2 plus Ready, which people's scripts wait for.
#include "control/cluster/cluster.h"

namespace control::cluster {

namespace {

constexpr base::Duration probe_grace = base::seconds(50);

void set(Scope& scope, const Condition& condition) {
  api::set_condition(scope.status.conditions, condition, scope.ctx.now());
}

Condition infrastructure_ready(const Scope& scope) {
  if (!scope.cluster.spec.infrastructure) return condition("InfrastructureReady", true, "NoInfrastructureRef");
  if (!scope.infrastructure.exists()) {
    const bool had = scope.status.initialization.infrastructure_provisioned.value_or(false);
    if (scope.cluster.meta.deleting())
      return condition("InfrastructureReady", false, "ObjectDeleted", scope.infrastructure.text + " has been deleted");
    return condition(
        "InfrastructureReady", false, had ? "ObjectDeleted" : "ObjectDoesNotExist",
        had ? scope.infrastructure.text + " has been deleted while the cluster still exists"
            : "API: " + scope.infrastructure.text +
                  ", named by spec.infrastructureRef, does not exist; next: create it or correct the reference");
  }
  if (!scope.infrastructure.refused.empty())
    return condition("InfrastructureReady", false, "OwnedByAnother", scope.infrastructure.refused);
  const bool done = scope.infrastructure.doc.path("status.initialization.provisioned").boolean();
  return mirror(scope.infrastructure, "Ready", "InfrastructureReady",
                condition("", done, done ? "Ready" : "NotReady",
                          done ? "" : scope.infrastructure.text + " is not provisioned yet"));
}

Condition control_plane_available(const Scope& scope) {
  if (!scope.cluster.spec.control_plane) return condition("ControlPlaneAvailable", true, "NoControlPlaneRef");
  if (!scope.control_plane.exists()) {
    const bool had =
        scope.status.initialization.control_plane_initialized.value_or(false) || scope.cluster.meta.deleting();
    return condition(
        "ControlPlaneAvailable", false, had ? "ObjectDeleted" : "ObjectDoesNotExist",
        had ? scope.control_plane.text + " has been deleted"
            : "API: " + scope.control_plane.text +
                  ", named by spec.controlPlaneRef, does not exist; next: create it or correct the reference");
  }
  if (!scope.control_plane.refused.empty())
    return condition("ControlPlaneAvailable", false, "OwnedByAnother", scope.control_plane.refused);
  return mirror(scope.control_plane, "Available", "ControlPlaneAvailable",
                unknown("", "NotReported", scope.control_plane.text + " does not report Available yet"));
}

Condition control_plane_initialized(const Scope& scope) {
  if (scope.status.initialization.control_plane_initialized.value_or(false))
    return condition("ControlPlaneInitialized", true, "Initialized");
  if (!scope.cluster.spec.control_plane)
    return condition("ControlPlaneInitialized", false, "NotInitialized",
                     "Waiting for the first control plane machine to have a Node");
  if (!scope.control_plane.exists())
    return condition("ControlPlaneInitialized", false, "NotInitialized", scope.control_plane.text + " does not exist");
  const Condition said = mirror(scope.control_plane, "Initialized", "ControlPlaneInitialized", unknown("", "", ""));
  return condition("ControlPlaneInitialized", false, "NotInitialized",
                   "Control plane not yet initialized" + (said.message.empty() ? "" : ": " + said.message));
}

Condition connection(const Scope& scope) {
  if (!scope.status.initialization.control_plane_initialized.value_or(false)) {
    return condition("RemoteConnectionProbe", false, "ProbeFailed",
                     "Remote connection not established yet: the control plane is not initialized");
  }
  if (!scope.workload || scope.workload->taken == Time()) {
    return condition(
        "RemoteConnectionProbe", false, "ProbeFailed",
        "node: " + (scope.workload ? scope.workload->problem : std::string("the workload cluster was not asked yet")));
  }
  if (!scope.workload->reachable && scope.ctx.now() - scope.workload->unreachable_since >= probe_grace) {
    return condition("RemoteConnectionProbe", false, "ProbeFailed",
                     "node: the API server at " + scope.cluster.spec.endpoint.host + ":" +
                         std::to_string(scope.cluster.spec.endpoint.port) + " has not answered since " +
                         base::rfc3339(scope.workload->unreachable_since) + ": " + scope.workload->problem);
  }
  return condition("RemoteConnectionProbe", true, "ProbeSucceeded");
}

Condition workers_available(const Scope& scope) {
  std::vector<NamedCondition> all;
  for (const auto& one : scope.deployments)
    all.push_back({one->meta.name, api::find_condition(one->status.conditions, "Available")});
  return aggregate("WorkersAvailable", "MachineDeployments", all, "NoWorkers");
}

void machine_conditions(Scope& scope) {
  const auto gather = [&](bool control_plane, std::string_view type) {
    std::vector<NamedCondition> all;
    for (const auto& machine : scope.machines) {
      if (machine->is_control_plane() == control_plane)
        all.push_back({machine->meta.name, api::find_condition(machine->status.conditions, type)});
    }
    return all;
  };
  set(scope, aggregate("ControlPlaneMachinesReady", "Machines", gather(true, "Ready"), "NoReplicas"));
  set(scope, aggregate("WorkerMachinesReady", "Machines", gather(false, "Ready"), "NoReplicas"));
  set(scope, aggregate("ControlPlaneMachinesUpToDate", "Machines", gather(true, "UpToDate"), "NoReplicas"));
  set(scope, aggregate("WorkerMachinesUpToDate", "Machines", gather(false, "UpToDate"), "NoReplicas"));
}

// RollingOut, ScalingUp, ScalingDown, Remediating: true when the control plane or any deployment says so.
void progress_condition(Scope& scope, const char* type) {
  std::string message;
  const auto add = [&](const std::string& who, const std::string& what) {
    message += (message.empty() ? "* " : "\n* ") + who + ": " + what;
  };
  const Json& plane = scope.control_plane.condition(type);
  if (plane["status"].string() == "True") add(scope.control_plane.text, plane["message"].string());
  for (const auto& one : scope.deployments) {
    const Condition* found = api::find_condition(one->status.conditions, type);
    if (found && found->status == "True") add("MachineDeployment " + one->meta.name, found->message);
  }
  set(scope,
      message.empty() ? condition(type, false, "Not" + std::string(type)) : condition(type, true, type, message));
}

void counts(Scope& scope) {
  const auto& plane = scope.control_plane.doc;
  const auto number = [](const Json& value) -> std::optional<int32_t> {
    return value.is_integer() ? std::optional(static_cast<int32_t>(value.integer())) : std::nullopt;
  };
  if (scope.control_plane.exists()) {
    auto& out = scope.status.control_plane;
    out.desired = number(plane.path("spec.replicas"));
    out.replicas = number(plane.path("status.replicas"));
    out.ready = number(plane.path("status.readyReplicas"));
    out.available = number(plane.path("status.availableReplicas"));
    out.up_to_date = number(plane.path("status.upToDateReplicas"));
  }
  api::ReplicaCounts workers{.desired = 0, .replicas = 0, .up_to_date = 0, .ready = 0, .available = 0};
  for (const auto& one : scope.deployments) {
    *workers.desired += one->spec.replicas.value_or(1);
    *workers.replicas += one->status.replicas.value_or(0);
    *workers.ready += one->status.ready.value_or(0);
    *workers.available += one->status.available.value_or(0);
    *workers.up_to_date += one->status.up_to_date.value_or(0);
  }
  scope.status.workers = workers;
}

std::string phase_of(const Scope& scope) {
  if (scope.cluster.meta.deleting()) return "Deleting";
  if (scope.status.initialization.infrastructure_provisioned.value_or(false) && scope.cluster.spec.endpoint)
    return "Provisioned";
  if (scope.cluster.spec.infrastructure || scope.cluster.spec.control_plane) return "Provisioning";
  return "Pending";
}

// An event for a reference that leads nowhere, when that is news.
void warn_of_dangling(Scope& scope, const Condition& now) {
  const Condition* before = api::find_condition(scope.cluster.status.conditions, now.type);
  const bool news = !before || before->reason != now.reason || before->message != now.message;
  if (now.reason != "ObjectDoesNotExist" || !worth_an_event(scope.ctx.now(), scope.cluster.meta, news)) return;
  scope.ctx.event(scope.cluster, EventKind::warning, now.reason, now.message);
}

}  // namespace

void report(Scope& scope) {
  for (const auto& one : {infrastructure_ready(scope), control_plane_available(scope)}) {
    warn_of_dangling(scope, one);
    set(scope, one);
  }
  set(scope, control_plane_initialized(scope));
  set(scope, workers_available(scope));
  set(scope, connection(scope));
  machine_conditions(scope);
  for (const char* type : {"RollingOut", "ScalingUp", "ScalingDown", "Remediating"}) progress_condition(scope, type);
  set(scope, scope.cluster.meta.deleting()
                 ? condition("Deleting", true, scope.deleting_reason.empty() ? "Deleting" : scope.deleting_reason,
                             scope.deleting_message)
                 : condition("Deleting", false, "NotDeleting"));
  Summary summary{.type = "Available",
                  // What the others wait for comes first.
                  .types = {"Deleting", "InfrastructureReady", "ControlPlaneAvailable", "WorkersAvailable",
                            "RemoteConnectionProbe"},
                  .negative = {"Deleting"}};
  for (const auto& gate : scope.cluster.spec.availability_gates) {
    summary.types.push_back(gate.condition_type);
    if (gate.polarity == "Negative") summary.negative.push_back(gate.condition_type);
  }
  set(scope, summarize(scope.status.conditions, summary));
  // v1beta2 upstream has no Ready on Cluster, but scripts wait for it: available, and every machine ready and current.
  set(scope, summarize(scope.status.conditions,
                       {.type = "Ready",
                        .types = {"ControlPlaneMachinesReady", "WorkerMachinesReady", "ScalingUp", "Available"},
                        .negative = {"ScalingUp"}}));
  counts(scope);
  scope.status.phase = phase_of(scope);
  if (scope.cluster.meta.generation > 0) scope.status.observed_generation = scope.cluster.meta.generation;
}

}  // namespace control::cluster
