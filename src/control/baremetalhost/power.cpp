// Keeping a host's power as spec.online and the reboot annotations want it, in the states where that is the user's.
#include "base/log.h"
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

constexpr Duration poll_gap = base::seconds(60);

struct RebootWish {
  bool any = false;
  bool hard = false;
  bool force = false;     // also outside the provisioned states
  bool one_shot = false;  // the annotation without key, removed once the host is off
};

RebootWish reboot_wish(Scope& scope) {
  RebootWish wish;
  const std::string prefix = std::string(api::host_annotation::reboot) + "/";
  for (const auto& [key, value] : scope.host.meta.annotations) {
    const bool one_shot = key == api::host_annotation::reboot;
    if (!one_shot && !key.starts_with(prefix)) continue;
    wish.any = true;
    wish.one_shot = wish.one_shot || one_shot;
    if (value.empty()) continue;
    const auto options = base::parse_json(value, {.bytes_max = 4096});
    if (!options || !options->is_object()) {
      scope.event("InvalidAnnotationValue", "annotation " + key + " is not a JSON object; a soft reboot is done",
                  EventKind::warning);
      continue;
    }
    wish.hard = wish.hard || (*options)["mode"].string() == "hard";
    wish.force = wish.force || (*options)["force"].boolean();
  }
  return wish;
}

// The host is seen in another power state than its status says.
void note_power(Scope& scope, bool on, bool wished) {
  if (scope.status.powered_on == on) return;
  scope.status.powered_on = on;
  if (!on) {  // an agent is gone with it
    scope.operation.boot_id.clear();
    scope.engine.release_agent(scope.host.meta.uid);
  }
  if (wished) scope.event(on ? "PowerOn" : "PowerOff", on ? "Host powered on" : "Host powered off");
}

Result<void> drop_reboot_annotation(Scope& scope) {
  TRY(scope.ctx.update(
      scope.host, [](BareMetalHost& host) { host.meta.annotations.erase(std::string(api::host_annotation::reboot)); }));
  return {};
}

}  // namespace

Progress manage_power(Scope& scope) {
  scope.again_in(poll_gap);
  const bool deployed = scope.state() != State::available;
  RebootWish reboot = reboot_wish(scope);
  if (!deployed && !reboot.force) reboot = {};

  if (!deployed && !scope.host.spec.image) {  // the next image starts anew, even if it is the one that failed
    scope.status.provisioning_fail_count = 0;
    scope.status.last_attempted_image.reset();
  }

  // Half, so that each poll finds the last reading too old.
  const Progress reading = scope.engine.read_power(scope.access, poll_gap / 2);
  if (!reading.is_done() || !reading.powered_on) return reading;  // the answer comes back as a change
  const bool on = *reading.powered_on;
  const bool want_on = scope.host.spec.online && !reboot.any;
  note_power(scope, on, on == want_on);
  const bool kept_on = on && !want_on && scope.host.spec.disable_power_off;
  if (kept_on && reboot.one_shot && scope.host.spec.online) {
    Progress restarted = scope.engine.power(scope.access, metal::PowerWish::restart);
    if (!restarted.is_done()) return restarted;
    if (auto dropped = drop_reboot_annotation(scope); !dropped) return Progress::failed(dropped.error());
    scope.event("PowerOn", "Host restarted");
    return restarted;
  }
  if (kept_on) {
    scope.hold = metal::Wait{base::Layer::controller, "the host should be powered off, but spec.disablePowerOff is set",
                             "clear spec.disablePowerOff, or restart the server by other means"};
  }
  if (scope.state() == State::externally_provisioned && !is_external(scope)) {
    scope.hold = metal::Wait{base::Layer::controller,
                             "spec.externallyProvisioned is false, but what is on the server's disk is not said",
                             "set spec.image to what is deployed, or spec.externallyProvisioned to true again"};
  }
  if (on && want_on) {
    if (auto busy = verify_service(scope)) return *busy;
    if (auto later = waits_for_restart(scope); later && !scope.hold) scope.hold = std::move(later);
  } else if (!on && want_on && scope.state() == State::provisioned) {
    if (auto busy = service_while_off(scope)) return *busy;
    if (auto busy = tend_data_image(scope)) return *busy;
  }
  if (on == want_on || kept_on) {
    if (!on && reboot.one_shot) {
      if (auto dropped = drop_reboot_annotation(scope); !dropped) return Progress::failed(dropped.error());
    }
    return Progress::done();
  }
  // Nothing that could be asked to shut down runs on a host without an image.
  const bool soft = deployed && !reboot.hard && scope.status.error_count == 0;
  const auto wish = want_on ? metal::PowerWish::on : soft ? metal::PowerWish::soft_off : metal::PowerWish::hard_off;
  Progress changed = scope.engine.power(scope.access, wish);
  if (!changed.is_done()) return changed;
  note_power(scope, changed.powered_on.value_or(want_on), true);
  scope.again_in(base::seconds(1));  // a one-shot reboot goes on from here
  return changed;
}

}  // namespace control::baremetalhost
