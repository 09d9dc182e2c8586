#include "cli/serve.h"

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "cli/manager.h"
#include "cli/session.h"
#include "server/admission/webhook_client.h"
#include "sim/rack_process.h"
#include "sys/fiber.h"
#include "wire/yaml.h"

namespace cli {

using base::Result;
using sys::Address;

namespace {

constexpr size_t keys_of_two_clusters = 8;
constexpr auto keys_delay = base::seconds(15);  // starting comes first, and who only starts shortly needs none

// Parks until a signal cancels the main fiber.
void wait_for_stop(sys::Loop& loop) {
  sys::Signal never(loop);
  (void)never.wait();
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

Result<ManagerOptions> manager_options(sys::Sys& sys, const ServeFlags& flags) {
  ManagerOptions out;
  out.data_dir = flags.data_dir;
  out.listen = TRY(Address::parse(flags.listen).context("--listen"));
  out.names = flags.names;
  out.proxies = flags.proxies;
  for (const auto& text : flags.service_addresses) {
    out.services.insert(TRY(server::parse_service_address(text).context("--service-address")));
  }
  out.endpoint.provisioning_listen = TRY(Address::parse(flags.agent_listen).context("--agent-listen"));
  out.endpoint.boot_listen = TRY(Address::parse(flags.boot_listen).context("--boot-listen"));
  out.endpoint.provisioning_url = flags.agent_url;
  out.endpoint.boot_url = flags.boot_url;
  out.endpoint.allow_loopback_agents = flags.allow_loopback_agents;
  out.endpoint.ramdisk_dir = flags.ramdisk;
  out.endpoint.kernel_arguments = flags.kernel_arguments;
  TRY(apply_boot_flags(sys.disk, flags.boot, out));
  if (!flags.site_ca.empty()) out.site_ca_pem = TRY(sys.disk.read(flags.site_ca).context("--site-ca"));
  out.allow_md5 = flags.allow_md5;
  out.image_cache.directory = flags.image_cache;
  out.image_cache.bytes_max = flags.image_cache_gib << 30;
  out.kexec = flags.kexec;
  out.bmc_events = flags.bmc_events;
  out.capture_consoles = flags.capture_consoles;
  out.limits = metal::scaled({}, flags.rack_speed);
  TRY(apply_api_flags(sys, flags.api, out));
  TRY(apply_stock_flags(flags.stock, out));
  TRY(apply_store_flags(flags.store, out));
  return out;
}

Result<void> run_manager(sys::RealSystem& system, ManagerOptions options, const ServeFlags& flags) {
  sys::Sys& sys = system.sys();
  sys::Signal stop(sys.loop);
  Manager manager(sys, std::move(options));
  TRY(manager.start());
  say("ingot serves the Kubernetes API at " + manager.url());
  say("  export KUBECONFIG=" + flags.data_dir + "/admin.kubeconfig");
  // From here on a signal does not cancel this fiber: it still has to give the lead back.
  system.on_stop_signal([&stop] { stop.set(); });
  TRY(stop.wait());
  say("stopping");
  manager.stop();
  // What still runs uses the manager, so it ends first.
  sys.loop.shut();
  return {};
}

// On another API server: starting takes until this process gets the lease, and ending gives it back.
Result<void> run_on_stock(sys::RealSystem& system, ManagerOptions options) {
  sys::Sys& sys = system.sys();
  sys::Signal news(sys.loop);
  bool stop = false, lost = false, told = false;
  std::optional<Result<void>> started;
  system.on_stop_signal([&] {
    stop = true;
    news.set();
  });
  options.lost = [&] {
    lost = true;
    news.set();
  };
  Manager manager(sys, std::move(options));
  auto starting = sys::spawn(sys.loop, "start", [&] {
    started = manager.start();
    news.set();
  });
  while (!stop && !lost && !(started && !started->ok())) {
    TRY(news.wait());
    news.clear();
    if (!started || !started->ok() || told) continue;
    told = true;
    say("ingot runs its controllers on the Kubernetes API at " + manager.url());
  }
  if (!started) starting.cancel();
  (void)starting.join();
  if (stop) say("stopping");
  manager.stop();
  sys.loop.shut();
  if (stop) return {};
  if (lost) {
    return base::Error{base::Code::unavailable, "another process may hold the lease now", base::Layer::controller,
                       "start it again: it waits for its turn"};
  }
  return std::move(*started);
}

Result<sim::QemuOptions> qemu_options(sys::Sys& sys, const RackFlags& flags) {
  sim::QemuOptions out;
  out.accelerator = flags.qemu_accelerator;
  out.tap_prefix = flags.qemu_tap;
  out.memory_mib = flags.qemu_memory_mib;
  out.processors = flags.qemu_processors;
  out.disk_bytes = flags.qemu_disk_gib << 30;
  if (!flags.qemu_firmware.empty()) out.firmware_code = flags.qemu_firmware;
  if (!flags.qemu_variables.empty()) out.firmware_variables = flags.qemu_variables;
  for (const auto& path : {out.firmware_code, out.firmware_variables}) {
    if (sys.disk.exists(path)) continue;
    return base::not_found("there is no UEFI firmware " + path)
        .with_fix("install the package ovmf, or name the files with --qemu-firmware and --qemu-variables");
  }
  if (flags.speed != 1) {
    return base::invalid("--speed is for simulated servers; those of --qemu take the time they take");
  }
  return out;
}

Result<sim::RackProcessOptions> rack_options(sys::Sys& sys, const RackFlags& flags) {
  sim::RackProcessOptions out;
  out.listen = TRY(Address::parse(flags.listen).context("--listen"));
  out.control = TRY(Address::parse(flags.control).context("--control"));
  for (const auto& file : flags.inventory) {
    const std::string text = TRY(sys.disk.read(file).context("--inventory"));
    for (auto& document : TRY(wire::parse_yaml(text).context(file))) {
      out.rack.inventory.push_back(std::move(document));
    }
  }
  out.rack.speed = flags.speed;
  out.rack.seed = flags.seed;
  if (const auto* profile = sim::bmc_profile(flags.bmc_profile); profile != nullptr) out.rack.bmc_profile = *profile;
  out.rack.disk_directory = flags.data_dir;
  out.rack.image_bytes = flags.image_mebibytes << 20;
  if (!flags.dhcp_server.empty()) {
    out.rack.dhcp_server = TRY(Address::parse(flags.dhcp_server).context("--dhcp-server"));
  }
  if (flags.qemu) out.rack.qemu = TRY(qemu_options(sys, flags));
  return out;
}

Result<void> run_rack(sys::RealSystem& system, const RackFlags& flags) {
  sys::Sys& sys = system.sys();
  TRY(log_to_stderr(sys.loop, flags.log_level));
  auto options = TRY(rack_options(sys, flags));
  options.rack.programs = &system.programs();
  TRY(sys.disk.make_directories(flags.data_dir));
  sim::RackProcess process(sys, options);
  TRY(process.start());
  const std::string rule = "socks5://" + process.proxy().text() + "=" +
                           base::join(sim::rack_destinations(process.rack(), options.rack), ",");
  if (flags.print_proxy_rule) {
    say(rule);
  } else {
    say(std::to_string(process.rack().servers().size()) + " servers are powered; reach them with");
    say("  ingot serve --proxy " + rule);
    say("states, events and faults: http://" + process.control().text());
  }
  wait_for_stop(sys.loop);
  sys.loop.shut();
  return {};
}

Result<void> run_serve(sys::RealSystem& system, const ServeFlags& flags) {
  TRY(log_to_stderr(system.sys().loop, flags.log_level));
  auto options = TRY(manager_options(system.sys(), flags));
  if (options.dhcp) {
    options.dhcp->open_broadcast = [&system](const std::string& interface, uint16_t port) {
      return system.machine().open_broadcast(interface, port);
    };
  }
  if (options.dhcp6) {
    options.dhcp6->open_multicast = [&system](const std::string& interface, const std::string& group, uint16_t port) {
      return system.machine().open_multicast(interface, group, port);
    };
  }
  system.sys().loop.after(keys_delay, [&system] { system.prepare_keys(keys_of_two_clusters); });
  if (options.stock) return run_on_stock(system, std::move(options));
  return run_manager(system, std::move(options), flags);
}

}  // namespace

Result<void> log_to_stderr(sys::Loop& loop, const std::string& level) {
  using base::log::Level;
  if (level == "debug") {
    base::log::set_level(Level::debug);
  } else if (level == "info") {
    base::log::set_level(Level::info);
  } else if (level == "warn") {
    base::log::set_level(Level::warn);
  } else if (level == "error") {
    base::log::set_level(Level::error);
  } else {
    return base::invalid("--log-level must be debug, info, warn or error, not " + base::quoted(level));
  }
  base::log::set_sink([&loop](Level at, std::string_view message, std::initializer_list<base::log::Pair> pairs) {
    std::string line = base::log::json_line(at, message, pairs);
    line.insert(1, "\"time\":\"" + base::rfc3339_micro(loop.now()) + "\",");
    std::fprintf(stderr, "%s\n", line.c_str());
  });
  return {};
}

int serve(sys::RealSystem& system, const ServeFlags& flags) {
  const auto done = run_serve(system, flags);
  base::log::set_sink({});
  return done ? 0 : fail(done.error());
}

int rack(sys::RealSystem& system, const RackFlags& flags) {
  const auto done = run_rack(system, flags);
  base::log::set_sink({});
  return done ? 0 : fail(done.error());
}

}  // namespace cli
