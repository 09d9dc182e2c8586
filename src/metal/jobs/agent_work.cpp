// What is done through the agent: inspection, cleaning, writing the image, letting go of the server.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "metal/agent_logs.h"
#include "metal/boot/config_drive.h"
#include "metal/boot/image_cache.h"
#include "metal/jobs/agent_orders.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

Result<AgentClient> client_of(Run& run) {
  const ExpectedBoot* boot = run.bench.boots.find(run.host.uid);
  if (!boot || boot->callback_url.empty()) {
    return Error{Code::unavailable, "no agent answers for this host", Layer::agent};
  }
  const net::Url url = TRY(net::Url::parse(boot->callback_url));
  return AgentClient(run.bench.sys.loop, run.bench.site, url, boot->verify_ca_pem, boot->agent_token,
                     agent_kind(boot->agent_version), run.bench.options.limits.agent_request);
}

AgentKind kind_of(Run& run) {
  const ExpectedBoot* boot = run.bench.boots.find(run.host.uid);
  return boot ? agent_kind(boot->agent_version) : AgentKind::ours;
}

bool passing(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::timeout || error.code == Code::conflict;
}

// Repeats a call for as long as the agent still beats: the network between may hiccup for a while.
Result<AgentCommand> insist(Run& run, const std::function<Result<AgentCommand>()>& call,
                            const std::function<Result<void>()>& allowed = nullptr) {
  const base::Time started = run.bench.sys.loop.now();
  for (;;) {
    if (allowed) TRY(allowed());
    auto answered = call();
    if (answered || !passing(answered.error())) return answered;
    const bool fresh = run.bench.sys.loop.now() - started <= run.bench.options.limits.agent_silence;
    if (!fresh && !run.bench.agent_alive(run.host.uid, run.operation.boot_id)) {
      return Error{Code::unavailable, "the agent stopped answering: " + answered.error().message, Layer::agent,
                   "look at the server's console and at the network between it and the manager"};
    }
    if (run.bench.sys.loop.now() - started > 6 * run.bench.options.limits.agent_silence) return answered;
    TRY(run.sleep(base::seconds(5)));
  }
}

struct LogOutcome {
  Result<std::string> text = base::cancelled();
};

// Best effort: no work fails for want of its log.
Result<void> keep_log(Run& run, const std::string& what) {
  auto& bench = run.bench;
  auto client = TRY(client_of(run));
  const ExpectedBoot* boot = bench.boots.find(run.host.uid);
  const std::vector<std::string> secrets = {boot->agent_token, boot->path_token};
  const AgentCommand told = TRY(client.start("log.collect_system_logs", Json::object(), ""));
  if (told.status != AgentCommand::Status::succeeded) return told.error;
  const AgentLogLimits limits;
  const auto outcome = std::make_shared<LogOutcome>();
  const auto waited = sys::await<bool>(bench.sys.loop, [&](std::function<void(Result<bool>)> done) {
    auto work = [outcome, secrets, limits, packed = told.result["system_logs"].string()] {
      outcome->text = agent_log_text(packed, secrets, limits.bytes_per_log);
    };
    bench.sys.offload.run(std::move(work), [done = std::move(done)] { done(true); });
  });
  if (!waited) return waited.error();
  const std::string text = TRY(std::move(outcome->text));
  return AgentLogs(bench.sys, bench.options.agent_log_dir, limits).keep(run.host.ns, run.host.name, what, text);
}

// Fetches the agent's log when its work has ended, well or not.
Result<Progress> with_log(Run& run, const std::string& work, Result<Progress> done) {
  if (run.bench.options.agent_log_dir.empty() || (done && (done->needs_boot || done->ready_to_write))) return done;
  if (!done && done.error().code == Code::cancelled) return done;
  if (!run.bench.agent_alive(run.host.uid, run.operation.boot_id)) return done;
  const auto kept = keep_log(run, work + (done ? "-done" : "-failed"));
  if (!kept && kept.error().code == Code::cancelled) return base::cancelled();
  if (!kept) base::log::info("no log of the agent", {{"host", run.host.name}, {"error", kept.error().text()}});
  return done;
}

