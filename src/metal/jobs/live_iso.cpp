// A live ISO is booted from the virtual CD as it is, at every start; no agent runs and no disk is written.
#include "metal/jobs/bench.h"

namespace metal {

using base::Result;

Result<void> aim_at_live_iso(Run& run) {
  run.step("inserting the live ISO", 40);
  const std::string url = run.host.live_iso;
  TRY(run.insist("inserting the live ISO", [&](Bmc& bmc) { return bmc.insert_media(url); }));
  return run.insist("setting the boot device",
                    [&](Bmc& bmc) { return bmc.set_boot(BootDevice::cd, true, run.host.uefi); });
}

Result<Progress> attach_live_iso_job(Run& run) {
  TRY(run.guard(Act::boot_agent));
  TRY(stop_server(run));
  run.bench.boots.drop(run.host.uid);  // an agent at hand is gone with the power
  run.worker->inventory_boot.clear();
  TRY(aim_at_live_iso(run));
  return Progress::done();
}

Result<Progress> boot_live_iso_job(Run& run) {
  run.step("starting the live ISO", 96);
  TRY(run.guard(Act::boot_disk));
  const bool on = TRY(run.powered_on());
  // One that is on was started by this order before the manager was, unless it may never be off.
  if (!on || !run.host.power_off_allowed) {
    TRY(with_secure_boot(run));
    const PowerAction action = on ? PowerAction::reset : PowerAction::on;
    TRY(run.insist("power on", [action](Bmc& bmc) { return bmc.set_power(action); }));
    TRY(run.wait_power(true, run.bench.options.limits.power_change));
  }
  Progress progress = Progress::done();
  if (run.host.secure_boot) progress.secure_boot = TRY(secure_boot_after(run));
  TRY(run.bmc())->close();
  progress.powered_on = true;
  return progress;
}

}  // namespace metal
