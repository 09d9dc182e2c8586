// Firmware: settings and updates are handed to the BMC, and looked at again after the server's restart.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr std::string_view bmc_component = "bmc";

bool passing(const Error& error) { return error.code == Code::unavailable || error.code == Code::timeout; }

Progress needs_boot() {
  Progress progress = Progress::working("ordering a boot of the deploy agent");
  progress.needs_boot = true;
  return progress;
}

Error update_failed(const std::string& component, const BmcTask& task) {
  return Error{Code::unavailable,
               "the firmware update of " + component + " failed" + (task.message.empty() ? "" : ": " + task.message),
               Layer::bmc, "check that the URL is reachable from the BMC and that the image fits the component"};
}

// Follows an update until it is over or cannot go on without a restart of the server.
Result<void> follow_update(Run& run, const api::FirmwareUpdate& update, const std::string& path, int percent) {
  const auto& limits = run.bench.options.limits;
  const base::Time until = run.bench.sys.loop.now() + limits.firmware_update;
  for (;;) {
    const BmcTask task = TRY(look_at(run, path));
    if (task.state == BmcTask::State::failed) return update_failed(update.component, task);
    if (task.state != BmcTask::State::running) return {};
    if (update.component != bmc_component && waits_for_restart(task)) {
      run.worker->firmware_tasks[update.component] = path;
      return {};
    }
    if (run.bench.sys.loop.now() >= until) {
      return Error{Code::timeout, "the firmware update of " + update.component + " did not end in time", Layer::bmc,
                   "look at the BMC's log"};
    }
    const std::string far = task.percent >= 0 ? ", " + std::to_string(task.percent) + " %" : std::string();
    run.step("updating the firmware of " + update.component, percent,
             Wait{Layer::bmc, "the BMC works on the update (" + task.name + far + ")", "ask it again"});
    TRY(run.pause(limits.firmware_poll));
  }
}

// A BMC that has updated itself restarts.
Result<void> wait_for_bmc(Run& run, int percent) {
  const auto& limits = run.bench.options.limits;
  const base::Time until = run.bench.sys.loop.now() + limits.firmware_verify;
  run.worker->bmc.reset();  // its session is gone with the restart
  for (;;) {
    auto power = TRY(run.bmc())->power();
    if (power) return {};
    if (!passing(power.error()) || run.bench.sys.loop.now() >= until) return std::move(power).error().at(Layer::bmc);
    run.step("waiting for the BMC to restart", percent, Wait{Layer::bmc, power.error().message, "ask it again"});
    TRY(run.pause(limits.firmware_poll));
  }
}

Result<void> begin_update(Run& run, const api::FirmwareUpdate& update, int percent) {
  run.step("updating the firmware of " + update.component, percent);
  TRY(run.guard(Act::change_firmware));
  base::log::info("asking the BMC to update firmware", {{"host", run.host.name}, {"component", update.component}});
  std::string task;
  const auto post = [&](Bmc& bmc) -> Result<void> {
    task = TRY(bmc.update_firmware(update.component, update.url));
    return {};
  };
  TRY(run.insist("updating the firmware of " + update.component, post));
  if (!task.empty()) TRY(follow_update(run, update, task, percent));
  if (update.component == bmc_component) TRY(wait_for_bmc(run, percent));
  return {};
}

Result<void> hand_over_settings(Run& run, const Json& settings) {
  if (settings.empty()) return {};
  std::vector<BiosSetting> present;
  const auto read = [&](Bmc& bmc) -> Result<void> {
    present = TRY(bmc.bios());
    return {};
  };
  TRY(run.insist("reading the BIOS settings", read));
  const Json changes = TRY(settings_to_send(present, settings));
  if (changes.empty()) return {};
  run.step("handing BIOS settings to the BMC", 15);
  TRY(run.guard(Act::change_firmware));
  return run.insist("changing BIOS settings", [&](Bmc& bmc) { return bmc.set_bios(changes); });
}

// What is not in force yet, "" when everything is.
Result<std::string> missing(Run& run, const FirmwareOrder& order, FirmwareFacts& facts) {
  auto& tasks = run.worker->firmware_tasks;
  for (auto task = tasks.begin(); task != tasks.end();) {
    const BmcTask now = TRY(look_at(run, task->second));
    if (now.state == BmcTask::State::failed) return update_failed(task->first, now);
    if (now.state == BmcTask::State::running) return "the firmware update of " + task->first + " is " + now.name;
    task = tasks.erase(task);
  }
  facts = read_firmware(*TRY(run.bmc()));
  for (const auto& [wanted, error] : {std::pair{!order.settings.empty(), facts.bios_error},
                                      std::pair{!order.updates.empty(), facts.components_error}}) {
    if (!wanted || !error) continue;
    if (!passing(*error)) return *error;
    return error->message;
  }
  return setting_not_in_force(facts.bios, order.settings);
}

}  // namespace

