// Getting the deploy agent to answer: the one that runs already, or by booting the ramdisk.
#include <algorithm>

#include "base/log.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

// One thing that has to be seen on the way up, and what it means when it is not.
struct Stage {
  std::string waiting;  // cause of the wait
  std::string next;
  std::function<bool(const ExpectedBoot&)> reached;
  base::Duration limit;
  Layer layer;
  std::string missing, fix;                                          // the error
  std::function<std::string(const ExpectedBoot&)> so_far = nullptr;  // said in front of `waiting`
};

// The way from the first DHCP packet to the boot script, as far as it was seen.
std::string loaded_so_far(const ExpectedBoot& boot) {
  std::string out = "DHCP answered";
  if (!boot.address.empty()) out += " (" + boot.address + ", " + std::to_string(boot.dhcp_packets) + " packets)";
  if (boot.loader_file.empty()) return out;
  if (boot.loader_fetched) return out + ", " + boot.loader_file + " loaded";
  const uint64_t percent = boot.loader_bytes * 100 / std::max<uint64_t>(boot.loader_size, 1);
  return out + ", " + std::to_string(percent) + " % of " + boot.loader_file + " loaded by TFTP";
}

std::string refused_from(const ExpectedBoot& boot) {
  const std::string what = boot.refused.text();
  return what.empty() ? "" : " (refused of it: " + what + ")";
}

std::vector<Stage> stages_of(const HostAccess& host, const EngineLimits& limits, BmcBootMethod method,
                             const BootPlace& place) {
  std::vector<Stage> stages;
  if (method == BmcBootMethod::ipxe) {
    stages.push_back(
        {"firmware starts, no DHCP request from " + host.boot_mac + " yet", "answer DHCP",
         [](const ExpectedBoot& boot) { return boot.dhcp_seen || boot.script_fetched; }, limits.firmware,
         Layer::network_boot, "no DHCP request from boot MAC " + host.boot_mac + " after power-on",
         "check spec.bootMACAddress, the boot order, and that DHCP requests get here from the provisioning network"});
    stages.push_back({", boot script not fetched yet", "hand out the boot script",
                      [](const ExpectedBoot& boot) { return boot.script_fetched.has_value(); }, limits.fetch,
                      Layer::network_boot, "the server got an address but never fetched its boot script",
                      "check that the provisioning network reaches " + place.boot_url, loaded_so_far});
    if (!host.boot_image) {  // nobody tells us how far files from elsewhere have come
      stages.push_back({"boot script fetched, kernel and initrd not yet", "serve kernel and initrd",
                        [](const ExpectedBoot& boot) { return boot.kernel_fetched && boot.initrd_fetched; },
                        limits.fetch, Layer::network_boot,
                        "the server fetched its boot script but not the whole ramdisk",
                        "check that the provisioning network reaches " + place.boot_url});
    }
  } else if (!host.boot_image) {
    stages.push_back({"firmware starts, the ISO image is not read yet", "serve the ISO image",
                      [](const ExpectedBoot& boot) { return boot.iso_fetched.has_value(); }, limits.firmware,
                      Layer::bmc, "the BMC accepted the boot image but never fetched it",
                      "check that the BMC reaches " + place.boot_url});
  }
  // Nobody tells us when an ISO image from elsewhere has been read.
  const bool foreign_iso = method != BmcBootMethod::ipxe && host.boot_image;
  stages.push_back(
      {foreign_iso ? "firmware starts, the agent has not called yet" : "ramdisk loaded, the agent has not called yet",
       "answer the agent's lookup", [](const ExpectedBoot& boot) { return boot.looked_up || boot.last_heartbeat; },
       foreign_iso ? limits.firmware + limits.agent_start : limits.agent_start, Layer::agent,
       "the ramdisk was loaded but its agent never called",
       "check that the server's network reaches " + place.provisioning_url + "; look at its console"});
  stages.push_back({"the agent looked us up, no heartbeat yet", "take the heartbeat",
                    [](const ExpectedBoot& boot) { return boot.last_heartbeat.has_value(); }, limits.agent_start,
                    Layer::agent, "the agent looked us up but sends no heartbeat",
                    "look at the server's console for the agent's errors"});
  return stages;
}

