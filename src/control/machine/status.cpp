// What a Machine reports: conditions, phase, and for every wait whose turn it is.
#include "control/machine/machine.h"

namespace control::machine {

namespace {

constexpr base::Duration unreachable_grace = base::seconds(50);

Condition bootstrap_condition(const Scope& scope) {
  const auto& machine = scope.machine;
  if (!machine.spec.bootstrap.config) {
    if (machine.spec.bootstrap.data_secret_name) return condition("BootstrapConfigReady", true, "DataSecretProvided");
    return condition("BootstrapConfigReady", false, "InvalidConfig",
                     "spec.bootstrap names neither configRef nor dataSecretName");
  }
  if (!scope.bootstrap.refused.empty())
    return condition("BootstrapConfigReady", false, "OwnedByAnother", scope.bootstrap.refused);
  if (scope.bootstrap.exists()) {
    const bool made = scope.bootstrap.doc.path("status.initialization.dataSecretCreated").boolean();
    return mirror(scope.bootstrap, "Ready", "BootstrapConfigReady",
                  made ? condition("", true, "Ready")
                       : condition("", false, "NotReady", scope.bootstrap.text + " has not made its data Secret yet"));
  }
  if (scope.status.initialization.bootstrap_data_secret_created.value_or(false)) {
    return condition("BootstrapConfigReady", machine.meta.deleting() ? false : true, "DataSecretProvided",
                     machine.meta.deleting() ? scope.bootstrap.text + " has been deleted" : "");
  }
  return condition("BootstrapConfigReady", false, "ObjectDoesNotExist",
                   "API: " + scope.bootstrap.text + " does not exist");
}

Condition infrastructure_condition(const Scope& scope) {
  if (!scope.infrastructure.refused.empty())
    return condition("InfrastructureReady", false, "OwnedByAnother", scope.infrastructure.refused);
  if (scope.infrastructure.exists()) {
    const bool done = scope.status.initialization.infrastructure_provisioned.value_or(false);
    return mirror(scope.infrastructure, "Ready", "InfrastructureReady",
                  done ? condition("", true, "Ready")
                       : condition("", false, "NotReady", scope.infrastructure.text + " is not provisioned yet"));
  }
  if (scope.status.initialization.infrastructure_provisioned.value_or(false)) {
    return condition("InfrastructureReady", false, "ObjectDeleted",
                     scope.infrastructure.text + " has been deleted while the Machine still exists");
  }
  return condition("InfrastructureReady", false, "ObjectDoesNotExist",
                   "API: " + scope.infrastructure.text + " does not exist");
}

// Sets NodeReady and NodeHealthy.
void node_conditions(Scope& scope) {
  const auto set = [&](const Condition& made) {
    for (const char* type : {"NodeReady", "NodeHealthy"}) {
      Condition one = made;
      one.type = type;
      api::set_condition(scope.status.conditions, one, scope.ctx.now());
    }
  };
  const auto& machine = scope.machine;
  const Time now = scope.ctx.now();
  if (!scope.cluster || !scope.cluster->status.initialization.control_plane_initialized.value_or(false)) {
    const Condition* said =
        scope.cluster ? api::find_condition(scope.cluster->status.conditions, "ControlPlaneInitialized") : nullptr;
    return set(unknown("", "InspectionFailed",
                       "Waiting for the Cluster's control plane to be initialized" +
                           (said && !said->message.empty() ? ": " + said->message : std::string())));
  }
  if (!scope.workload || (!scope.workload->reachable && now - scope.workload->unreachable_since >= unreachable_grace)) {
    const std::string why = scope.workload ? ": " + scope.workload->problem : std::string();
    return set(unknown("", "ConnectionDown", "node: the workload cluster does not answer" + why));
  }
  if (!scope.node) {
    if (!machine.status.node.name.empty()) {
      return set(condition("", false, machine.meta.deleting() ? "NodeDoesNotExist" : "NodeDeleted",
                           "Node " + machine.status.node.name + " has been deleted"));
    }
    if (machine.spec.provider_id.empty()) {
      return set(
          unknown("", "InspectionFailed", "Waiting for " + scope.infrastructure.text + " to report spec.providerID"));
    }
    return set(unknown("", "InspectionFailed",
                       "bootstrap: waiting for a Node with spec.providerID " + machine.spec.provider_id + " to join"));
  }
  const auto ready = scope.node->condition("Ready");
  const auto text = [&](const std::string& type) { return "Node " + scope.node->name + " " + type; };
  Condition health = !ready ? unknown("NodeReady", "NodeConditionsUnknown", text("does not report Ready yet"))
                     : ready->status == "True" ? condition("NodeReady", true, "NodeReady")
                     : ready->status == "False"
                         ? condition("NodeReady", false, "NodeNotReady", text("is not Ready: ") + ready->message)
                         : unknown("NodeReady", "NodeReadyUnknown", text("does not report: ") + ready->message);
  api::set_condition(scope.status.conditions, health, now);
  health.type = "NodeHealthy";
  for (const char* pressure : {"MemoryPressure", "DiskPressure", "PIDPressure"}) {
    const auto one = scope.node->condition(pressure);
    if (health.status != "True" || !one || one->status == "False") continue;
    health = condition("NodeHealthy", false, "NodeNotHealthy", text("reports ") + pressure + ": " + one->message);
  }
  if (health.status == "True") health.reason = "NodeHealthy";
  api::set_condition(scope.status.conditions, health, now);
}

std::string phase_of(const Scope& scope) {
  const auto& status = scope.status;
  if (scope.machine.meta.deleting()) return "Deleting";
  const bool infrastructure = status.initialization.infrastructure_provisioned.value_or(false);
  if (!status.node.name.empty() && infrastructure) return "Running";
  if (!scope.machine.spec.provider_id.empty() && infrastructure) return "Provisioned";
  if (status.initialization.bootstrap_data_secret_created.value_or(false)) return "Provisioning";
  return "Pending";
}

Condition available(Scope& scope) {
  const Condition* ready = api::find_condition(scope.status.conditions, "Ready");
  if (!ready || ready->status != "True") {
    return condition("Available", false, "NotReady", ready ? ready->message : std::string());
  }
  const auto wait = base::seconds(scope.machine.spec.min_ready_seconds.value_or(0));
  const auto since = scope.ctx.now() - ready->changed;
  if (since < wait) {
    scope.again_in(wait - since);
    return condition("Available", false, "WaitingForMinReadySeconds");
  }
  return condition("Available", true, "Available");
}

}  // namespace

void report(Scope& scope) {
  auto& all = scope.status.conditions;
  const Time now = scope.ctx.now();
  api::set_condition(all, bootstrap_condition(scope), now);
  api::set_condition(all, infrastructure_condition(scope), now);
  node_conditions(scope);
  if (!scope.machine.meta.deleting()) api::set_condition(all, condition("Deleting", false, "NotDeleting"), now);
  Summary summary{
      .type = "Ready",
      .types = {"Deleting", "BootstrapConfigReady", "InfrastructureReady", "NodeHealthy", "HealthCheckSucceeded"},
      .negative = {"Deleting"},
      .optional = {"HealthCheckSucceeded"}};
  for (const auto& gate : scope.machine.spec.readiness_gates) {
    summary.types.push_back(gate.condition_type);
    if (gate.polarity == "Negative") summary.negative.push_back(gate.condition_type);
  }
  api::set_condition(all, summarize(all, summary), now);
  api::set_condition(all, available(scope), now);
  const std::string phase = phase_of(scope);
  if (phase != scope.status.phase) scope.status.last_updated = now;
  scope.status.phase = phase;
  if (scope.machine.meta.generation > 0) scope.status.observed_generation = scope.machine.meta.generation;
}

}  // namespace control::machine
