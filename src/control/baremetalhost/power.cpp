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

  const Progress reading = scope.engine.read_power(scope.access, poll_gap);
  if (reading.is_failed()) return reading;
  if (reading.powered_on) scope.status.powered_on = *reading.powered_on;
  const bool on = scope.status.powered_on;
  const bool want_on = scope.host.spec.online && !reboot.any;
  if (!reading.is_done()) return Progress::working("");  // the answer comes back as a change
  if (on == want_on || (on && scope.host.spec.disable_power_off)) {
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
  scope.status.powered_on = changed.powered_on.value_or(want_on);
  if (!scope.status.powered_on) {
    scope.operation.boot_id.clear();
    scope.engine.release_agent(scope.host.meta.uid);
  }
  scope.event(want_on ? "PowerOn" : "PowerOff", want_on ? "Host powered on" : "Host powered off");
  scope.again_in(base::seconds(1));  // a one-shot reboot goes on from here
  return changed;
}

}  // namespace control::baremetalhost
