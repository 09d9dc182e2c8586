// ingot-agent: the first process of the deploy ramdisk. It never ends: what goes wrong stays to be read on the console.
#include <cstdio>

#include "agent/agent.h"
#include "agent/linux/linux_hardware.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace {

constexpr size_t log_bytes = 256u << 10;

void log_to_console(sys::Loop& loop, agent::LogRing& said) {
  using base::log::Level;
  base::log::set_sink([&loop, &said](Level at, std::string_view message, std::initializer_list<base::log::Pair> pairs) {
    std::string line = base::log::json_line(at, message, pairs);
    line.insert(1, "\"time\":\"" + base::rfc3339_micro(loop.now()) + "\",");
    std::fprintf(stderr, "ingot-agent: %s\n", line.c_str());
    said.add(line + "\n");
  });
}

void live(sys::RealSystem& system, const agent::LogRing& said) {
  sys::Sys& sys = system.sys();
  for (;;) {
    auto booted = agent::boot_ramdisk(sys, system.machine());
    if (!booted) {
      base::log::error("the ramdisk cannot start", {{"error", booted.error().text()}});
      if (!sys::sleep(sys.loop, base::seconds(30))) return;
      continue;
    }
    const agent::NetworkSettings network = booted->network;
    agent::LinuxHardware hardware(sys, system.machine(), std::move(*booted), said);
    hardware.watch_neighbours();
    agent::Agent agent(sys, hardware);
    agent.start();
    base::log::info("the agent runs", {{"version", agent::agent_version}});
    std::string shown;
    for (const agent::Sysfs sysfs(sys.disk, system.machine()); const auto& nic : sysfs.nics()) {
      if (nic.name != network.interface) continue;
      sys::spawn(sys.loop, "dhcp lease",
                 [&sys, &system, nic, network] { agent::keep_lease(sys, system.machine(), nic, network); });
    }
    for (;;) {  // the console shows what it does
      if (agent.doing() != shown) {
        shown = agent.doing();
        std::fprintf(stderr, "ingot-agent: %s\n", shown.c_str());
      }
      if (!sys::sleep(sys.loop, base::seconds(1))) return;
    }
  }
}

}  // namespace

int main() {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  agent::LogRing said(log_bytes);
  log_to_console(sys.loop, said);
  sys::spawn(sys.loop, "agent main", [&] { live(system, said); });
  sys.loop.run();
  return 1;
}
