// RAID volumes: what is there is compared with what is asked for, and only what differs is deleted or created. Whatever
// was done or lost before, the volumes themselves tell what is left to do, so this may be started again at any point.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

bool passing(const Error& error) { return error.code == Code::unavailable || error.code == Code::timeout; }

// The agent proves which machine it runs on; this proves that the BMC belongs to the same one.
Result<void> same_server(Run& run, const Inventory& agent) {
  BmcSystem system;
  std::vector<std::string> macs;
  const auto read = [&](Bmc& bmc) -> Result<void> {
    system = TRY(bmc.connect());
    macs = TRY(bmc.macs());
    return {};
  };
  TRY(run.insist("reading the server's identity", read));
  return check_same_server(system.serial, macs, agent);
}

Error task_failed(const std::string& what, const BmcTask& task) {
  return Error{Code::unavailable, what + " failed" + (task.message.empty() ? "" : ": " + task.message), Layer::bmc,
               "look at the BMC's log"};
}

// False: it goes on with a restart.
Result<bool> follow(Run& run, const std::string& what, const std::string& path, base::Duration limit, int percent) {
  const base::Time until = run.bench.sys.loop.now() + limit;
  for (;;) {
    const BmcTask task = TRY(look_at(run, path));
    if (task.state == BmcTask::State::failed) return task_failed(what, task);
    if (task.state != BmcTask::State::running) return true;
    if (waits_for_restart(task)) return false;
    if (run.bench.sys.loop.now() >= until) {
      return Error{Code::timeout, what + " did not end in time", Layer::bmc, "look at the BMC's log"};
    }
    const std::string far = task.percent >= 0 ? ", " + std::to_string(task.percent) + " %" : std::string();
    run.step(what, percent, Wait{Layer::bmc, "the BMC works on it (" + task.name + far + ")", "ask it again"});
    TRY(run.pause(run.bench.options.limits.firmware_poll));
  }
}

// What waited for the restart that has just been.
Result<void> end_tasks(Run& run) {
  const auto& limits = run.bench.options.limits;
  const base::Time until = run.bench.sys.loop.now() + limits.firmware_verify;
  const auto tasks = std::exchange(run.worker->raid_tasks, {});
  for (const auto& path : tasks) {
    while (!TRY(follow(run, "changing RAID volumes", path, limits.raid_task, 75))) {
      if (run.bench.sys.loop.now() >= until) break;  // the volumes tell what that means
      TRY(run.pause(limits.firmware_poll));
    }
  }
  return {};
}

class Change {
 public:
  Change(Run& run, const RaidOrder& order, const Inventory& agent) : run_(run), order_(order), agent_(agent) {}

  // True: all of it was done; false: some of it waits for a restart.
  Result<bool> carry_out(const RaidPlan& plan) {
    for (const auto& one : plan.remove) {
      const std::string what = "deleting RAID volume " + base::quoted(one.volume.name);
      TRY(step(what, one.storage, 60, [&](Bmc& bmc) { return bmc.delete_volume(one.volume.path); }));
    }
    for (const auto& one : plan.create) {
      const std::string what = "creating a RAID volume of level " + one.level;
      TRY(step(what, one.storage, 70, [&](Bmc& bmc) { return bmc.create_volume(one); }));
    }
    return waiting_.empty();
  }

 private:
  Result<void> step(const std::string& what, const std::string& storage, int percent,
                    const std::function<Result<VolumeChange>(Bmc&)>& work) {
    if (waiting_.contains(storage)) return {};  // a controller takes one job for its next restart
    run_.step(what, percent);
    Bmc* const bmc = TRY(run_.bmc());
    // Each time anew, and as late as can be.
    TRY(run_.guard(Act::change_volumes, &agent_, nullptr, order_.digest()));
    base::log::info("changing RAID volumes", {{"host", run_.host.name}, {"what", what}, {"controller", storage}});
    auto change = work(*bmc);
    if (!change) return std::move(change).error().context(what).at(Layer::bmc);
    if (change->on_reset) waiting_.insert(storage);
    if (change->task.empty()) return {};
    const bool ended =
        !change->on_reset && TRY(follow(run_, what, change->task, run_.bench.options.limits.raid_task, percent));
    if (ended) return {};
    waiting_.insert(storage);
    run_.worker->raid_tasks.push_back(change->task);
    return {};
  }

  Run& run_;
  const RaidOrder& order_;
  const Inventory& agent_;
  std::set<std::string> waiting_;  // controllers
};

Result<RaidPlan> compare(Run& run, const RaidOrder& order) {
  run.step("reading the RAID volumes", 55);
  std::vector<BmcStorage> present;
  const auto read = [&](Bmc& bmc) -> Result<void> {
    present = TRY(bmc.storage());
    return {};
  };
  TRY(run.insist("reading the RAID volumes", read));
  return plan_raid(present, order.volumes, run.worker->raid_for != run.operation.id);
}

Result<Progress> finished(Run& run, const RaidOrder& order, const Inventory& inventory) {
  if (!(order.root_device == api::RootDeviceHints{})) {
    auto disk = choose_root_disk(inventory.disks, order.root_device);
    if (!disk) return std::move(disk).error().context("with the RAID volumes that spec.raid asks for");
  }
  TRY(run.bmc())->close();
  Progress progress = Progress::done();
  progress.powered_on = true;
  progress.hardware = std::make_shared<api::HardwareDetails>(inventory.hardware);
  return progress;
}

}  // namespace

Result<Progress> raid_job(Run& run, const RaidOrder& order) {
  auto& worker = *run.worker;
  const auto reboot = [] {
    Progress progress = Progress::working("ordering a boot of the deploy agent");
    progress.needs_boot = true;
    return progress;
  };
  if (!TRY(ensure_agent(run, 5, 50))) return reboot();
  const Inventory* inventory = TRY(agent_inventory(run));
  TRY(same_server(run, *inventory));
  TRY(end_tasks(run));
  const auto& limits = run.bench.options.limits;
  for (int attempt = 1;; ++attempt) {
    const RaidPlan plan = TRY(compare(run, order));
    if (plan.empty()) return finished(run, order, *inventory);
    const bool again = worker.raid_for == run.operation.id;
    if (attempt == 1 && again && plan.size() >= worker.raid_left) {
      return Error{Code::unavailable,
                   "the RAID volumes are still not as asked after a restart; left to do: " + plan.text(), Layer::bmc,
                   "look at the BMC's log and correct spec.raid"};
    }
    base::log::info("RAID volumes differ", {{"host", run.host.name}, {"plan", plan.text()}});
    worker.raid_for = run.operation.id;
    worker.raid_left = plan.size();
    const auto done = Change(run, order, *inventory).carry_out(plan);
    if (done) break;
    // What was begun may have been done all the same: look again before anything is repeated.
    if (!passing(done.error()) || attempt >= limits.bmc_tries) return Error(done.error());
    TRY(run.sleep(limits.bmc_retry_gap));
  }
  // A fresh boot shows the disks as they are now, and brings about what waits for a restart.
  run.bench.boots.drop(run.host.uid);
  TRY(run.bmc())->close();
  return reboot();
}

}  // namespace metal