int share(const Json& result, int from, int to) {
  const int64_t percent = std::clamp<int64_t>(result["percent"].integer(), 0, 100);
  return from + static_cast<int>((to - from) * percent / 100);
}

// A sums file may be out of reach for a moment, which is no reason to give the provision up.
Result<ImageDigest> checksum_of(Run& run, const ImageRequest& image) {
  const EngineLimits& limits = run.bench.options.limits;
  for (int attempt = 1;; ++attempt) {
    auto digest = resolve_checksum(run.bench.sys.loop, run.bench.site, image, run.bench.options.checksum);
    if (digest || !passing(digest.error()) || attempt >= limits.fetch_tries) return digest;
    run.step("resolving the image checksum", 2,
             Wait{Layer::agent, digest.error().message, "check that the manager reaches the checksum URL"});
    TRY(run.sleep(limits.fetch_retry_gap));
  }
}

Progress needs_boot() {
  Progress progress = Progress::working("ordering a boot of the deploy agent");
  progress.needs_boot = true;
  return progress;
}

}  // namespace

Result<Json> run_on_agent(Run& run, const std::string& name, Json params, base::Duration limit,
                          const std::function<void(const Json&)>& at, const std::function<Result<void>()>& allowed) {
  auto client = TRY(client_of(run));
  AgentCommand command = TRY(insist(
      run, [&] { return client.start(name, params, run.operation.id); }, allowed));
  const base::Time until = run.bench.sys.loop.now() + limit;
  while (command.status == AgentCommand::Status::running) {
    at(command.result);
    if (run.bench.sys.loop.now() >= until) {
      return Error{Code::timeout, name + " did not end in time", Layer::agent, "look at the server's console"};
    }
    run.worker->agent_event.clear();
    const auto waited = run.worker->agent_event.wait_for(run.bench.options.limits.agent_poll);
    if (!waited && waited.error().code != Code::timeout) return Error(waited.error());
    command = TRY(insist(run, [&] { return client.find(command.id); }));
  }
  if (command.status == AgentCommand::Status::failed) return command.error;
  return command.result;
}

Result<const Inventory*> agent_inventory(Run& run) {
  auto& worker = *run.worker;
  if (worker.inventory_boot == run.operation.boot_id) return &worker.inventory;
  const AgentKind kind = kind_of(run);
  AgentOrder order = inventory_order(kind);
  const Json result =
      TRY(run_on_agent(run, order.name, std::move(order.params), base::minutes(10), [](const Json&) {}));
  worker.inventory = TRY(read_inventory(inventory_of(kind, result), run.host.boot_mac));
  worker.inventory_boot = run.operation.boot_id;
  return &worker.inventory;
}

