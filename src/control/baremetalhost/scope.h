// What one reconcile of a BareMetalHost works with: what was observed, and the status that will be reported.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/metal3.h"
#include "control/baremetalhost/states.h"
#include "control/preprovisioningimage/preprovisioningimage.h"
#include "metal/port.h"
#include "runtime/context.h"

namespace control::baremetalhost {

using api::BareMetalHost;
using base::Duration;
using base::Error;
using base::Json;
using base::Result;
using base::Time;
using metal::Milestone;
using metal::Operation;
using metal::OperationKind;
using metal::Progress;
using runtime::Context;
using runtime::EventKind;

constexpr std::string_view finalizer = "baremetalhost.metal3.io";
constexpr std::string_view secret_finalizer = "baremetalhost.metal3.io/secret";
constexpr std::string_view hardware_finalizer = "baremetalhost.metal3.io/hardwareData";
constexpr int64_t provisioning_attempts_max = 5;
constexpr int64_t give_up_errors = 3;  // of a deletion: more errors than this and it goes on without the server

namespace error_type {
constexpr std::string_view registration = "registration error";
constexpr std::string_view provisioned_registration = "provisioned registration error";
constexpr std::string_view inspection = "inspection error";
constexpr std::string_view preparation = "preparation error";
constexpr std::string_view provisioning = "provisioning error";
constexpr std::string_view power = "power management error";
constexpr std::string_view servicing = "servicing error";
}  // namespace error_type

struct Scope {
  Context& ctx;
  metal::Engine& engine;
  const BareMetalHost& host;  // as stored; its status is durable
  OutsideImages outside;
  api::BareMetalHostStatus status;  // what will be stored
  Operation operation;              // read from the stored status; written back with `status`

  metal::HostAccess access;
  std::optional<Error> no_access = std::nullopt;    // why the BMC cannot be asked at all; only while deleting
  bool registered = false;                          // the engine has reached the BMC with the present credentials
  bool retry_now = false;                           // address, credentials or spec changed since the last failure
  bool retrying = false;                            // the failure's backoff is over and another attempt is under way
  std::string_view failing_as = {};                 // error type, where the row's own does not fit
  bool untimed = false;                             // what failed goes on when it is corrected, not at a time
  std::optional<metal::Wait> hold = std::nullopt;   // what a user asked for and why it is not done now
  std::optional<Progress> progress = std::nullopt;  // of the action that ran, for the Progressing condition
  bool released = false;                            // the finalizer is gone: there is no object to report on
  Duration look_again = Duration::zero();

  State state() const { return state_from(status.provisioning.state); }
  bool has_error() const { return !status.error_type.empty(); }
  void again_in(Duration delay) {
    if (look_again == Duration::zero() || delay < look_again) look_again = delay;
  }
  void event(std::string_view reason, std::string_view message, EventKind kind = EventKind::normal) {
    ctx.event(host, kind, reason, message);
  }
};

// ---- credentials.cpp ----
// Reads the credentials Secret into scope.access (claiming it: label, owner, finalizer). What is wrong with it, or with
// the BMC's address, is returned as a value; an error is a write that failed.
Result<std::optional<Error>> load_credentials(Scope& scope);
// Takes this host's claim off the Secret, unless another host uses it.
Result<void> release_credentials(Scope& scope, const std::string& name);

// ---- conflicts.cpp ----
// Another host, known earlier, with the same boot MAC address or BMC.
std::optional<Error> taken_by_another(const Scope& scope);

// ---- errors.cpp ----
// Records a failed action: error type and message, count, event (its reason is the type's, unless one is given). Work
// is tried again under a new operation id.
void record_failure(Scope& scope, std::string_view type, const Error& error, std::string_view event_reason = {});
void clear_failure(Scope& scope);
// "layer: cause; next: step", as a failure is shown.
std::string failure_text(const Scope& scope, const Error& error);
// How long after the failure it is tried again: 2^count minutes less up to a half, the same for each asking. At most
// some hours; a quarter of an hour for a BMC that cannot be used, since asking it again costs nobody anything.
Duration backoff_of(std::string_view uid, std::string_view type, int64_t error_count);
// When the recorded failure may be tried again; at once when something relevant changed, and for as long as an attempt
// lasts: it may take many reconciles and status writes, of which none starts the backoff anew.
bool may_retry(const Scope& scope);
Time retry_at(const Scope& scope);

// ---- states.cpp ----
// Why what the spec asks to deploy cannot be deployed by this program; nullopt when it can or nothing is asked for.
std::optional<metal::Wait> undeployable(const Scope& scope);
// Being provisioned, and the agent was not told to write yet: the disks are as they were when the host was available.
bool is_untouched(const Scope& scope);

// ---- conditions.cpp ----
void report_conditions(Scope& scope);

// ---- firmware.cpp ----
// What users ask for in HostFirmwareSettings and HostFirmwareComponents and what can be done. `wait`: not known yet.
struct FirmwareWish {
  metal::FirmwareOrder order;
  std::optional<metal::Wait> wait;
};
FirmwareWish firmware_wish(const Scope& scope);
// In state preparing, once the disks are cleaned; nullopt: nothing (more) to do.
std::optional<Progress> prepare_firmware(Scope& scope);
// A provisioned host that is off and should be on; nullopt: it may be powered on.
std::optional<Progress> service_while_off(Scope& scope);
// The same host when it is on again; nullopt: it is not serviced.
std::optional<Progress> verify_service(Scope& scope);
// Whoever takes the wish back ends a servicing that failed.
void forget_servicing(Scope& scope);

// ---- raid.cpp ----
// In state preparing; nullopt: nothing (more) to do.
std::optional<Progress> prepare_raid(Scope& scope);

// ---- data_image.cpp ----
// Attaches or ejects the DataImage of a provisioned host that is off and should be on; nullopt: it may be powered on.
std::optional<Progress> tend_data_image(Scope& scope);
// URL of the live ISO that the host runs, or is to run, from now on; empty: none.
std::string live_iso_of(const Scope& scope);
// What waits for the next restart.
std::optional<metal::Wait> waits_for_restart(const Scope& scope);

// ---- preprovisioning.cpp ----
// What a host that is about to boot its ramdisk waits for, or why it cannot boot; nullopt: it may.
Result<std::optional<Progress>> await_boot_image(Scope& scope);

// ---- power.cpp ----
Progress manage_power(Scope& scope);

// ---- transitions.cpp ----
// Bookkeeping of leaving `from` and entering `to`: operation record, history, image fields, events.
Result<void> enter(Scope& scope, State from, State to);

// What is being deployed: recorded when the provisioning began, so that a change of the spec meanwhile neither changes
// what a restarted manager writes nor what is recorded as written.
const std::optional<api::HostImage>& image_being_deployed(const Scope& scope);

// What is written into the config drive. Errors: not_found (a Secret), invalid; layer bootstrap.
Result<metal::ConfigDrive> config_drive_of(Scope& scope);
// Reads the network settings of the deploy ramdisk (spec.preprovisioningNetworkDataName) into scope.access.
void load_boot_network(Scope& scope);
// HardwareData of the same name, made or updated.
Result<void> store_hardware(Scope& scope, const api::HardwareDetails& hardware);

}  // namespace control::baremetalhost
