#include "control/baremetalhost/baremetalhost.h"

#include "base/log.h"
#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "control/host_access.h"

namespace control {

namespace baremetalhost {

namespace {

using runtime::Outcome;
namespace annotation = api::host_annotation;

constexpr Duration detached_gap = base::minutes(10);
constexpr Duration missing_secret_gap = base::seconds(10);
constexpr Duration taken_gap = base::minutes(1);

// A host that comes from another manager or a backup brings its status along; without it, it would be registered and
// inspected, and its disks cleaned, as if it were new.
Result<bool> restore_status(Context& ctx, const BareMetalHost& host) {
  if (!host.meta.has_annotation(annotation::status)) return false;
  const auto drop = [](BareMetalHost& changed) { changed.meta.annotations.erase(std::string(annotation::status)); };
  if (host.status.last_updated) {  // restored already, or out of date: it must not come back with a copy of the host
    TRY(ctx.update(host, drop));
    return true;
  }
  const auto doc = base::parse_json(host.meta.annotation(annotation::status));
  auto status = doc ? meta::decode<api::BareMetalHostStatus>(*doc) : Result<api::BareMetalHostStatus>(doc.error());
  if (!status) {
    // Going on would treat a deployed server as a new one: stop and say so.
    ctx.event(host, EventKind::warning, "InvalidAnnotationValue",
              "annotation " + std::string(annotation::status) + " cannot be read: " + status.error().message);
    return base::invalid("the status annotation cannot be read: " + status.error().message);
  }
  if (const auto data = ctx.find<api::HardwareData>(host.meta.ns, host.meta.name); data && data->spec.hardware) {
    status->hardware = data->spec.hardware;
  }
  if (!status->last_updated) status->last_updated = ctx.now();
  TRY(ctx.patch(BareMetalHost::resource, host.meta.ns, host.meta.name,
                Json::object({{"status", meta::encode(*status)}}), true));
  TRY(ctx.update(host, drop));
  return true;
}

// A host that lost its status, or came without, is still the machine that its HardwareData describes.
bool remember_hardware(Scope& scope) {
  const auto& host = scope.host;
  const bool wanted = skips_inspection(scope) || host.meta.has_annotation(annotation::hardware_details);
  if (host.status.hardware || !wanted || host.meta.deleting()) return false;
  const auto data = scope.ctx.find<api::HardwareData>(host.meta.ns, host.meta.name);
  if (!data || !data->spec.hardware || data->meta.deleting()) return false;
  scope.status.hardware = data->spec.hardware;
  scope.event("UpdateHardwareDetails", "Hardware details taken from HardwareData");
  return true;
}

// Hardware facts given by hand, for hosts that are not inspected. What inspection once found is better.
Result<void> take_hardware_details(Scope& scope) {
  const auto& host = scope.host;
  const bool remembered = remember_hardware(scope);
  if (!host.meta.has_annotation(annotation::hardware_details)) return {};
  if (!remembered && (!host.status.hardware || skips_inspection(scope))) {
    const auto doc = base::parse_json(host.meta.annotation(annotation::hardware_details));
    auto details = doc ? meta::decode<api::HardwareDetails>(*doc) : Result<api::HardwareDetails>(doc.error());
    if (!details) {
      scope.event("InvalidAnnotationValue", "hardware details cannot be read: " + details.error().message,
                  EventKind::warning);
      return {};
    }
    TRY(store_hardware(scope, *details));
    scope.event("UpdateHardwareDetails", "Hardware details taken from the annotation");
  }
  TRY(scope.ctx.update(
      host, [](BareMetalHost& changed) { changed.meta.annotations.erase(std::string(annotation::hardware_details)); }));
  return {};
}

// Writes what changed; lastUpdated moves with it.
Result<void> store(Scope& scope) {
  report_conditions(scope);
  const auto& host = scope.host;
  if (meta::encode(scope.status) == meta::encode(host.status) && host.status.last_updated) return {};
  scope.status.last_updated = scope.ctx.now();
  if (!host.status.last_updated) {
    // The first status is written whole: the schema wants fields that a difference would leave out.
    TRY(scope.ctx.patch(BareMetalHost::resource, host.meta.ns, host.meta.name,
                        Json::object({{"status", meta::encode(scope.status)}}), true));
    return {};
  }
  TRY(scope.ctx.update_status(host, [&](api::BareMetalHostStatus& status) { status = scope.status; }));
  return {};
}

Outcome outcome_of(const Scope& scope) {
  return scope.look_again > Duration::zero() ? Outcome::after(scope.look_again) : Outcome::done();
}

// In the middle of work only by force; that work is ordered anew when the host is taken back.
bool may_detach(const Scope& scope) {
  const auto options = base::parse_json(scope.host.meta.annotation(annotation::detached));
  const bool force = options && (*options)["force"].boolean();
  switch (scope.state()) {
    case State::available:
    case State::provisioned:
    case State::externally_provisioned:
      return true;
    case State::inspecting:
    case State::preparing:
    case State::provisioning:
    case State::deprovisioning:
      return force;
    default:
      return false;
  }
}

// Detached: the manager keeps its hands off, for maintenance or a change of the BMC's address. True when that is all.
Result<bool> handle_detached(Scope& scope) {
  const auto& host = scope.host;
  const bool wanted = host.meta.has_annotation(annotation::detached);
  const bool is = scope.status.operational_status == "detached";
  if (!wanted && !is) return false;
  if (host.meta.deleting()) {
    const auto options = base::parse_json(host.meta.annotation(annotation::detached));
    if (options && (*options)["deleteAction"].string() == "delay") {
      scope.hold = metal::Wait{base::Layer::controller,
                               "annotation " + std::string(annotation::detached) +
                                   " with deleteAction delay holds "
                                   "the deletion",
                               "remove the annotation"};
      scope.again_in(detached_gap);
      return true;
    }
    if (scope.state() == State::deleting) return false;
    TRY(enter(scope, scope.state(), State::deleting));
    return true;
  }
  if (!wanted) {
    scope.status.operational_status = "OK";
    return true;  // it has to be durable before anything is ordered
  }
  if (!may_detach(scope)) {
    scope.hold = metal::Wait{base::Layer::controller, "the host is not detached in the middle of its work",
                             "detach it when it is available or provisioned, or force it with {\"force\": true}"};
    return false;
  }
  if (!is) {
    scope.engine.forget(host.meta.uid);
    // That an image is written is never forgotten: it would be written again over the system that runs. That it was
    // begun neither: the disks would be taken for clean.
    const Milestone milestone = scope.operation.milestone;
    if (milestone != Milestone::written && milestone != Milestone::writing) scope.operation = Operation{};
    clear_failure(scope);
    scope.status.operational_status = "detached";
  }
  scope.again_in(detached_gap);
  return true;
}

enum class Registered : unsigned char {
  yes,      // go on with the table
  no,       // report why
  pending,  // the BMC is being asked; nothing to report yet
};

// A repeated look that finds the same thing missing is not another failure.
void report_lacking(Scope& scope, const Error& error) {
  scope.untimed = true;
  if (error.code == base::Code::not_found) scope.again_in(missing_secret_gap);
  if (scope.status.error_message == failure_text(scope, error)) return;
  const bool taken = error.code == base::Code::already_exists;
  record_failure(scope, error_type::registration, error, taken ? "" : "BMCCredentialError");
}

// Credentials and BMC, in every state that needs the server.
Result<Registered> ensure_registered(Scope& scope) {
  const State state = scope.state();
  if (state == State::none || state == State::unmanaged || state == State::deleting) return Registered::yes;
  auto lacking = TRY(load_credentials(scope));
  if (scope.host.meta.deleting()) {
    scope.no_access = std::move(lacking);  // whatever needs no BMC goes on
    return Registered::yes;
  }
  if (lacking) {
    report_lacking(scope, *lacking);
    return Registered::no;
  }
  if (state == State::registering) {
    if (const auto taken = taken_by_another(scope)) {
      report_lacking(scope, *taken);
      scope.again_in(taken_gap);
      return Registered::no;
    }
  }
  const bool failed_here = scope.status.error_type == error_type::registration ||
                           scope.status.error_type == error_type::provisioned_registration;
  if (failed_here && !may_retry(scope)) {
    scope.again_in(retry_at(scope) - scope.ctx.now());
    return Registered::no;
  }
  if (failed_here) scope.retrying = true;
  const Progress progress = scope.engine.register_host(scope.access);
  if (progress.is_failed()) {
    const bool deployed = state == State::provisioned || state == State::externally_provisioned;
    record_failure(scope, deployed ? error_type::provisioned_registration : error_type::registration, progress.error);
    return Registered::no;
  }
  if (!progress.is_done()) {
    scope.progress = progress;
    return state == State::registering ? Registered::yes : Registered::pending;
  }
  scope.registered = true;
  if (state == State::registering && progress.powered_on) scope.status.powered_on = *progress.powered_on;
  if (!(scope.status.good_credentials == scope.status.tried_credentials)) {
    const std::string replaced = scope.status.good_credentials.credentials.name;
    if (replaced != scope.host.spec.bmc.credentials_name) TRY(release_credentials(scope, replaced));
    scope.status.good_credentials = scope.status.tried_credentials;
    scope.event("BMCAccessValidated", "Verified access to BMC");
    if (state == State::registering) scope.event("Registered", "Registered new host");
  }
  if (failed_here) clear_failure(scope);
  return Registered::yes;
}

Result<void> take_row(Scope& scope) {
  const State state = scope.state();
  const Row& row = row_for(scope);
  if (row.action.run == nullptr) {
    if (row.done != state) TRY(enter(scope, state, row.done));
    return {};
  }
  if (scope.has_error() && !may_retry(scope)) {
    scope.again_in(retry_at(scope) - scope.ctx.now());
    return {};
  }
  if (scope.no_access && state != State::deleting) {
    record_failure(scope, error_type::registration, *scope.no_access);
    return {};
  }
  scope.retrying = scope.has_error();
  auto waiting = TRY(await_boot_image(scope));
  Progress progress = waiting ? std::move(*waiting) : row.action.run(scope);
  if (progress.is_failed()) {
    if (progress.error.code == base::Code::conflict && progress.error.layer == base::Layer::none) {
      return std::move(progress.error);  // a write that lost a race: the reconcile is simply run again
    }
    record_failure(scope, scope.failing_as.empty() ? row.action.error_type : scope.failing_as, progress.error);
    return {};
  }
  if (progress.is_done()) {
    if (row.done == State::gone) {
      scope.released = true;
      return {};
    }
    if (scope.has_error()) clear_failure(scope);
    if (row.done != state) TRY(enter(scope, state, row.done));
    return {};
  }
  scope.progress = std::move(progress);
  return {};
}

Result<Outcome> reconcile(metal::Engine& engine, OutsideImages outside, Context& ctx, const BareMetalHost& host) {
  if (host.meta.has_annotation(annotation::paused)) return Outcome::done();
  if (host.meta.deleting() && !host.meta.has_finalizer(finalizer)) return Outcome::done();
  if (TRY(restore_status(ctx, host))) return Outcome::done();
  Scope scope{.ctx = ctx,
              .engine = engine,
              .host = host,
              .outside = outside,
              .status = host.status,
              .operation = Operation::read(host.status.conditions),
              .access = host_access(host)};
  scope.access.live_iso = live_iso_of(scope);
  const auto* ready = api::find_condition(host.status.conditions, "Ready");
  scope.retrying = scope.has_error() && ready && ready->reason == "Retrying";
  scope.retry_now = ready && ready->observed_generation.value_or(0) != host.meta.generation;
  if (!host.meta.deleting() && !host.meta.has_finalizer(finalizer)) {
    TRY(ctx.update(host, [](BareMetalHost& changed) { changed.meta.add_finalizer(finalizer); }));
  }
  TRY(take_hardware_details(scope));
  if (TRY(handle_detached(scope))) {
    TRY(store(scope));
    return outcome_of(scope);
  }
  const Registered registered = TRY(ensure_registered(scope));
  if (registered == Registered::pending) return Outcome::done();
  load_boot_network(scope);
  forget_servicing(scope);
  if (registered == Registered::yes) TRY(take_row(scope));
  if (scope.released) return Outcome::done();
  TRY(store(scope));
  return outcome_of(scope);
}

}  // namespace
}  // namespace baremetalhost

namespace {

// Hosts that read this Secret: credentials, or data for the config drive.
std::vector<runtime::Key> hosts_of_secret(runtime::Context& ctx, const base::Json& secret) {
  const std::string& ns = secret.path("metadata.namespace").string();
  const std::string& name = secret.path("metadata.name").string();
  std::vector<runtime::Key> out;
  const auto names = [&](const std::optional<api::SecretReference>& reference) {
    return reference && reference->name == name;
  };
  for (const auto& host : ctx.list<api::BareMetalHost>(ns)) {
    const auto& spec = host->spec;
    if (spec.bmc.credentials_name == name || names(spec.user_data) || names(spec.meta_data) ||
        names(spec.network_data) || spec.preprovisioning_network_data_name == name) {
      out.push_back({std::string(api::BareMetalHost::resource), ns, host->meta.name});
    }
  }
  return out;
}

template <class T>
std::vector<runtime::Key> same_host(runtime::Context&, const T& object) {
  return {{std::string(api::BareMetalHost::resource), object.meta.ns, object.meta.name}};
}

}  // namespace

runtime::Controller baremetalhost_controller(metal::Engine& engine, OutsideImages outside) {
  runtime::For<api::BareMetalHost> controller(
      "baremetalhost", [&engine, outside](runtime::Context& ctx, const api::BareMetalHost& host) {
        return baremetalhost::reconcile(engine, outside, ctx, host);
      });
  controller.runtime::Controller::watches.push_back({"secrets", hosts_of_secret});
  controller.watches<api::HostFirmwareSettings>(same_host<api::HostFirmwareSettings>)
      .watches<api::HostFirmwareComponents>(same_host<api::HostFirmwareComponents>)
      .watches<api::HostUpdatePolicy>(same_host<api::HostUpdatePolicy>)
      .watches<api::DataImage>(same_host<api::DataImage>)
      .watches<api::PreprovisioningImage>(same_host<api::PreprovisioningImage>);
  return controller;
}

}  // namespace control