namespace {

Result<Progress> inspect(Run& run) {
  if (!TRY(ensure_agent(run, 5, 80))) return needs_boot();
  run.step("collecting the inventory", 85);
  run.worker->inventory_boot.clear();  // what was found before is what is being replaced
  const Inventory* inventory = TRY(agent_inventory(run));
  const auto& mac = run.host.boot_mac;
  if (!mac.empty() && std::find(inventory->macs.begin(), inventory->macs.end(), mac) == inventory->macs.end()) {
    return Error{Code::conflict, "the inspected server has no NIC with boot MAC " + mac, Layer::agent,
                 "correct spec.bootMACAddress or spec.bmc.address: they belong to different servers"};
  }
  Progress progress = Progress::done();
  progress.hardware = std::make_shared<api::HardwareDetails>(inventory->hardware);
  progress.powered_on = true;
  return progress;
}

Result<Progress> clean(Run& run, CleanMode mode) {
  if (!TRY(ensure_agent(run, 5, 60))) return needs_boot();
  const Inventory* inventory = TRY(agent_inventory(run));
  const bool whole = mode == CleanMode::disk;
  const auto left_alone = strange_disks(*inventory, TRY(run.facts()));
  for (const InventoryDisk* disk : left_alone) {
    base::log::warn("a disk that was not there at inspection is left alone",
                    {{"host", run.host.name}, {"disk", disk->name}, {"serial", disk->serial}});
  }
  AgentOrder order = clean_order(run.host.uid, whole, left_alone);
  const std::string text = whole ? "erasing the disks" : "erasing partition tables and signatures";
  run.step(text, 60);
  base::log::info("asking the agent to wipe disks",
                  {{"host", run.host.name}, {"whole", whole}, {"operation", run.operation.id}});
  const auto& limits = run.bench.options.limits;
  TRY(run_on_agent(
      run, order.name, std::move(order.params), whole ? limits.clean_disk : limits.clean_metadata,
      [&](const Json& result) { run.step(text, share(result, 60, 95)); },
      [&] { return run.guard(Act::wipe, inventory); }));
  return Progress::done();
}

// Only our agent knows block maps; a stock ramdisk downloads for itself.
bool takes_block_maps(Run& run) { return run.bench.images && kind_of(run) == AgentKind::ours; }

// Ours does it when it writes. The system starts without an entry too, from the disk that the BMC is told to boot.
Result<void> make_boot_entry(Run& run) {
  if (kind_of(run) == AgentKind::ours || !run.host.uefi) return {};
  AgentOrder order = boot_entry_order();
  const auto made = run_on_agent(run, order.name, std::move(order.params), base::minutes(10), [](const Json&) {});
  if (made) return {};
  if (made.error().code == Code::cancelled) return base::cancelled();
  base::log::warn("the agent made no boot entry", {{"host", run.host.name}, {"error", made.error().text()}});
  return {};
}

// Makes the host's order one for the manager's copy of the image, which stays for as long as the result is held.
Result<ImageCache::Hold> from_the_cache(Run& run, const ImageRequest& image, const ImageDigest& digest, Json& order) {
  auto held = TRY(run.bench.images->get(image.url, digest, image.format, [&run](const std::string& what) {
    run.step("waiting for the image cache: " + what, 40);
  }));
  ExpectedBoot* boot = run.bench.boots.find(run.host.uid);
  if (!boot) return Error{Code::unavailable, "the host's boot has ended meanwhile", Layer::agent};
  boot->image_key = held->key;
  order.set("urls", Json::array({image_url(run.bench.endpoint.place(), *boot)}));
  order.set("os_hash_algo", "sha256").set("os_hash_value", held->sha256).set("disk_format", "block map");
  return held;
}

// A host that got bad bytes from the cache: if they are bad on our disk, the next attempt gets others.
Error with_cache_checked(Run& run, const ImageCache::Hold& held, Error error) {
  if (!held || error.code != Code::corrupt || run.bench.images->still_good(*held)) return error;
  return Error{Code::unavailable, "the image cache's copy was damaged and is removed (" + error.message + ")",
               Layer::controller,
               "nothing: it is downloaded again; if this repeats, replace the disk of --image-cache"};
}

// An image that cannot be had, is of another kind or too large is noticed before the disk is touched.
Result<void> look_first(Run& run, const AgentOrder& write) {
  if (kind_of(run) != AgentKind::ours) return {};
  AgentOrder order = look_order(write);
  const auto seen = run_on_agent(run, order.name, std::move(order.params), base::minutes(30), [](const Json&) {});
  if (!seen && seen.error().code == Code::bad_request) return {};  // a ramdisk older than the manager cannot look
  return seen ? Result<void>() : seen.error();
}

Result<Progress> provision(Run& run, const ProvisionRequest& request) {
  auto& bench = run.bench;
  run.step("resolving the image checksum", 2);
  const ImageDigest digest = TRY(checksum_of(run, request.image));
  const std::string drive = TRY(pack_config_drive(request.config_drive));
  if (bench.images) bench.images->begin(request.image.url, digest, request.image.format);  // while the server starts
  if (!TRY(ensure_agent(run, 5, 40))) return needs_boot();
  const Inventory* inventory = TRY(agent_inventory(run));
  const InventoryDisk disk = TRY(choose_root_disk(inventory->disks, request.root_device));
  Json image = Json::object({{"id", run.operation.id}, {"urls", Json::array({request.image.url})}});
  image.set("os_hash_algo", digest.algorithm).set("os_hash_value", digest.value);
  if (!request.image.format.empty()) image.set("disk_format", request.image.format);
  ImageCache::Hold held;
  if (takes_block_maps(run)) held = TRY(from_the_cache(run, request.image, digest, image));
  AgentOrder order = TRY(write_order(kind_of(run), run.host.uid, std::move(image), disk, drive));
  const std::string text = "writing the image to " + disk.name;
  run.step(text, 40);
  if (run.operation.milestone == Milestone::ordered) {
    TRY(run.guard(Act::aim_image, inventory, &disk));
    TRY(look_first(run, order));
    Progress progress = Progress::working(text, 40);
    progress.ready_to_write = true;
    return progress;
  }
  base::log::info("asking the agent to write the image",
                  {{"host", run.host.name}, {"disk", disk.name}, {"operation", run.operation.id}});
  const auto wrote = run_on_agent(
      run, order.name, std::move(order.params), bench.options.limits.write_image,
      [&](const Json& result) { run.step(text, share(result, 40, 90)); },
      [&] { return run.guard(Act::write_image, inventory, &disk); });
  if (!wrote) return with_cache_checked(run, held, wrote.error());
  TRY(make_boot_entry(run));
  return Progress::done();
}

}  // namespace

