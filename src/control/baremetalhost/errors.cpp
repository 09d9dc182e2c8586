// Failures of a host: how they are recorded and when they are tried again.
#include <algorithm>

#include "base/hash.h"
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

// "power management error" -> "PowerManagementError", the event's reason.
std::string camel_case(std::string_view text) {
  std::string out;
  bool upper = true;
  for (const char c : text) {
    if (c == ' ') {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

bool is_registration(std::string_view type) {
  return type == error_type::registration || type == error_type::provisioned_registration;
}

// Spreads hosts over time, and gives a host the same share at each asking.
uint64_t spread(std::string_view uid, int64_t count) {
  return base::fnv1a(std::string(uid) + "/" + std::to_string(count));
}

}  // namespace

std::string failure_text(const Scope& scope, const Error& error) {
  std::string message =
      std::string(error.layer == base::Layer::none ? "controller" : base::name_of(error.layer)) + ": " + error.message;
  if (error.code == base::Code::unauthenticated && error.layer == base::Layer::bmc) {
    message += " (credentials Secret " + scope.host.meta.ns + "/" + scope.host.spec.bmc.credentials_name + ")";
  }
  if (!error.fix.empty()) message += "; next: " + error.fix;
  return message;
}

void record_failure(Scope& scope, std::string_view type, const Error& error, std::string_view event_reason) {
  const std::string message = failure_text(scope, error);
  auto& status = scope.status;
  scope.retrying = false;
  status.error_type = type;
  status.error_message = message;
  status.error_count += 1;
  status.operational_status = "error";
  scope.event(event_reason.empty() ? camel_case(type) : std::string(event_reason), message, EventKind::warning);
  // Losing the BMC says nothing about the work in progress: it goes on when the BMC is back.
  scope.again_in(backoff_of(scope.host.meta.uid, type, status.error_count));
  if (is_registration(type)) return;
  if (scope.operation.kind != OperationKind::none) scope.operation.id = scope.ctx.random().uuid();
  // The boot that wrote the image stays known: it tells a ramdisk that still runs from the system on the disk.
  if (scope.operation.milestone == Milestone::written) return;
  if (!scope.engine.agent_alive(scope.host.meta.uid, scope.operation.boot_id)) scope.operation.boot_id.clear();
}

void clear_failure(Scope& scope) {
  scope.retrying = false;
  scope.status.error_type.clear();
  scope.status.error_message.clear();
  scope.status.error_count = 0;
  if (scope.status.operational_status != "detached") scope.status.operational_status = "OK";
}

Duration backoff_of(std::string_view uid, std::string_view type, int64_t error_count) {
  const int64_t doublings_max = is_registration(type) ? 4 : 9;
  const int64_t minutes = int64_t{1} << std::clamp<int64_t>(error_count, 0, doublings_max);
  const auto whole = std::chrono::duration_cast<Duration>(base::minutes(minutes));
  return whole - whole / 2000 * static_cast<int64_t>(spread(uid, error_count) % 1000);
}

Time retry_at(const Scope& scope) {
  // The status is not written while a failure waits, so its last change is the failure.
  const Time failed = scope.host.status.last_updated.value_or(Time());
  return failed + backoff_of(scope.host.meta.uid, scope.host.status.error_type, scope.host.status.error_count);
}

bool may_retry(const Scope& scope) {
  return !scope.has_error() || scope.retrying || scope.retry_now || scope.ctx.now() >= retry_at(scope);
}

}  // namespace control::baremetalhost