Result<void> follow(Run& run, const std::vector<Stage>& stages, int percent_from, int percent_to) {
  auto& loop = run.bench.sys.loop;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const int percent =
        percent_from + (percent_to - percent_from) * static_cast<int>(i + 1) / static_cast<int>(stages.size() + 1);
    const base::Time until = loop.now() + stage.limit;
    const base::Time late = loop.now() + stage.limit / 2;  // from then on its console may explain it
    for (;;) {
      const ExpectedBoot* boot = run.bench.boots.find(run.host.uid);
      if (!boot || boot->boot_id != run.operation.boot_id) return base::cancelled();
      if (boot->last_heartbeat || stage.reached(*boot)) break;
      const base::Duration left = until - loop.now();
      const std::string refused = refused_from(*boot);
      const bool is_late = loop.now() >= late;
      const std::string shown = is_late ? console_says(*run.worker) : "";
      if (left <= base::Duration::zero())
        return Error{Code::timeout, stage.missing + refused + shown, stage.layer, stage.fix};
      run.step(
          "booting the deploy agent", percent,
          Wait{stage.layer, (stage.so_far ? stage.so_far(*boot) : "") + stage.waiting + refused + shown, stage.next});
      run.worker->agent_event.clear();
      const auto waited = run.worker->agent_event.wait_for(is_late ? left : late - loop.now());
      if (!waited && waited.error().code != Code::timeout) return waited;
    }
  }
  return {};
}

}  // namespace

Result<void> stop_server(Run& run) {
  if (!TRY(run.powered_on())) return {};
  TRY(run.guard(Act::boot_agent));
  if (!run.host.power_off_allowed) return {};  // restarted below instead
  run.step("powering off before the boot", 2);
  TRY(run.insist("power off", [](Bmc& bmc) { return bmc.set_power(PowerAction::off); }));
  return run.wait_power(false, run.bench.options.limits.power_change);
}

