#include "cli/bmc_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "cli/serve.h"
#include "cli/session.h"
#include "metal/bmc/bmc.h"
#include "metal/bmc/quirks.h"
#include "net/proxy.h"
#include "sim/bmc/instant_server.h"
#include "sim/bmc/ipmi_front.h"
#include "sim/bmc/redfish_front.h"
#include "sys/fiber.h"

namespace cli {

using base::Json;
using base::Result;

namespace {

constexpr const char* password_variable = "INGOT_BMC_PASSWORD";
constexpr auto task_gap = base::seconds(5);

void say(const std::string& name, const std::string& value) {
  if (!value.empty()) std::printf("%-14s%s\n", (name + ":").c_str(), value.c_str());
}

base::Error usage(const std::string& what) {
  return base::invalid(what).with_fix("ingot bmc --help lists actions and values");
}

Result<metal::PowerAction> power_action(const std::string& word) {
  using Action = metal::PowerAction;
  for (const auto& [name, action] :
       {std::pair{"on", Action::on}, std::pair{"off", Action::off}, std::pair{"soft", Action::soft_off},
        std::pair{"reset", Action::reset}, std::pair{"cycle", Action::cycle}}) {
    if (word == name) return action;
  }
  return usage("power is on, off, soft, reset or cycle, not " + base::quoted(word));
}

Result<metal::BootDevice> boot_device(const std::string& word) {
  using Device = metal::BootDevice;
  for (const auto device : {Device::disk, Device::pxe, Device::cd, Device::uefi_http}) {
    if (word == metal::name_of(device)) return device;
  }
  return usage("boot takes disk, pxe, cd or uefi-http, not " + base::quoted(word));
}

Result<void> accepted(Result<void> done) {
  if (done) std::printf("accepted\n");
  return done;
}

Result<void> tell_info(metal::Bmc& bmc) {
  const auto system = TRY(bmc.connect());
  say("system", system.system_path);
  say("manufacturer", system.manufacturer);
  say("model", system.model);
  say("serial", system.serial);
  say("uuid", system.uuid);
  say("BIOS", system.bios_version);
  say("BMC", system.bmc_version);
  say("power", std::string(name_of(system.power)));
  return {};
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "(not shown)";
  return value.is_string() ? value.string() : value.dump();
}

Result<void> tell_bios(metal::Bmc& bmc) {
  for (const auto& one : TRY(bmc.bios())) {
    std::string line = one.name + " = " + text_of(one.value);
    if (one.pending) line += " (" + text_of(*one.pending) + " after the next reset)";
    if (!one.allowed.empty()) line += "  [" + base::join(one.allowed, ", ") + "]";
    if (one.lower && one.upper) line += "  [" + std::to_string(*one.lower) + " to " + std::to_string(*one.upper) + "]";
    std::printf("%s%s\n", line.c_str(), one.read_only ? "  read-only" : "");
  }
  return {};
}

Result<void> change_bios(metal::Bmc& bmc, const std::vector<std::string>& values) {
  Json wanted = Json::object();
  for (const auto& text : values) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage("BIOS settings are NAME=VALUE, not " + base::quoted(text));
    wanted.set(text.substr(0, equals), text.substr(equals + 1));
  }
  TRY(bmc.set_bios(wanted));
  std::printf("accepted; in force after the next reset\n");
  return {};
}

Result<void> follow(sys::Sys& sys, metal::Bmc& bmc, const std::string& task) {
  using State = metal::BmcTask::State;
  if (task.empty()) {
    std::printf("done\n");
    return {};
  }
  std::string told;
  while (true) {
    const auto now = TRY(bmc.task(task));
    std::string line = now.name + (now.percent >= 0 ? " " + std::to_string(now.percent) + " %" : "");
    if (now.state == State::completed) line = "completed";
    if (now.state == State::unknown) line = "the BMC has forgotten the task: look at the version";
    if (line != told) std::printf("%s\n", line.c_str());
    told = line;
    std::fflush(stdout);
    if (now.state == State::failed) return base::Error{base::Code::unavailable, now.message, base::Layer::bmc};
    if (now.state != State::running) return {};
    TRY(sys::sleep(sys.loop, task_gap));
  }
}

Result<void> firmware(sys::Sys& sys, metal::Bmc& bmc, const std::vector<std::string>& values) {
  if (values.empty()) {
    for (const auto& one : TRY(bmc.firmware_components())) say(one.name, one.version);
    return {};
  }
  if (values.size() != 2) return usage("firmware takes a component and a URL or a file");
  const auto& source = values[1];
  if (source.find("://") != std::string::npos) {
    const auto task = TRY(bmc.update_firmware(values[0], source));
    return follow(sys, bmc, task);
  }
  const auto image = TRY(sys.disk.read(source).context("firmware image"));
  const auto task = TRY(bmc.push_firmware(values[0], source.substr(source.rfind('/') + 1), image));
  return follow(sys, bmc, task);
}

Result<void> sol(metal::Bmc& bmc, const std::vector<std::string>& values) {
  for (const auto& text : values) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      return usage("settings of Serial over LAN are NAME=VALUE, not " + base::quoted(text));
    TRY(bmc.set_console(text.substr(0, equals), text.substr(equals + 1)));
  }
  const auto settings = TRY(bmc.console_settings());
  for (const auto& [name, value] : settings) std::printf("%s=%s\n", name.c_str(), value.c_str());
  return {};
}