Result<Progress> inspect_job(Run& run) { return with_log(run, "inspect", inspect(run)); }
Result<Progress> clean_job(Run& run, CleanMode mode) { return with_log(run, "clean", clean(run, mode)); }
Result<Progress> provision_job(Run& run, const ProvisionRequest& request) {
  if (!run.host.live_iso.empty()) return attach_live_iso_job(run);
  return with_log(run, "provision", provision(run, request));
}

namespace {

// Ends the agent by the BMC when it does not do so itself. Only called while it is known that the agent, not an
// operating system, is what runs.
Result<void> restart_by_bmc(Run& run) {
  TRY(run.guard(Act::boot_disk));
  const bool on = TRY(run.powered_on());
  const PowerAction action = on ? PowerAction::reset : PowerAction::on;
  return run.insist("restart", [action](Bmc& bmc) { return bmc.set_power(action); });
}

constexpr base::Duration restart_limit = base::minutes(2);

// A stock agent says RUNNING and may fail after that, which would leave the ramdisk running for ever. False: it failed.
Result<bool> follow_restart(Run& run, AgentClient& client, AgentCommand command) {
  const base::Time until = run.bench.sys.loop.now() + restart_limit;
  while (command.status == AgentCommand::Status::running && run.bench.sys.loop.now() < until) {
    run.worker->agent_event.clear();  // it tells the end of a command, and is gone soon after
    const auto waited = run.worker->agent_event.wait_for(base::seconds(2));
    if (!waited && waited.error().code != Code::timeout) return Error(waited.error());
    auto now = client.find(command.id);
    if (!now && now.error().code == Code::cancelled) return base::cancelled();
    if (!now) return true;  // gone
    command = std::move(*now);
  }
  const bool hangs = command.status == AgentCommand::Status::running && kind_of(run) == AgentKind::ours;
  if (command.status == AgentCommand::Status::failed || hangs) {
    base::log::warn("the agent did not restart the server", {{"host", run.host.name}, {"error", command.error.text()}});
    return false;
  }
  if (const std::string& why = command.result["kexec_refused"].string(); !why.empty()) {
    base::log::warn("the host restarts through its firmware", {{"host", run.host.name}, {"reason", why}});
  } else if (command.result.has("kexec")) {
    base::log::info("the host goes on with its own kernel",
                    {{"host", run.host.name}, {"kernel", command.result["kexec"]["kernel"].string()}});
  }
  return true;
}

// Whether the agent may start what it wrote without the firmware, which then has to have nothing to do: Secure Boot is
// in force after a restart only.
bool may_kexec(Run& run) {
  if (kind_of(run) != AgentKind::ours || !run.host.kexec.value_or(run.bench.options.kexec)) return false;
  if (run.host.secure_boot) base::log::info("Secure Boot needs a restart", {{"host", run.host.name}});
  return !run.host.secure_boot;
}

// Tells the agent to start the system on the disk. False: it refused, or went silent before it can have been told, so
// the ramdisk still runs. An order whose answer was lost counts once the agent is gone: restarting the server then
// would cut off the first start of its operating system.
Result<bool> send_away(Run& run) {
  auto client = TRY(client_of(run));
  const bool kexec = may_kexec(run);
  if (kexec) run.step("starting the system without another pass through the firmware", 96);
  bool may_know = false;
  while (run.bench.agent_alive(run.host.uid, run.operation.boot_id)) {
    const auto reached = client.find("none");
    if (reached || !passing(reached.error())) {
      Json params = Json::object();
      if (kexec) params.set("kexec", true);
      const auto told = client.start("standby.run_image", std::move(params), run.operation.id);
      if (told && (kexec || kind_of(run) == AgentKind::stock)) return follow_restart(run, client, std::move(*told));
      if (told) return told->status != AgentCommand::Status::failed;
      if (told.error().code == Code::cancelled) return base::cancelled();
      if (!passing(told.error())) return false;
      may_know = may_know || told.error().code != Code::conflict;
    }
    TRY(run.sleep(base::seconds(5)));
  }
  return may_know;
}

}  // namespace

