// What is recorded when a host moves from one state to the next.
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

void order(Scope& scope, OperationKind kind, Milestone milestone = Milestone::ordered) {
  scope.operation.kind = kind;
  scope.operation.id = scope.ctx.random().uuid();
  scope.operation.milestone = milestone;
}

void order_nothing(Scope& scope, bool keep_agent) {
  const bool alive = scope.engine.agent_alive(scope.host.meta.uid, scope.operation.boot_id);
  const std::string boot_id = keep_agent && alive ? scope.operation.boot_id : std::string();
  scope.operation = Operation{};
  scope.operation.boot_id = boot_id;
  if (boot_id.empty()) scope.engine.release_agent(scope.host.meta.uid);
}

void leave(Scope& scope, State from, State to) {
  auto& status = scope.status;
  auto& history = status.operation_history;
  const Time now = scope.ctx.now();
  if (from == State::registering) history.register_host.end = now;
  if (from == State::inspecting) history.inspect.end = now;
  if (from == State::provisioning && to == State::provisioned) history.provision.end = now;
  if (from == State::deprovisioning) history.deprovision.end = now;
  if (from == State::provisioning && to == State::deprovisioning && scope.has_error() && !is_untouched(scope)) {
    status.provisioning_fail_count += 1;
    api::set_condition(status.conditions,
                       {.type = "Provisioned",
                        .status = "False",
                        .reason = "ProvisioningFailed",
                        .message = "last attempt failed: " + status.error_message,
                        .changed = {},
                        .observed_generation = scope.host.meta.generation},
                       now);
  }
  clear_failure(scope);
}

void record_boot_mode(Scope& scope) {
  const auto& mode = scope.host.spec.boot_mode;
  scope.status.provisioning.boot_mode = mode.empty() ? "UEFI" : mode;
}

void enter_preparing(Scope& scope, State from) {
  // Coming from available, the disks are clean already.
  order(scope, OperationKind::prepare, from == State::available ? Milestone::cleaned : Milestone::ordered);
  scope.status.provisioning.root_device_hints = scope.host.spec.root_device_hints;
}

void enter_available(Scope& scope, State from) {
  auto& provisioning = scope.status.provisioning;
  if (from == State::deprovisioning) {
    provisioning.image.reset();
    provisioning.custom_deploy.reset();
    scope.event("DeprovisioningComplete", "Image deprovisioning completed");
  }
  if (!scope.host.spec.image) {
    scope.status.provisioning_fail_count = 0;
    scope.status.last_attempted_image.reset();
  }
  // A running agent saves the next deployment a boot; it stays for as long as the host may be powered on.
  order_nothing(scope, scope.host.spec.online && scope.status.powered_on);
}

void enter_provisioning(Scope& scope) {
  order(scope, OperationKind::provision);
  auto& status = scope.status;
  status.operation_history.provision = {.start = scope.ctx.now(), .end = {}};
  const auto& image = scope.host.spec.image;
  const bool other = image.has_value() != status.last_attempted_image.has_value() ||
                     (image && !(*image == *status.last_attempted_image));
  if (other) status.provisioning_fail_count = 0;
  status.last_attempted_image = image;
  record_boot_mode(scope);
  scope.event("ProvisioningStarted", "Image provisioning started" + (image ? " for " + image->url : ""));
}

void enter_provisioned(Scope& scope, State from) {
  auto& provisioning = scope.status.provisioning;
  provisioning.image = from == State::provisioning ? image_being_deployed(scope) : scope.host.spec.image;
  provisioning.custom_deploy = scope.host.spec.custom_deploy;
  scope.status.provisioning_fail_count = 0;
  scope.status.last_attempted_image.reset();
  order_nothing(scope, false);
  if (from != State::provisioning) return;
  scope.event("ProvisioningComplete", "Image provisioning completed");
}

}  // namespace

const std::optional<api::HostImage>& image_being_deployed(const Scope& scope) {
  const auto& attempted = scope.status.last_attempted_image;
  return attempted ? attempted : scope.host.spec.image;
}

Result<void> enter(Scope& scope, State from, State to) {
  const bool untouched = is_untouched(scope);
  leave(scope, from, to);
  auto& status = scope.status;
  const Time now = scope.ctx.now();
  status.provisioning.state = name_of(to);
  switch (to) {
    case State::unmanaged:
      status.operational_status = "discovered";
      scope.event("Discovered", "Discovered host with no BMC details");
      break;
    case State::registering:
      status.provisioning.id = scope.host.meta.uid;
      status.operation_history.register_host = {.start = now, .end = {}};
      record_boot_mode(scope);
      break;
    case State::inspecting:
      order(scope, OperationKind::inspect);
      status.operation_history.inspect = {.start = now, .end = {}};
      record_boot_mode(scope);
      scope.event("InspectionStarted", "Hardware inspection started");
      break;
    case State::preparing:
      if (from == State::registering) scope.event("InspectionSkipped", "Hardware inspection is disabled");
      enter_preparing(scope, from);
      break;
    case State::available:
      enter_available(scope, from);
      break;
    case State::provisioning:
      enter_provisioning(scope);
      break;
    case State::provisioned:
      enter_provisioned(scope, from);
      break;
    case State::externally_provisioned:
      status.provisioning.root_device_hints.reset();
      order_nothing(scope, false);
      break;
    case State::deprovisioning:
      order(scope, OperationKind::deprovision, untouched ? Milestone::cleaned : Milestone::ordered);
      status.operation_history.deprovision = {.start = now, .end = {}};
      scope.event("DeprovisioningStarted", "Image deprovisioning started");
      break;
    case State::powering_off:
    case State::deleting:
      scope.engine.abort(scope.host.meta.uid);
      order_nothing(scope, false);
      break;
    case State::none:
    case State::gone:
      break;
  }
  return {};
}

Result<void> store_hardware(Scope& scope, const api::HardwareDetails& hardware) {
  scope.status.hardware = hardware;
  const auto& meta = scope.host.meta;
  const auto known = scope.ctx.find<api::HardwareData>(meta.ns, meta.name);
  if (known && !known->meta.deleting()) {
    TRY(scope.ctx.update(*known, [&](api::HardwareData& data) {
      data.spec.hardware = hardware;
      data.meta.set_owner(scope.ctx.owner_reference(scope.host, true));
      data.meta.add_finalizer(hardware_finalizer);
    }));
    return {};
  }
  // One that somebody deleted goes when there is something to take its place.
  if (known) {
    TRY(scope.ctx.update(*known, [](api::HardwareData& data) { data.meta.remove_finalizer(hardware_finalizer); }));
    if (scope.ctx.find<api::HardwareData>(meta.ns, meta.name)) return {};
  }
  api::HardwareData data;
  data.meta.ns = meta.ns;
  data.meta.name = meta.name;
  data.meta.owners.push_back(scope.ctx.owner_reference(scope.host, true));
  data.meta.add_finalizer(hardware_finalizer);
  data.spec.hardware = hardware;
  TRY(scope.ctx.create(data));
  return {};
}

}  // namespace control::baremetalhost