Result<void> act(sys::RealSystem& system, metal::Bmc& bmc, const BmcFlags& flags) {
  sys::Sys& sys = system.sys();
  const auto& values = flags.values;
  if (flags.action == "info") return tell_info(bmc);
  if (flags.action == "power") {
    if (!values.empty()) {
      const auto action = TRY(power_action(values[0]));
      TRY(bmc.set_power(action));
    }
    say("power", std::string(name_of(TRY(bmc.power()))));
    return {};
  }
  if (flags.action == "boot") {
    if (values.size() != 1) return usage("boot takes one device");
    const auto device = TRY(boot_device(values[0]));
    return accepted(bmc.set_boot(device, flags.persistent, !flags.legacy, flags.http_boot_uri));
  }
  if (flags.action == "media") {
    if (values.size() != 1) return usage("media takes the URL of an image, or eject");
    return accepted(values[0] == "eject" ? bmc.eject_media() : bmc.insert_media(values[0]));
  }
  if (flags.action == "bios") return values.empty() ? tell_bios(bmc) : change_bios(bmc, values);
  if (flags.action == "firmware") return firmware(sys, bmc, values);
  if (flags.action == "sol") return sol(bmc, values);
  if (flags.action == "console") return run_console(system, bmc, flags.address, flags.console);
  return usage("there is no action " + base::quoted(flags.action));
}

Result<std::string> password_of(sys::Sys& sys, const BmcFlags& flags) {
  if (flags.password_file.empty()) return sys::environment(password_variable);
  const auto text = TRY(sys.disk.read(flags.password_file).context("--password-file"));
  return std::string(base::trim(text));
}

void tell_quirks(metal::Bmc& bmc) {
  for (const auto& name : bmc.quirks()) {
    for (const auto& row : metal::quirk_table()) {
      if (row.name != name) continue;
      std::printf("quirk %s: %s; the driver: %s\n", name.c_str(), std::string(row.behaviour).c_str(),
                  std::string(row.remedy).c_str());
    }
  }
}

void print_quirk_table() {
  for (const auto& row : metal::quirk_table()) {
    std::printf("%s (%s)\n  %s\n  driver: %s\n", std::string(row.name).c_str(), std::string(row.seen_at).c_str(),
                std::string(row.behaviour).c_str(), std::string(row.remedy).c_str());
  }
}

Result<void> drive(sys::RealSystem& system, const BmcFlags& flags) {
  sys::Sys& sys = system.sys();
  TRY(log_to_stderr(sys.loop, flags.log_level));
  std::vector<net::ProxyRule> rules;
  for (const auto& text : flags.proxies) rules.push_back(TRY(net::parse_proxy_rule(text).context("--proxy")));
  const auto site = net::make_proxied_net(sys.loop, sys.net, std::move(rules));
  const auto address = TRY(metal::parse_bmc_address(flags.address));
  const metal::BmcCredentials credentials{flags.user, TRY(password_of(sys, flags))};
  const auto bmc = TRY(metal::make_bmc(sys, *site, address, credentials, !flags.insecure));
  auto done = act(system, *bmc, flags);
  tell_quirks(*bmc);
  bmc->close();
  return done;
}

}  // namespace