bool waits_for_restart(const BmcTask& task) {
  return task.name == "Pending" || task.name == "Starting" || task.name == "Suspended";
}

Result<BmcTask> look_at(Run& run, const std::string& path) {
  Bmc* const bmc = TRY(run.bmc());
  auto task = bmc->task(path);
  if (task || !passing(task.error())) return task;
  BmcTask silent;
  silent.name = "no answer: " + task.error().message;
  return silent;
}

FirmwareFacts read_firmware(Bmc& bmc) {
  FirmwareFacts facts;
  if (auto system = bmc.connect()) {
    facts.vendor = system->manufacturer;
    facts.model = system->model;
  } else {
    facts.bios_error = facts.components_error = system.error();
    return facts;
  }
  auto bios = bmc.bios();
  if (bios) {
    facts.bios = std::move(*bios);
  } else {
    facts.bios_error = bios.error();
  }
  auto components = bmc.firmware_components();
  if (components) {
    facts.components = std::move(*components);
  } else {
    facts.components_error = components.error();
  }
  return facts;
}

Result<Progress> stage_firmware_job(Run& run, const FirmwareOrder& order) {
  run.step("reading the BIOS settings", 5);
  TRY(run.guard(Act::change_firmware));
  if (run.operation.kind == OperationKind::service && TRY(run.powered_on())) {
    return Error{Code::conflict, "the server runs: its firmware is changed only while it is off", Layer::controller,
                 "restart the host with the annotation reboot.metal3.io"};
  }
  run.worker->firmware_tasks.clear();
  TRY(hand_over_settings(run, order.settings));
  // The BMC first: its restart would lose what it was told for the next restart of the server.
  std::vector<api::FirmwareUpdate> updates = order.updates;
  std::stable_partition(updates.begin(), updates.end(),
                        [](const auto& update) { return update.component == bmc_component; });
  int done = 0;
  for (const auto& update : updates) {
    TRY(begin_update(run, update, 20 + 30 * done++ / static_cast<int>(updates.size())));
  }
  run.worker->staged_for = run.operation.id;
  TRY(run.bmc())->close();
  return Progress::done();
}

Result<Progress> verify_firmware_job(Run& run, const FirmwareOrder& order) {
  if (!order.updates.empty() && run.worker->staged_for != run.operation.id) {
    Progress progress = Progress::working("the manager was restarted during a firmware update, which is done again");
    progress.needs_staging = true;
    return progress;
  }
  if (run.operation.kind == OperationKind::prepare && !TRY(ensure_agent(run, 50, 80))) return needs_boot();
  const auto& limits = run.bench.options.limits;
  const base::Time until = run.bench.sys.loop.now() + limits.firmware_verify;
  for (;;) {
    auto facts = std::make_shared<FirmwareFacts>();
    const std::string waits_for = TRY(missing(run, order, *facts));
    if (waits_for.empty()) {
      TRY(run.bmc())->close();
      Progress progress = Progress::done();
      progress.powered_on = true;
      progress.firmware = std::move(facts);
      return progress;
    }
    if (run.bench.sys.loop.now() >= until) {
      return Error{Code::timeout, "firmware changes are not in force after a restart: " + waits_for, Layer::bmc,
                   "look at the server's console and its BMC's log"};
    }
    run.step("waiting until firmware changes are in force", 85, Wait{Layer::bmc, waits_for, "ask the BMC again"});
    TRY(run.pause(limits.firmware_poll));
  }
}

namespace {

Result<Progress> converse(Bmc& bmc, const HostAccess& host, const SideWork& work) {
  Progress progress = Progress::done();
  switch (work.kind) {
    case SideWork::Kind::read_firmware:
      progress.firmware = std::make_shared<const FirmwareFacts>(read_firmware(bmc));
      break;
    case SideWork::Kind::attach_media:
      TRY(bmc.insert_media(work.url));
      // Firmware must not take the new medium for something to boot from.
      TRY(bmc.set_boot(BootDevice::disk, true, host.uefi));
      break;
    case SideWork::Kind::eject_media:
      TRY(bmc.eject_media());
      break;
    case SideWork::Kind::detach_live_iso:
      TRY(bmc.eject_media());
      TRY(bmc.set_boot(BootDevice::disk, true, host.uefi));
      break;
    case SideWork::Kind::subscribe:
      progress.subscription = TRY(bmc.subscribe(work.subscription));
      break;
    case SideWork::Kind::unsubscribe:
      TRY(bmc.unsubscribe(work.id));
      break;
  }
  return progress;
}

}  // namespace

Result<Progress> side_job(Bench& bench, const HostAccess& host, const SideWork& work) {
  const auto bmc = TRY(connect_bmc(bench, host));
  auto progress = converse(*bmc, host, work);
  if (!progress && progress.error().code == Code::cancelled) return progress;
  bmc->close();
  if (!progress) return std::move(progress).error().at(Layer::bmc);
  return progress;
}

}  // namespace metal
