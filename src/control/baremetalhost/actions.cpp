// The work of each state. Every function may be called any number of times: what is done is recorded in the operation
// (its id and milestone), and the engine repeats nothing that was done under the same id.
#include <algorithm>

#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

// The state's operation; when its record is missing (hand-edited status), a new one is ordered and true is returned:
// it has to be stored before anything can be done under it.
bool order_missing(Scope& scope, OperationKind kind) {
  if (scope.operation.kind == kind && !scope.operation.id.empty()) return false;
  scope.operation.kind = kind;
  scope.operation.id = scope.ctx.random().uuid();
  // Nobody knows how far the lost one had come.
  scope.operation.milestone = kind == OperationKind::provision ? Milestone::writing : Milestone::ordered;
  return true;
}

// An engine that wants a fresh boot of the agent gets a new boot id recorded; it is called again when that is durable.
Progress take(Scope& scope, Progress progress) {
  if (progress.needs_boot) scope.operation.boot_id = scope.ctx.random().uuid();
  if (progress.powered_on) scope.status.powered_on = *progress.powered_on;
  return progress;
}

Progress reached(Scope& scope, Milestone milestone, std::string text) {
  scope.operation.milestone = milestone;
  return Progress::working(std::move(text), 90);
}

// What became of bootMode UEFISecureBoot. The server runs either way; whether that is good enough is for people to say.
void note_secure_boot(Scope& scope, metal::SecureBootState state) {
  const bool on = state == metal::SecureBootState::on;
  const bool told = state != metal::SecureBootState::unknown;
  const std::string why = told ? "the BMC shows Secure Boot as " + std::string(metal::name_of(state))
                               : "the BMC does not tell whether Secure Boot is in force";
  api::set_condition(scope.status.conditions,
                     {.type = "SecureBoot",
                      .status = on     ? "True"
                                : told ? "False"
                                       : "Unknown",
                      .reason = on     ? "InForce"
                                : told ? "NotInForce"
                                       : "NotTold",
                      .message = on ? "" : "bmc: " + why + "; next: look at the firmware's setup and the BMC's licence",
                      .changed = {},
                      .observed_generation = scope.host.meta.generation},
                     scope.ctx.now());
  if (!on) scope.event("SecureBootNotInForce", why, EventKind::warning);
}

bool is_live(const std::optional<api::HostImage>& image) { return image && image->format == metal::live_iso_format; }

// After the power is off. A drive that keeps its medium is no reason to hold the host back.
Progress detach_live_iso(Scope& scope) {
  const auto& status = scope.status;
  const bool live = is_live(status.provisioning.image ? status.provisioning.image : status.last_attempted_image);
  if (!live) return Progress::done();
  metal::SideWork work;
  work.kind = metal::SideWork::Kind::detach_live_iso;
  work.key = scope.operation.id;
  Progress asked = scope.engine.aside(scope.access, work);
  if (!asked.is_failed()) return asked.is_done() ? Progress::done() : Progress::working("ejecting the live ISO", 95);
  scope.event("LiveISONotEjected", failure_text(scope, asked.error), EventKind::warning);
  return Progress::done();
}

bool cleaning_disabled(const Scope& scope) { return scope.host.spec.automated_cleaning_mode == "disabled"; }

Progress clean(Scope& scope) {
  if (cleaning_disabled(scope)) return reached(scope, Milestone::cleaned, "cleaning is disabled");
  Progress progress = take(scope, scope.engine.clean(scope.access, scope.operation, metal::CleanMode::metadata));
  if (!progress.is_done()) return progress;
  return reached(scope, Milestone::cleaned, "disks are cleaned");
}

// After a failure before anything was written, the same image may have got another checksum or format.
bool take_corrected_image(Scope& scope) {
  const auto& wanted = scope.host.spec.image;
  if (!is_untouched(scope) || !scope.has_error() || !wanted) return false;
  if (*wanted == image_being_deployed(scope)) return false;
  scope.status.last_attempted_image = wanted;
  scope.operation.id = scope.ctx.random().uuid();
  return true;
}

}  // namespace

Progress run_register(Scope& scope) { return scope.progress.value_or(Progress::working("connecting to the BMC")); }

Progress run_inspect(Scope& scope) {
  if (order_missing(scope, OperationKind::inspect)) return Progress::working("ordering the inspection");
  // Only now that the state is durable: the order must not be lost between the two writes.
  if (wants_inspection(scope)) {
    auto dropped = scope.ctx.update(scope.host, [](BareMetalHost& host) {
      host.meta.annotations.erase(std::string(api::host_annotation::inspect));
    });
    if (!dropped) return Progress::failed(std::move(dropped).error());
  }
  Progress progress = take(scope, scope.engine.inspect(scope.access, scope.operation));
  if (!progress.is_done() || !progress.hardware) return progress;
  if (auto stored = store_hardware(scope, *progress.hardware); !stored) return Progress::failed(stored.error());
  scope.event("InspectionComplete", "Hardware inspection completed");
  return progress;
}