void add_bmc(CLI::App& app, BmcFlags& flags) {
  auto* bmc = app.add_subcommand("bmc", "Drive one BMC by hand, and see what is odd about it");
  bmc->footer(
      "Actions:\n  info (default)           who and what answers\n  power [on|off|soft|reset|cycle]\n"
      "  boot disk|pxe|cd|uefi-http\n  media URL|eject\n  bios [NAME=VALUE ...]    read, or change at the next reset\n"
      "  firmware [COMPONENT URL|FILE]   versions, or an update; bios, bmc or nic:ID\n"
      "  console                  the serial console, by IPMI's Serial over LAN; ~. leaves\n"
      "  sol [NAME=VALUE ...]     how it is carried: show, or change (enabled=true)\n"
      "ADDRESS is as in spec.bmc.address of a BareMetalHost; the password comes from $INGOT_BMC_PASSWORD. Afterwards\n"
      "each quirk that the driver met is printed.\nExamples:\n"
      "  INGOT_BMC_PASSWORD=... ingot bmc redfish://10.1.0.7 -u root --insecure\n"
      "  ingot bmc redfish-virtualmedia://10.1.0.7 media http://10.0.0.5/x.iso\n  ingot bmc ipmi://10.1.0.8 power on");
  bmc->add_option("ADDRESS", flags.address, "Of the BMC");
  bmc->add_option("ACTION", flags.action, "What to do")->capture_default_str();
  bmc->add_option("VALUE", flags.values, "Of the action");
  bmc->add_option("-u,--user", flags.user, "User name")->capture_default_str();
  bmc->add_option("--password-file", flags.password_file, "Instead of $INGOT_BMC_PASSWORD")->check(CLI::ExistingFile);
  bmc->add_flag("--insecure", flags.insecure, "Accept any certificate");
  bmc->add_option("--proxy", flags.proxies, "As for ingot serve (repeatable)")->allow_extra_args(false);
  bmc->add_flag("--persistent", flags.persistent, "boot: for every boot, not only the next");
  bmc->add_flag("--legacy", flags.legacy, "boot: BIOS mode, not UEFI");
  bmc->add_option("--http-boot-uri", flags.http_boot_uri, "boot: what uefi-http loads");
  bmc->add_flag("--take-over", flags.console.take_over, "console: even when another session has it");
  bmc->add_flag("--read-only", flags.console.read_only, "console: type nothing");
  bmc->add_option("-o,--output", flags.console.output, "console: append all of it to this file, too");
  bmc->add_flag("--quirks", flags.quirk_table, "Print the table of known quirks and end");
  bmc->add_option("--log-level", flags.log_level, "What goes to stderr, as JSON lines")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  bmc->final_callback([&flags] {
    if (flags.address.empty() && !flags.quirk_table) throw CLI::RequiredError("ADDRESS");
  });
}

int run_bmc(sys::RealSystem& system, const BmcFlags& flags) {
  if (flags.quirk_table) {
    print_quirk_table();
    return 0;
  }
  const auto done = drive(system, flags);
  base::log::set_sink({});
  return done ? 0 : fail(done.error());
}

void add_simulated_bmc(CLI::App& app, SimulatedBmcFlags& flags) {
  auto* bmc = app.add_subcommand("simulate-bmc", "Be one BMC on this machine, with or without the quirks of a vendor");
  std::vector<std::string> names;
  for (const auto& one : sim::bmc_profiles()) names.push_back(one.name);
  bmc->footer(
      "For trying clients against: power, boot device and virtual media are remembered, nothing boots.\nProfiles: " +
      base::join(names, ", "));
  bmc->add_option("--redfish", flags.redfish, "HOST:PORT (HTTPS)")->capture_default_str();
  bmc->add_option("--ipmi", flags.ipmi, "HOST:PORT (UDP)")->capture_default_str();
  bmc->add_option("-u,--user", flags.user, "Its administrator")->capture_default_str();
  bmc->add_option("--password", flags.password, "Its password, at most 20 bytes")->capture_default_str();
  bmc->add_option("--profile", flags.profile, "How it misbehaves; none: not at all")->check(CLI::IsMember(names));
  bmc->add_flag("--plain", flags.plain, "HTTP without TLS");
  bmc->add_option("--log-level", flags.log_level, "What goes to stderr, as JSON lines")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

int run_simulated_bmc(sys::RealSystem& system, const SimulatedBmcFlags& flags) {
  sys::Sys& sys = system.sys();
  const auto done = [&]() -> Result<void> {
    TRY(log_to_stderr(sys.loop, flags.log_level));
    sim::InstantServer server;
    server.add_raid(sys.loop, 4).job_takes = base::seconds(2);
    // Something to see on its console: a prompt, and an echo of what is typed.
    server.serial_.on_keys = [&server](std::string_view keys) {
      for (const char key : keys)
        server.serial_.print(key == '\r' ? "\r\n" + server.identity().name + " login: " : std::string(1, key));
    };
    server.serial_.on_break = [&server] { server.serial_.print("[break]"); };
    server.accounts_ = {{flags.user, flags.password, sim::BmcRole::administrator}};
    sim::RedfishFrontOptions redfish_options;
    redfish_options.listen = TRY(sys::Address::parse(flags.redfish).context("--redfish"));
    redfish_options.tls = !flags.plain;
    sim::IpmiFrontOptions ipmi_options;
    ipmi_options.listen = TRY(sys::Address::parse(flags.ipmi).context("--ipmi"));
    if (const auto* profile = sim::bmc_profile(flags.profile); profile != nullptr) {
      redfish_options.profile = *profile;
      ipmi_options.profile = *profile;
    }
    sim::RedfishFront redfish(sys, sys.net, server, redfish_options);
    sim::IpmiFront ipmi(sys, sys.net, server, ipmi_options);
    TRY(redfish.start());
    TRY(ipmi.start());
    std::printf("Redfish at %s://%s, IPMI at %s\n", flags.plain ? "http" : "https", redfish.local().text().c_str(),
                ipmi.local().text().c_str());
    std::fflush(stdout);
    sys::Signal never(sys.loop);
    (void)never.wait();  // until a signal cancels this fiber
    sys.loop.shut();
    return {};
  }();
  base::log::set_sink({});
  return done ? 0 : fail(done.error());
}

}  // namespace cli
