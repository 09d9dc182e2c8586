// Firmware settings and updates: in state preparing, and of a provisioned host while it restarts, if its
// HostUpdatePolicy says so.
#include "api/metal3_firmware.h"
#include "control/baremetalhost/scope.h"
#include "control/host_access.h"
#include "control/hostfirmware/plan.h"
#include "control/hostfirmware/report.h"

namespace control::baremetalhost {

namespace {

constexpr Duration not_read_gap = base::seconds(60);

enum class Verdict : unsigned char { unknown, good, bad };

// What the other controller has said about this very version of the wish.
template <class T>
Verdict verdict_of(const T& object) {
  const auto* valid = api::find_condition(object.status.conditions, "Valid");
  if (!valid) return Verdict::unknown;
  if (valid->status == "Unknown") return Verdict::bad;  // the BMC tells nothing, and takes nothing
  if (valid->observed_generation.value_or(0) != object.meta.generation) return Verdict::unknown;
  return valid->status == "True" ? Verdict::good : Verdict::bad;
}

metal::Wait not_compared(std::string_view kind, const std::string& name) {
  return {base::Layer::bmc, std::string(kind) + " " + name + " is not compared with the BMC yet",
          "read the firmware from the BMC"};
}

void read_settings_wish(const Scope& scope, FirmwareWish& wish) {
  const auto& meta = scope.host.meta;
  const auto settings = scope.ctx.find<api::HostFirmwareSettings>(meta.ns, meta.name);
  if (!settings || settings->spec.settings.empty() || settings->meta.deleting()) return;
  const Verdict verdict = verdict_of(*settings);
  if (verdict == Verdict::unknown) wish.wait = not_compared("HostFirmwareSettings", meta.name);
  if (verdict != Verdict::good) return;
  wish.order.settings = hostfirmware::changes_of(settings->spec.settings, settings->status.settings);
}

void read_updates_wish(const Scope& scope, FirmwareWish& wish) {
  const auto& meta = scope.host.meta;
  const auto components = scope.ctx.find<api::HostFirmwareComponents>(meta.ns, meta.name);
  if (!components || components->spec.updates.empty() || components->meta.deleting()) return;
  const Verdict verdict = verdict_of(*components);
  if (verdict == Verdict::unknown) wish.wait = not_compared("HostFirmwareComponents", meta.name);
  if (verdict != Verdict::good) return;
  wish.order.updates = hostfirmware::updates_to_do(components->spec.updates, components->status.updates);
}

// What the host's policy lets happen to a provisioned host.
FirmwareWish service_wish(const Scope& scope) {
  const auto& meta = scope.host.meta;
  const auto policy = scope.ctx.find<api::HostUpdatePolicy>(meta.ns, meta.name);
  if (!policy || scope.state() != State::provisioned) return {};
  FirmwareWish wish;
  if (policy->spec.firmware_settings == api::HostUpdatePolicy::on_reboot) read_settings_wish(scope, wish);
  if (policy->spec.firmware_updates == api::HostUpdatePolicy::on_reboot) read_updates_wish(scope, wish);
  return wish;
}

bool is_serviced(const Scope& scope) { return scope.operation.kind == OperationKind::service; }

void end_service(Scope& scope) {
  scope.operation = Operation{};
  if (scope.status.operational_status == "servicing") scope.status.operational_status = "OK";
}

// The firmware as it is now becomes known before anything else asks for changes.
Result<void> report_done(Scope& scope, const Progress& progress, const metal::FirmwareOrder& order) {
  if (progress.firmware) TRY(hostfirmware::report(scope.ctx, scope.host, *progress.firmware, order.updates));
  return {};
}

std::string summary(const metal::FirmwareOrder& order) {
  std::string text = order.settings.empty() ? "" : std::to_string(order.settings.size()) + " BIOS settings";
  for (const auto& update : order.updates) text += (text.empty() ? "" : ", ") + update.component + " firmware";
  return text;
}

}  // namespace

FirmwareWish firmware_wish(const Scope& scope) {
  FirmwareWish wish;
  read_settings_wish(scope, wish);
  read_updates_wish(scope, wish);
  return wish;
}

std::optional<Progress> prepare_firmware(Scope& scope) {
  const FirmwareWish wish = firmware_wish(scope);
  auto& milestone = scope.operation.milestone;
  if (wish.wait) {
    Progress progress = Progress::working("waiting for the firmware to be read", 1);
    progress.wait = wish.wait;
    scope.again_in(not_read_gap);
    return progress;
  }
  if (wish.order.empty()) {
    if (milestone == Milestone::staged) milestone = Milestone::cleaned;
    return std::nullopt;
  }
  if (milestone != Milestone::staged) {
    Progress progress = scope.engine.stage_firmware(scope.access, scope.operation, wish.order);
        if (!progress.is_done()) return progress;
    // The boot of an agent is the restart that puts the changes in force.
    scope.engine.release_agent(scope.host.meta.uid);
    scope.operation.boot_id.clear();
    milestone = Milestone::staged;
    return Progress::working("the BMC has " + summary(wish.order), 50);
  }
  Progress progress = scope.engine.verify_firmware(scope.access, scope.operation, wish.order);
  if (progress.is_failed() || progress.needs_staging) milestone = Milestone::cleaned;
  if (!progress.is_done()) return progress;
  if (auto reported = report_done(scope, progress, wish.order); !reported) return Progress::failed(reported.error());
  scope.event("FirmwareChanged", "Changed: " + summary(wish.order));
  milestone = Milestone::cleaned;
  return Progress::working("firmware is changed", 90);
}

std::optional<Progress> service_while_off(Scope& scope) {
  const FirmwareWish wish = service_wish(scope);
  if (wish.wait && !is_serviced(scope)) return std::nullopt;  // a server is not kept off for what may never be known
  if (wish.order.empty()) {
    if (is_serviced(scope)) end_service(scope);
    return std::nullopt;
  }
  scope.failing_as = error_type::servicing;
  if (!is_serviced(scope)) {
    scope.operation.kind = OperationKind::service;
    scope.operation.id = scope.ctx.random().uuid();
    scope.operation.milestone = Milestone::ordered;
    scope.status.operational_status = "servicing";
    return Progress::working("ordering a change of the firmware");  // the order has to be durable first
  }
  if (scope.operation.milestone == Milestone::staged) return std::nullopt;
  scope.status.operational_status = "servicing";
  Progress progress = scope.engine.stage_firmware(scope.access, scope.operation, wish.order);
  if (!progress.is_done()) return progress;
  scope.operation.milestone = Milestone::staged;
  return Progress::working("the BMC has " + summary(wish.order), 50);
}

std::optional<Progress> verify_service(Scope& scope) {
  if (!is_serviced(scope)) return std::nullopt;
  const FirmwareWish wish = service_wish(scope);
  if (wish.order.empty() || scope.operation.milestone != Milestone::staged) {
    end_service(scope);
    return std::nullopt;
  }
  scope.failing_as = error_type::servicing;
  Progress progress = scope.engine.verify_firmware(scope.access, scope.operation, wish.order);
  if (progress.is_failed() || progress.needs_staging) {
    // The server runs; the next restart is the next chance.
    end_service(scope);
    return progress.needs_staging ? std::nullopt : std::optional(progress);
  }
  if (!progress.is_done()) return progress;
  if (auto reported = report_done(scope, progress, wish.order); !reported) return Progress::failed(reported.error());
  scope.event("FirmwareChanged", "Changed: " + summary(wish.order));
  end_service(scope);
  return std::nullopt;
}

void forget_servicing(Scope& scope) {
  if (scope.status.error_type != error_type::servicing || !service_wish(scope).order.empty()) return;
  clear_failure(scope);
  if (is_serviced(scope)) scope.operation = Operation{};
}

}  // namespace control::baremetalhost