Progress run_prepare(Scope& scope) {
  if (order_missing(scope, OperationKind::prepare)) return Progress::working("ordering the preparation");
  if (auto busy = prepare_raid(scope)) return take(scope, std::move(*busy));
  // Cleaned first: firmware that is changed later, on a host that is available, erases nothing.
  if (scope.operation.milestone == Milestone::ordered) return clean(scope);
  if (auto busy = prepare_firmware(scope)) return take(scope, std::move(*busy));
  return Progress::done();
}

Progress run_provision(Scope& scope) {
  if (order_missing(scope, OperationKind::provision)) return Progress::working("ordering the provisioning");
  if (scope.operation.milestone == Milestone::written) {
    Progress progress = take(scope, scope.engine.boot_disk(scope.access, scope.operation));
    if (progress.secure_boot) note_secure_boot(scope, *progress.secure_boot);
    return progress;
  }
  if (take_corrected_image(scope)) return Progress::working("taking the image as it is in the spec now");
  const auto& image = image_being_deployed(scope);
  if (!image) {
    return Progress::failed({base::Code::unsupported, "customDeploy without an image is not supported",
                             base::Layer::controller, "set spec.image"});
  }
  metal::ProvisionRequest request;
  request.image = {image->url, image->checksum, image->checksum_type, image->format};
  auto drive = is_live(image) ? Result<metal::ConfigDrive>(metal::ConfigDrive{}) : config_drive_of(scope);
  if (!drive) return Progress::failed(std::move(drive).error());
  request.root_device = scope.status.provisioning.root_device_hints.value_or(api::RootDeviceHints{});
  request.config_drive = std::move(*drive);
  Progress progress = take(scope, scope.engine.provision(scope.access, scope.operation, request));
  if (progress.ready_to_write) {
    scope.operation.milestone = Milestone::writing;
    if (scope.has_error()) clear_failure(scope);  // what failed has gone well; from here on a failure means half an image
    return progress;
  }
  if (!progress.is_done()) return progress;
  return reached(scope, Milestone::written,
                 is_live(image) ? "the live ISO is inserted" : "image and config drive are written");
}

Progress run_deprovision(Scope& scope) {
  if (order_missing(scope, OperationKind::deprovision)) return Progress::working("ordering the deprovisioning");
  if (scope.operation.milestone != Milestone::cleaned) return clean(scope);
  if (!scope.host.spec.disable_power_off) {
    Progress off = take(scope, scope.engine.power(scope.access, metal::PowerWish::hard_off));
    if (!off.is_done()) return off;
  }
  return detach_live_iso(scope);
}

std::string live_iso_of(const Scope& scope) {
  const State state = scope.state();
  if (state == State::provisioning && is_live(image_being_deployed(scope))) return image_being_deployed(scope)->url;
  const auto& image = scope.status.provisioning.image;
  return state == State::provisioned && is_live(image) ? image->url : std::string();
}

Progress run_power_off(Scope& scope) {
  if (scope.host.spec.disable_power_off) return Progress::done();
  return take(scope, scope.engine.power(scope.access, metal::PowerWish::hard_off));
}

Progress run_manage_power(Scope& scope) { return manage_power(scope); }

Progress run_report_attempts(Scope& scope) {
  auto& status = scope.status;
  scope.retrying = false;
  const auto* last = api::find_condition(status.conditions, "Provisioned");
  std::string why = last && last->reason == "ProvisioningFailed" ? last->message : std::string();
  if (status.error_type.empty()) {
    // One next step is enough: what the attempt advised leads to this one.
    why.resize(std::min(why.size(), why.find("; next: ")));
    status.error_type = error_type::provisioning;
    status.error_message = "controller: provisioning failed " + std::to_string(status.provisioning_fail_count) +
                           " times and is given up" + (why.empty() ? "" : "; " + why) +
                           "; next: correct the image in the spec, or clear it";
    status.operational_status = "error";
    scope.event("ProvisioningError", status.error_message, EventKind::warning);
  }
  return Progress::working("waiting for another image");
}

Progress run_release(Scope& scope) {
  auto released = release_credentials(scope, scope.host.spec.bmc.credentials_name);
  if (!released) return Progress::failed(released.error());
  if (const auto data = scope.ctx.find<api::HardwareData>(scope.host.meta.ns, scope.host.meta.name);
      data && data->meta.has_finalizer(hardware_finalizer)) {
    auto changed =
        scope.ctx.update(*data, [](api::HardwareData& object) { object.meta.remove_finalizer(hardware_finalizer); });
    if (!changed && changed.error().code != base::Code::not_found) return Progress::failed(changed.error());
  }
  scope.engine.forget(scope.host.meta.uid);
  auto changed = scope.ctx.update(scope.host, [](BareMetalHost& host) { host.meta.remove_finalizer(finalizer); });
  if (!changed && changed.error().code != base::Code::not_found) return Progress::failed(changed.error());
  return Progress::done();
}

}  // namespace control::baremetalhost