namespace {

Result<void> aim_boot(Run& run, BmcBootMethod method, const std::string& iso) {
  run.step("setting the boot device", 4);
  switch (method) {
    case BmcBootMethod::virtual_media:
      TRY(run.insist("inserting the boot image", [&](Bmc& bmc) { return bmc.insert_media(iso); }));
      return run.insist("setting the boot device",
                        [&](Bmc& bmc) { return bmc.set_boot(BootDevice::cd, false, run.host.uefi); });
    case BmcBootMethod::uefi_http:
      return run.insist("setting the boot device",
                        [&](Bmc& bmc) { return bmc.set_boot(BootDevice::uefi_http, false, run.host.uefi, iso); });
    case BmcBootMethod::ipxe:
      return run.insist("setting the boot device",
                        [&](Bmc& bmc) { return bmc.set_boot(BootDevice::pxe, false, run.host.uefi); });
  }
  return {};
}

// The ramdisk's loaders are not signed for every firmware. What is deployed gets Secure Boot again at its own start.
Result<void> without_secure_boot(Run& run) {
  if (!run.host.secure_boot) return {};
  return run.insist("switching Secure Boot off for the deploy agent", [](Bmc& bmc) -> Result<void> {
    auto told = bmc.secure_boot();
    if (!told && told.error().code == Code::unsupported) return {};  // nor was it ever switched on
    const auto state = TRY(std::move(told));
    if (state != SecureBootState::on && state != SecureBootState::coming) return {};
    return bmc.set_secure_boot(false);
  });
}

// Ends whatever runs on the server and boots the ramdisk. The guard is asked before the power goes off and again
// before it comes on, because minutes lie between.
Result<void> boot_ramdisk(Run& run, BmcBootMethod method, int percent_from, int percent_to) {
  auto& bench = run.bench;
  if (method == BmcBootMethod::ipxe && run.host.boot_mac.empty()) {
    return Error{Code::invalid, "network boot needs spec.bootMACAddress", Layer::network_boot,
                 "set spec.bootMACAddress, or use a virtual media BMC address"};
  }
  if (method == BmcBootMethod::ipxe && !bench.dhcp && !bench.dhcp6) {
    return Error{Code::invalid, "network boot is not configured", Layer::network_boot,
                 "start the manager with a DHCP range, or use a virtual media BMC address"};
  }
  if (run.host.network_data_error) return *run.host.network_data_error;
  TRY(run.guard(Act::boot_agent));
  TRY(stop_server(run));
  TRY(without_secure_boot(run));
  ExpectedBoot& boot =
      bench.boots.expect(run.host.uid, run.operation.boot_id, run.host.name, run.host.boot_mac, method);
  boot.network_data = run.host.network_data;
  boot.image = run.host.boot_image;
  const bool foreign_iso = method != BmcBootMethod::ipxe && boot.image;
  TRY(aim_boot(run, method, foreign_iso ? boot.image->iso_url : iso_url(bench.endpoint.place(), boot)));
  TRY(run.guard(Act::boot_agent));
  run.step("powering on", 6);
  console_of_new_boot(*run.worker);
  const bool still_on = TRY(run.powered_on());
  const PowerAction start = still_on ? PowerAction::reset : PowerAction::on;
  TRY(run.insist("power on", [start](Bmc& bmc) { return bmc.set_power(start); }));
  TRY(run.wait_power(true, bench.options.limits.power_change));
  // Not before: what looks up while the server is off is somebody else.
  if (ExpectedBoot* on = bench.boots.find(run.host.uid); on && foreign_iso) on->gives_token = true;
  run.worker->power_reading = PowerReading{true, bench.sys.loop.now()};
  TRY(run.bmc())->close();
  return follow(run, stages_of(run.host, bench.options.limits, method, bench.endpoint.place()), percent_from,
                percent_to);
}

// After a restart of the manager: the agent may be running or the server may be on its way up. Waits for it, without
// touching the server. False when it is not there.
Result<bool> reattach(Run& run, BmcBootMethod method) {
  auto& bench = run.bench;
  bench.boots.expect(run.host.uid, run.operation.boot_id, run.host.name, run.host.boot_mac, method);
  if (!TRY(run.powered_on())) return false;
  const base::Time until = bench.sys.loop.now() + bench.options.limits.reattach;
  while (!bench.agent_alive(run.host.uid, run.operation.boot_id)) {
    const base::Duration left = until - bench.sys.loop.now();
    if (left <= base::Duration::zero()) return false;
    run.step("looking for the running agent", 5,
             Wait{Layer::agent, "the manager was restarted and waits for the agent's next heartbeat",
                  "boot the agent again if none comes"});
    run.worker->agent_event.clear();
    const auto waited = run.worker->agent_event.wait_for(left);
    if (!waited && waited.error().code != Code::timeout) return Error(waited.error());
  }
  return true;
}

}  // namespace

Result<bool> ensure_agent(Run& run, int percent_from, int percent_to) {
  auto& worker = *run.worker;
  const std::string& boot_id = run.operation.boot_id;
  if (run.bench.agent_alive(run.host.uid, boot_id)) return true;
  const BmcBootMethod method = TRY(parse_bmc_address(run.host.bmc_address)).boot;
  if (worker.booted.count(boot_id)) {
    // Booted by this process and silent now: a new boot must be ordered, under a new id, so that the old agent's token
    // is worth nothing from then on.
    run.bench.boots.drop(run.host.uid);
    return false;
  }
  const bool fresh = worker.boot_asked && worker.replaced_boot != boot_id;
  if (!fresh) {
    if (TRY(reattach(run, method))) {
      worker.booted.insert(boot_id);
      return true;
    }
    run.bench.boots.drop(run.host.uid);
    return false;
  }
  worker.boot_asked = false;
  worker.booted.insert(boot_id);
  auto booted = boot_ramdisk(run, method, percent_from, percent_to);
  if (!booted) {
    if (booted.error().code != Code::cancelled) run.bench.boots.drop(run.host.uid);
    return std::move(booted).error();
  }
  return true;
}

}  // namespace metal
