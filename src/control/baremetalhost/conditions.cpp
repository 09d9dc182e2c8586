// The conditions of a host, with the reason of every wait.
#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "control/baremetalhost/states.h"

namespace control::baremetalhost {

namespace {

std::string_view progressing_reason(State state) {
  switch (state) {
    case State::registering:
      return "Registering";
    case State::inspecting:
      return "Inspecting";
    case State::preparing:
      return "Preparing";
    case State::provisioning:
      return "Provisioning";
    case State::deprovisioning:
      return "Deprovisioning";
    case State::powering_off:
      return "PoweringOffBeforeDelete";
    case State::deleting:
    case State::gone:
      return "Deleting";
    default:
      return "NotProgressing";
  }
}

class Report {
 public:
  explicit Report(Scope& scope) : scope_(scope) {}

  void set(std::string_view type, std::string_view status, std::string_view reason, std::string message = {}) {
    api::Condition condition;
    condition.type = type;
    condition.status = status;
    condition.reason = reason;
    condition.message = std::move(message);
    condition.observed_generation = scope_.host.meta.generation;
    api::set_condition(scope_.status.conditions, std::move(condition), scope_.ctx.now());
  }

 private:
  Scope& scope_;
};

// "agent: no heartbeat yet; next: take the heartbeat (booting the deploy agent, 60 %)".
std::string attempt_text(const Scope& scope) {
  if (!scope.progress || scope.progress->step.empty()) return {};
  const Progress& progress = *scope.progress;
  const std::string out = progress.wait ? progress.wait->text() : std::string();
  const std::string step = progress.step + ", " + std::to_string(progress.percent) + " %";
  return out.empty() ? step : out + " (" + step + ")";
}

std::string progress_text(const Scope& scope) {
  if (scope.has_error() && !scope.retrying) {
    const bool given_up = scope.state() == State::available && attempts_used_up(scope);
    if (scope.untimed || given_up) return scope.status.error_message + "; goes on by itself once that is done";
    // The failure's own last change is not yet in the stored status when it was just recorded.
    const bool fresh = scope.host.status.error_count != scope.status.error_count;
    const Time failed = fresh ? scope.ctx.now() : scope.host.status.last_updated.value_or(scope.ctx.now());
    const Time again = failed + backoff_of(scope.host.meta.uid, scope.status.error_type, scope.status.error_count);
    return scope.status.error_message + "; tried again at " + base::rfc3339(again);
  }
  std::string out = attempt_text(scope);
  if (scope.has_error()) {
    out += std::string(out.empty() ? "" : "; ") + "attempt " + std::to_string(scope.status.error_count + 1) +
           ", the last one failed: " + scope.status.error_message;
  }
  if (scope.hold) out += (out.empty() ? "" : "; ") + scope.hold->text();
  return out;
}

void report_manageable(Scope& scope, Report& report) {
  const State state = scope.state();
  const auto& type = scope.status.error_type;
  if (state == State::none || state == State::unmanaged) {
    return report.set("Manageable", "False", "NotManaged",
                      "controller: the host has no BMC; next: set spec.bmc.address and spec.bmc.credentialsName");
  }
  if (type == error_type::registration || type == error_type::provisioned_registration) {
    return report.set("Manageable", "False", "RegistrationFailed", scope.status.error_message);
  }
  if (type == error_type::power) return report.set("Manageable", "False", "PowerFailure", scope.status.error_message);
  // A restarted manager registers again without anybody noticing.
  if (scope.registered || api::is_true(scope.status.conditions, "Manageable")) {
    return report.set("Manageable", "True", "Manageable");
  }
  report.set("Manageable", "False", "Registering");
}

void report_provisioned(Scope& scope, Report& report) {
  const State state = scope.state();
  if (state == State::provisioned || state == State::externally_provisioned) {
    return report.set("Provisioned", "True", state == State::provisioned ? "Provisioned" : "ExternallyProvisioned");
  }
  if (state == State::available && !scope.host.meta.deleting()) {
    auto why = undeployable(scope);
    if (!why && scope.host.spec.image && !scope.host.spec.online) {
      why =
          metal::Wait{base::Layer::controller, "an image is set, but spec.online is false", "set spec.online to true"};
    }
    if (why) return report.set("Provisioned", "False", "NotProvisioned", why->text());
  }
  // Why the last attempt failed stays readable while the next one is being made.
  const auto* last = api::find_condition(scope.status.conditions, "Provisioned");
  if (last && last->reason == "ProvisioningFailed" && scope.host.spec.image && !scope.host.meta.deleting()) {
    return report.set("Provisioned", "False", last->reason, last->message);
  }
  report.set("Provisioned", "False", state == State::provisioning ? "Provisioning" : "NotProvisioned");
}

}  // namespace

void report_conditions(Scope& scope) {
  Report report(scope);
  const State state = scope.state();
  const bool detached = scope.status.operational_status == "detached";
  report_manageable(scope, report);
  report_provisioned(scope, report);

  const bool steady =
      state == State::available || state == State::provisioned || state == State::externally_provisioned;
  if (scope.has_error()) {
    report.set("Ready", "False", scope.retrying ? "Retrying" : "Error", scope.status.error_message);
  } else if (detached) {
    report.set("Ready", "False", "Detached");
  } else if (scope.status.operational_status == "servicing") {
    report.set("Ready", "False", "Servicing");
  } else {
    report.set("Ready", steady ? "True" : "False", steady ? "Ready" : "NotReady");
  }
  const bool free = state == State::available && !scope.has_error() && !detached && !scope.host.meta.deleting();
  report.set("AvailableForProvisioning", free ? "True" : "False", free ? "Available" : "NotAvailable");

  const std::string_view reason = detached ? "Detached" : progressing_reason(state);
  const bool progressing = reason != "NotProgressing" && reason != "Detached";
  report.set("Progressing", progressing ? "True" : "False", reason, progress_text(scope));
  report.set("Healthy", "Unknown", "Unknown", "the BMC reports no health");
  scope.operation.write(scope.status.conditions, scope.ctx.now());
}

}  // namespace control::baremetalhost
