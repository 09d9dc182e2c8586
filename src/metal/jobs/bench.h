// Inside of the engine: one Worker per host, and Run, what a job sees while it runs in its fiber.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "metal/agent_client.h"
#include "metal/boot/image_cache.h"
#include "metal/engine.h"
#include "metal/guard.h"
#include "sys/fiber.h"

namespace metal {

struct Bench;

// Something a BMC was asked beside the host's work.
struct SideResult {
  Progress progress;
  base::Time at{};
};

enum class JobKind : unsigned char { registration, operation, power, power_reading };

struct Job {
  JobKind kind;
  std::string key;
  Progress progress;
  sys::Fiber fiber;
  bool cancelled = false;
};

struct Finished {
  std::string key;
  Progress progress;
};

struct PowerReading {
  bool on = false;
  base::Time at{};
};

// Everything remembered about one host. Lives as long as the host is known or a job of it runs.
struct Worker {
  explicit Worker(sys::Loop& loop) : agent_event(loop), bmc_event(loop) {}
  std::string uid, ns, name;
  std::optional<Job> job;  // at most one: a Bmc serves one fiber at a time
  std::optional<Finished> registration, operation, power, power_reading_error;
  std::optional<PowerReading> power_reading;
  std::unique_ptr<Bmc> bmc;
  std::string bmc_key;           // what `bmc` was made for
  std::string replaced_boot;     // needs_boot was answered to this boot id
  bool boot_asked = false;       // needs_boot was answered: the next new boot id is fresh
  std::set<std::string> booted;  // boot ids this process has started
  std::string inventory_boot;    // boot id `inventory` belongs to
  Inventory inventory;
  sys::Signal agent_event;  // its boot came further or its agent called
  std::optional<Job> side;  // has a Bmc of its own
  std::map<std::string, SideResult> side_results;
  std::optional<base::Time> firmware_read_at;
  sys::Fiber watch;  // listens to the BMC's events over a connection of its own
  std::string watch_key;
  base::Time watch_after{};
  bool watched = false;                      // the stream is open
  bool hint_due = false;                     // something came; it is looked at in a moment
  bool hint_firmware = false;                // and it is about firmware, settings or tasks
  sys::Signal bmc_event;                     // something came
  sys::Fiber console_fiber;                  // captures the serial console over a connection of its own
  std::string console_key, console_problem;  // whose it is; why it is not captured
  base::Time console_until{}, console_after{};
  std::shared_ptr<class ConsoleLog> console;
  std::string staged_for;                             // operation id under which firmware_tasks were begun
  std::map<std::string, std::string> firmware_tasks;  // component -> the BMC's task
  std::string raid_for;                               // operation id under which volumes were changed
  size_t raid_left = 0;                               // changes that were to be done then
  std::vector<std::string> raid_tasks;                // that wait for a restart
};

// What a job uses. Valid in its fiber only.
struct Run {
  Bench& bench;
  std::shared_ptr<Worker> worker;
  HostAccess host;
  Operation operation;