Result<Progress> boot_disk_job(Run& run) {
  if (!run.host.live_iso.empty()) return boot_live_iso_job(run);
  auto& bench = run.bench;
  run.step("switching the boot device to disk", 92);
  TRY(run.guard(Act::boot_disk));
  const BmcBootMethod method = TRY(parse_bmc_address(run.host.bmc_address)).boot;
  const bool known_here = run.worker->booted.count(run.operation.boot_id) > 0;
  bool agent = bench.agent_alive(run.host.uid, run.operation.boot_id);
  if (!agent && !known_here && !run.operation.boot_id.empty()) {
    // A restarted manager: the order to reboot may or may not have been given. An agent that is still there beats; a
    // server that has left it must not be restarted while its operating system starts for the first time.
    bench.boots.expect(run.host.uid, run.operation.boot_id, run.host.name, run.host.boot_mac, method);
    const base::Time until = bench.sys.loop.now() + bench.options.limits.agent_silence;
    while (!agent && bench.sys.loop.now() < until && TRY(run.powered_on())) {
      run.worker->agent_event.clear();
      const auto waited = run.worker->agent_event.wait_for(base::seconds(20));
      if (!waited && waited.error().code != Code::timeout) return Error(waited.error());
      agent = bench.agent_alive(run.host.uid, run.operation.boot_id);
    }
  }
  TRY(run.insist("setting the boot device",
                 [&](Bmc& bmc) { return bmc.set_boot(BootDevice::disk, true, run.host.uefi); }));
  TRY(with_secure_boot(run));
  run.step("starting from disk", 96);
  TRY(run.guard(Act::boot_disk));
  if (agent) {
    if (!TRY(send_away(run))) TRY(restart_by_bmc(run));
  } else if (!TRY(run.powered_on())) {
    TRY(run.insist("power on", [](Bmc& bmc) { return bmc.set_power(PowerAction::on); }));
  } else if (known_here) {
    TRY(restart_by_bmc(run));  // its agent went silent under our eyes: it is still the ramdisk that runs
  }
  bench.boots.drop(run.host.uid);
  run.worker->inventory_boot.clear();
  if (method == BmcBootMethod::virtual_media) {
    // The server runs without it; a drive that keeps it is no reason to fail.
    const auto ejected = run.insist("ejecting the boot image", [](Bmc& bmc) { return bmc.eject_media(); });
    if (!ejected && ejected.error().code == Code::cancelled) return base::cancelled();
  }
  Progress progress = Progress::done();
  if (run.host.secure_boot) progress.secure_boot = TRY(secure_boot_after(run));
  TRY(run.bmc())->close();
  progress.powered_on = true;
  return progress;
}

}  // namespace metal
