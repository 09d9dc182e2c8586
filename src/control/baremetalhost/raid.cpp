// RAID volumes of a host that is being prepared. status.provisioning.raid is what was done: it changes when the volumes
// are as the spec asks, and as long as both are the same, nothing is looked at or touched.
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

std::optional<Progress> prepare_raid(Scope& scope) {
  const Json& wanted = scope.host.spec.raid;
  auto& milestone = scope.operation.milestone;
  auto& changing = scope.operation.changing_volumes;
  const auto let_go = [&] {
    scope.engine.release_agent(scope.host.meta.uid);
    scope.operation.boot_id.clear();
  };
  const bool wish = !(wanted == scope.status.provisioning.raid) && wanted["hardwareRAIDVolumes"].is_array();
  if (changing && !wish) {
    // What waits for a restart must not come to pass later, when an image is on the volume: the next boot of an agent
    // is that restart.
    changing = false;
    let_go();
    return Progress::working("ending the change of RAID volumes");
  }
  if (wanted == scope.status.provisioning.raid) return std::nullopt;
  if (!wanted["softwareRAIDVolumes"].empty()) {
    return Progress::failed({base::Code::unsupported, "software RAID volumes are not supported",
                             base::Layer::controller,
                             "use spec.raid.hardwareRAIDVolumes, or clear spec.raid and set the RAID up in the image"});
  }
  if (!wish) {  // no wish: whatever is there stays
    scope.status.provisioning.raid = wanted;
    return std::nullopt;
  }
  if (milestone == Milestone::staged) return std::nullopt;  // firmware changes are on their way and come first
  if (milestone != Milestone::ordered || !changing) {
    // New volumes show what their disks held before, so they are cleaned once more.
    milestone = Milestone::ordered;
    changing = true;
    return Progress::working("ordering a change of the RAID volumes");
  }
  const auto hints = scope.host.spec.root_device_hints.value_or(api::RootDeviceHints{});
  Progress progress = scope.engine.change_raid(scope.access, scope.operation, {wanted["hardwareRAIDVolumes"], hints});
  if (progress.is_failed()) let_go();
  if (!progress.is_done()) return progress;
  if (progress.hardware) {
    if (auto stored = store_hardware(scope, *progress.hardware); !stored) return Progress::failed(stored.error());
  }
  scope.status.provisioning.raid = wanted;
  changing = false;
  scope.event("RAIDConfigured", "RAID volumes are as spec.raid asks");
  return Progress::working("RAID volumes are as asked", 55);
}

}  // namespace control::baremetalhost