  void step(std::string text, int percent, std::optional<Wait> wait = std::nullopt);
  base::Result<Bmc*> bmc();
  // Repeats a BMC step that failed for a passing reason.
  base::Result<void> insist(const std::string& what, const std::function<base::Result<void>(Bmc&)>& work);
  base::Result<HostFacts> facts();  // as durable now
  base::Result<void> guard(Act act, const Inventory* agent = nullptr, const InventoryDisk* disk = nullptr,
                           const std::string& raid = {});
  base::Result<void> sleep(base::Duration span);
  base::Result<void> pause(base::Duration span);  // before the BMC is asked again: until it tells of something itself
  base::Result<bool> powered_on();
  base::Result<void> wait_power(bool on, base::Duration limit);
};

struct AgentLost {};  // a new boot has to be ordered

struct Bench {
  sys::Sys& sys;
  sys::Net& site;
  store::Store& store;
  EngineOptions options;
  ExpectedBoots boots;
  Endpoint endpoint;
  std::unique_ptr<DhcpService> dhcp;
  std::unique_ptr<Dhcp6Service> dhcp6;
  std::unique_ptr<TftpService> tftp;
  std::shared_ptr<ImageCache> images;                      // null: agents download for themselves
  std::map<std::string, std::shared_ptr<Worker>> workers;  // by uid
  std::function<void(const std::string&, const std::string&)> changed;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  Bench(sys::Sys& s, sys::Net& n, store::Store& st, EngineOptions o);
  void notify(const Worker& worker);
  bool agent_alive(const std::string& uid, const std::string& boot_id) const;
};

using JobBody = std::function<base::Result<Progress>(Run&)>;

// Makes sure that the agent of operation.boot_id answers; boots it if this process was asked to. False: a new boot id
// has to be recorded first.
base::Result<bool> ensure_agent(Run& run, int percent_from, int percent_to);
base::Result<const Inventory*> agent_inventory(Run& run);
// Runs one command to its end. `at` turns its progress (0-100) into a step. `allowed` is asked before each attempt to
// start it: while the agent is out of reach the order may be withdrawn.
base::Result<base::Json> run_on_agent(Run& run, const std::string& name, base::Json params, base::Duration limit,
                                      const std::function<void(const base::Json& result)>& at,
                                      const std::function<base::Result<void>()>& allowed = nullptr);

// With the layer BMC and, when it says none, a next step.
base::Error explain(base::Error error, const HostAccess& host);
// Changes when another conversation has to be begun: address or credentials.
std::string bmc_key(const HostAccess& host);
// Listens to the BMC if that is wanted and it can be: whatever comes makes the power state be read again.
void keep_watch(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker, const HostAccess& host);
// Captures the host's console for as long as it is worked on and a while longer, where that is switched on.
void keep_console(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker, const HostAccess& host);
// The end of what its console shows in this boot, or why that is not known, to be appended to a message; "" where
// consoles are not captured. For all to read: without what looks like a secret.
std::string console_says(const Worker& worker);
void console_of_new_boot(Worker& worker);  // what it showed until now does not explain what comes
base::Result<std::unique_ptr<Bmc>> connect_bmc(Bench& bench, const HostAccess& host);
FirmwareFacts read_firmware(Bmc& bmc);
// One look at a task; a BMC that restarts does not answer for a while, which says nothing about the task.
base::Result<BmcTask> look_at(Run& run, const std::string& path);
// It has what it needs and goes on when the server restarts (Redfish Task schema, TaskState).
bool waits_for_restart(const BmcTask& task);

base::Result<Progress> stage_firmware_job(Run& run, const FirmwareOrder& order);
base::Result<Progress> verify_firmware_job(Run& run, const FirmwareOrder& order);
base::Result<Progress> raid_job(Run& run, const RaidOrder& order);
base::Result<Progress> side_job(Bench& bench, const HostAccess& host, const SideWork& work);
base::Result<Progress> register_job(Run& run);
base::Result<Progress> inspect_job(Run& run);
base::Result<Progress> clean_job(Run& run, CleanMode mode);
base::Result<Progress> provision_job(Run& run, const ProvisionRequest& request);
base::Result<Progress> boot_disk_job(Run& run);
base::Result<void> stop_server(Run& run);       // unless it may not be off: whoever starts it restarts it then
base::Result<void> with_secure_boot(Run& run);  // on from the next start, where the host asks for it
// Whether it is in force once the firmware is through. What runs is deployed either way.
base::Result<SecureBootState> secure_boot_after(Run& run);
base::Result<void> aim_at_live_iso(Run& run);
base::Result<Progress> attach_live_iso_job(Run& run);  // in place of writing
base::Result<Progress> boot_live_iso_job(Run& run);
base::Result<Progress> power_job(Run& run, PowerWish wish);
base::Result<Progress> read_power_job(Run& run);

}  // namespace metal
