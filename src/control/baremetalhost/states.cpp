#include "control/baremetalhost/states.h"

#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {
constexpr std::array<std::string_view, states_count> names = {
    api::host_state::none,
    api::host_state::unmanaged,
    api::host_state::registering,
    api::host_state::inspecting,
    api::host_state::preparing,
    api::host_state::available,
    api::host_state::provisioning,
    api::host_state::provisioned,
    api::host_state::externally_provisioned,
    api::host_state::deprovisioning,
    api::host_state::powering_off,
    api::host_state::deleting,
    "gone",
};

bool same_image(const api::HostImage& a, const api::HostImage& b) { return a.url == b.url; }

bool image_set(const Scope& scope) { return scope.host.spec.image && !scope.host.spec.image->url.empty(); }
bool method_set(const Scope& scope) {
  return scope.host.spec.custom_deploy && !scope.host.spec.custom_deploy->method.empty();
}
}  // namespace

std::string_view name_of(State state) { return names[static_cast<size_t>(state)]; }

State state_from(std::string_view name) {
  if (name == api::host_state::ready) return State::available;
  if (name == api::host_state::match_profile) return State::preparing;
  for (size_t i = 0; i < static_cast<size_t>(State::gone); ++i) {
    if (names[i] == name) return static_cast<State>(i);
  }
  return State::none;
}

bool is_deleted(const Scope& scope) { return scope.host.meta.deleting(); }

bool has_bmc(const Scope& scope) {
  return !scope.host.spec.bmc.address.empty() || !scope.host.spec.bmc.credentials_name.empty();
}

bool is_unregistered(const Scope& scope) { return !scope.registered; }
bool is_external(const Scope& scope) { return scope.host.spec.externally_provisioned; }

bool skips_inspection(const Scope& scope) {
  return scope.host.spec.inspection_mode == "disabled" ||
         scope.host.meta.annotation(api::host_annotation::inspect) == "disabled";
}

bool wants_inspection(const Scope& scope) {
  return scope.host.meta.has_annotation(api::host_annotation::inspect) && !skips_inspection(scope);
}

bool preparation_changed(const Scope& scope) {
  const auto& spec = scope.host.spec;
  const auto wanted = spec.root_device_hints.value_or(api::RootDeviceHints{});
  return wanted != scope.status.provisioning.root_device_hints.value_or(api::RootDeviceHints{}) ||
         !(spec.raid == scope.status.provisioning.raid) || !firmware_wish(scope).order.empty();
}

std::optional<metal::Wait> undeployable(const Scope& scope) {
  const auto cannot = [](std::string what, std::string next) {
    return metal::Wait{base::Layer::controller, std::move(what) + " is not supported", std::move(next)};
  };
  if (method_set(scope)) return cannot("spec.customDeploy", "clear it and set spec.image");
  if (image_set(scope) && scope.host.spec.image->format == metal::live_iso_format) {
    const auto address = api::parse_bmc_address(scope.host.spec.bmc.address);
    if (address && address->protocol == api::BmcProtocol::ipmi) {
      return metal::Wait{base::Layer::controller,
                         "spec.image.format live-iso needs virtual media, which a BMC that speaks IPMI does not have",
                         "use a redfish-virtualmedia address in spec.bmc, or a qcow2 or raw image"};
    }
  }
  return std::nullopt;
}

bool wants_image(const Scope& scope) { return scope.host.spec.online && image_set(scope) && !undeployable(scope); }

bool attempts_used_up(const Scope& scope) {
  if (!wants_image(scope) || scope.status.provisioning_fail_count < provisioning_attempts_max) return false;
  // Another image starts anew.
  return scope.status.last_attempted_image && *scope.host.spec.image == *scope.status.last_attempted_image;
}

// Changes of checksum, format or user data do not deploy anew.
bool image_withdrawn(const Scope& scope) {
  const auto& provisioning = scope.status.provisioning;
  const auto& deployed = scope.state() == State::provisioning ? image_being_deployed(scope) : provisioning.image;
  if (provisioning.custom_deploy && !provisioning.custom_deploy->method.empty()) {
    return !method_set(scope) || scope.host.spec.custom_deploy->method != provisioning.custom_deploy->method;
  }
  if (!image_set(scope)) return !method_set(scope);
  return deployed && !deployed->url.empty() && !same_image(*deployed, *scope.host.spec.image);
}

// Before anything was written there is nothing to undo: it is tried again. Once the image is recorded as written, the
// server may have started from it: a failed restart is tried again, and nothing short of a withdrawn image erases the
// disk.
bool has_failed(const Scope& scope) {
  return scope.operation.milestone == Milestone::writing && scope.has_error() && may_retry(scope);
}

bool is_untouched(const Scope& scope) {
  return scope.state() == State::provisioning && scope.operation.kind == OperationKind::provision &&
         scope.operation.milestone == Milestone::ordered;
}

// What may correct the failure, or makes trying again pointless, is taken up by way of available.
bool wants_otherwise(const Scope& scope) {
  if (!is_untouched(scope) || !scope.has_error()) return false;
  const auto& deployed = image_being_deployed(scope);
  const bool live = deployed && deployed->format == metal::live_iso_format;
  const bool other_way = image_set(scope) && live != (scope.host.spec.image->format == metal::live_iso_format);
  return wants_inspection(scope) || preparation_changed(scope) || !wants_image(scope) || other_way;
}

// Without an image to record, the server would count as deployed with nothing and be deprovisioned, that is wiped, at
// once. It stays external until somebody says what is on it.
bool released_with_image(const Scope& scope) {
  return !scope.host.spec.externally_provisioned && (image_set(scope) || method_set(scope));
}

bool cannot_be_reached(const Scope& scope) {
  return scope.host.meta.deleting() && scope.has_error() && scope.status.error_count > give_up_errors;
}

bool has_no_access(const Scope& scope) {
  return cannot_be_reached(scope) && scope.status.error_type == error_type::registration;
}

bool holds_always(const Scope&) { return true; }

const Row& row_for(const Scope& scope) {
  const State state = scope.state();
  for (const auto& row : table::rows) {
    if (row.state == state && row.when.holds(scope)) return row;
  }
  return table::rows.back();  // not reached: every state ends with `always`
}

std::string table_as_markdown() {
  std::string out =
      "# States of a BareMetalHost\n\nThe first row of the present state whose condition holds is taken. Rendered from "
      "`src/control/baremetalhost/states.h`.\n\n| State | When | Do | Then | If it fails |\n|---|---|---|---|---|\n";
  const auto shown = [](State state) { return state == State::none ? "(none)" : std::string(name_of(state)); };
  for (const auto& row : table::rows) {
    const bool stays = row.action.run == nullptr && row.done == row.state;
    out += "| " + shown(row.state) + " | " + std::string(row.when.text) + " | " + std::string(row.action.text) + " | ";
    out += (stays ? std::string() : shown(row.done)) + " | ";
    out += (row.action.run ? shown(row.failed) : std::string()) + " |\n";
  }
  return out;
}

}  // namespace control::baremetalhost
