// Registration and power.
#include "base/log.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

Result<Progress> register_job(Run& run) {
  run.step("connecting to the BMC", 10,
           Wait{Layer::bmc, "connecting to " + run.host.bmc_address, "check the credentials"});
  auto made = run.bmc();
  if (!made) return explain(std::move(made).error(), run.host);
  auto system = (*made)->connect();
  if (!system) return explain(std::move(system).error(), run.host);
  (*made)->close();
  Progress progress = Progress::done();
  if (system->power != PowerState::unknown) progress.powered_on = system->power == PowerState::on;
  progress.system = std::move(*system);
  return progress;
}

Result<Progress> read_power_job(Run& run) {
  Bmc* const connection = TRY(run.bmc());
  auto state = connection->power();
  if (!state) return explain(std::move(state).error(), run.host);
  if (*state == PowerState::unknown) {
    return Error{Code::unavailable, "the BMC does not know the power state", Layer::bmc, "look at the BMC"};
  }
  Progress progress = Progress::done();
  progress.powered_on = *state == PowerState::on;
  run.bench.notify(*run.worker);
  return progress;
}

namespace {

Result<void> switch_off(Run& run, bool soft) {
  const auto& limits = run.bench.options.limits;
  if (soft) {
    run.step("asking the operating system to shut down", 20);
    TRY(run.guard(Act::power_off));
    auto asked = run.insist("soft power off", [](Bmc& bmc) { return bmc.set_power(PowerAction::soft_off); });
    if (asked) {
      const auto off = run.wait_power(false, limits.soft_off);
      if (off) return {};
      if (off.error().code != Code::timeout) return off;
    } else if (asked.error().code == Code::cancelled) {
      return asked;
    }
  }
  run.step("powering off", 60);
  TRY(run.guard(Act::power_off));  // again: minutes may have passed
  TRY(run.insist("power off", [](Bmc& bmc) { return bmc.set_power(PowerAction::off); }));
  return run.wait_power(false, limits.power_change);
}

Result<void> restart(Run& run) {
  TRY(run.guard(Act::restart));
  TRY(run.insist("restart", [](Bmc& bmc) { return bmc.set_power(PowerAction::reset); }));
  return run.wait_power(true, run.bench.options.limits.power_change);
}

}  // namespace

Result<Progress> power_job(Run& run, PowerWish wish) {
  const bool on = wish == PowerWish::on || wish == PowerWish::restart;
  run.step(wish == PowerWish::restart ? "restarting" : on ? "powering on" : "powering off", 10);
  const bool was_on = TRY(run.powered_on());
  if (was_on && wish == PowerWish::restart) TRY(restart(run));
  if (was_on != on) {
    if (on) {
      TRY(run.guard(Act::power_on));
      if (!run.host.live_iso.empty()) TRY(aim_at_live_iso(run));  // BMCs forget media and boot devices
      TRY(run.insist("power on", [](Bmc& bmc) { return bmc.set_power(PowerAction::on); }));
      TRY(run.wait_power(true, run.bench.options.limits.power_change));
    } else {
      TRY(switch_off(run, wish == PowerWish::soft_off));
    }
  }
  TRY(run.bmc())->close();
  Progress progress = Progress::done();
  progress.powered_on = on;
  return progress;
}

}  // namespace metal
