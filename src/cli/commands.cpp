#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/apiserver.h"
#include "cli/bmc_command.h"
#include "cli/kubeconfig.h"
#include "cli/logs_command.h"
#include "cli/manual.h"
#include "cli/ramdisk_command.h"
#include "cli/serve.h"
#include "cli/session.h"
#include "cli/status.h"
#include "cli/store_commands.h"
#include "cli/why.h"
#include "sim/bmc/profile.h"

namespace cli {

namespace {

constexpr const char* version = "0.1.0";

int print(const std::string& text) {
  std::printf("%s", text.c_str());
  return 0;
}

void add_serve(CLI::App& app, ServeFlags& flags) {
  auto* serve = app.add_subcommand("serve", "Run the manager: Kubernetes API, controllers and bare-metal engine");
  serve->footer(
      "Example:\n  ingot serve --data-dir /var/lib/ingot --listen 10.0.0.5:6443 \\\n"
      "    --agent-listen 10.0.0.5:6385 --boot-listen 10.0.0.5:6180\n"
      "then: export KUBECONFIG=/var/lib/ingot/admin.kubeconfig; kubectl get bmh -A\n\n"
      "Servers must reach --agent-listen and --boot-listen, so both need an address of the provisioning network.\n"
      "Without --dhcp-range or --dhcp-proxy servers boot from virtual media only. One process per data directory; it "
      "may\n"
      "be killed at any time and goes on where it was. Back up ingot.db and, apart from it, ingot.db.key.");
  serve->add_option("--data-dir", flags.data_dir, "Where everything durable lives")->capture_default_str();
  serve->add_option("--listen", flags.listen, "HOST:PORT of the Kubernetes API (HTTPS)")->capture_default_str();
  serve->add_option("--name", flags.names, "A further DNS name or address the API is reached by (repeatable)");
  serve->add_option("--proxy", flags.proxies,
                    "How to reach a site: socks5://[USER:PASSWORD@]HOST:PORT=DEST,... or http://... or direct=DEST; a "
                    "DEST is a CIDR, a name, *.domain or *. The first rule that matches counts (repeatable)");
  serve->add_option("--service-address", flags.service_addresses,
                    "Where a service is that webhooks are configured with: NAMESPACE/NAME[:PORT]=HOST:PORT "
                    "(repeatable)");
  serve->add_option("--agent-listen", flags.agent_listen, "HOST:PORT for deploy agents (HTTPS)")->capture_default_str();
  serve->add_option("--boot-listen", flags.boot_listen, "HOST:PORT for firmware: ISO images and iPXE scripts (HTTP)")
      ->capture_default_str();
  serve->add_option("--ramdisk", flags.ramdisk, "Folder that `ingot ramdisk build` made; none: simulated servers only")
      ->check(CLI::ExistingDirectory);
  serve->add_option("--kernel-arguments", flags.kernel_arguments, "Of the deploy ramdisk, such as console=ttyS0");
  serve->add_option("--agent-url", flags.agent_url, "What servers are told instead of --agent-listen");
  serve->add_option("--boot-url", flags.boot_url, "What servers are told instead of --boot-listen");
  add_boot_flags(*serve, flags.boot);
  serve->add_option("--site-ca", flags.site_ca,
                    "PEM file of roots for https image servers of the manager; default: the system's");
  serve->add_option("--image-cache", flags.image_cache,
                    "Folder where images are kept, so that each is downloaded once; none: servers download themselves");
  serve->add_option("--image-cache-size", flags.image_cache_gib, "The most it may hold, in GiB")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  serve->add_flag(
      "--kexec", flags.kexec,
      "Hosts start the image that was written without another pass through the firmware, where that can be; "
      "the annotation ingot.io/kexec of a host (true, false) decides for it");
  serve->add_flag("--bmc-events", flags.bmc_events,
                  "Listen to BMCs that stream events (Redfish), and ask those for their power state rarely");
  serve->add_flag(
      "--capture-consoles", flags.capture_consoles,
      "Keep what hosts print on their serial consoles while they are worked on (`ingot logs HOST --console`)");
  serve->add_flag("--allow-md5", flags.allow_md5, "Accept md5 image checksums");
  serve->add_flag("--allow-loopback-agents", flags.allow_loopback_agents,
                  "Accept agents on loopback addresses (a simulated rack on this machine)");
  serve
      ->add_option("--rack-speed", flags.rack_speed,
                   "The --speed of a simulated rack: patience with servers is as much shorter")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  serve->add_option("--log-level", flags.log_level, "What goes to stderr, as JSON lines")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  add_api_flags(*serve, flags.api);
  add_stock_flags(*serve, flags.stock);
  add_store_flags(*serve, flags.store);
}

void add_rack(CLI::App& app, RackFlags& flags) {
  auto* rack = app.add_subcommand("rack", "Run simulated servers: BMCs, firmware, disks and the nodes on them");
  rack->footer(
      "Example:\n  ingot rack --inventory samples/inventory-20-servers.yaml --speed 20\n"
      "prints the --proxy rule with which `ingot serve` reaches the servers. Then, with the same speed,\n"
      "  curl -s 127.0.0.1:1081/site-ca > site-ca.pem\n"
      "  ingot serve --proxy RULE --site-ca site-ca.pem --rack-speed 20\n"
      "  kubectl apply -f samples/inventory-20-servers.yaml -f samples/three-clusters.yaml\n"
      "Servers that boot from the network also need --dhcp-server here, and --dhcp-listen and --dhcp-range there.\n"
      "Break things: curl -X POST 127.0.0.1:1081/servers/server-rack1-u07/stop-kubelet");
  rack->add_option("--inventory", flags.inventory, "Manifests with BareMetalHosts and their Secrets")
      ->required()
      ->check(CLI::ExistingFile);
  rack->add_option("--listen", flags.listen, "HOST:PORT of the proxy into the rack's network")->capture_default_str();
  rack->add_option("--control", flags.control, "HOST:PORT to look in and cause faults (HTTP)")->capture_default_str();
  rack->add_option("--data-dir", flags.data_dir, "Where the servers' disks are")->capture_default_str();
  rack->add_option("--dhcp-server", flags.dhcp_server, "HOST:PORT that the rack's DHCP relay sends to");
  rack->add_option("--speed", flags.speed, "How many times faster than real hardware")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  rack->add_option("--seed", flags.seed, "Of everything random in the rack")->capture_default_str();
  rack->add_option("--image-size", flags.image_mebibytes, "MiB of the images it serves")->capture_default_str();
  rack->add_flag("--qemu", flags.qemu, "Servers are QEMU virtual machines with real firmware, disks and consoles");
  rack->add_option("--qemu-tap", flags.qemu_tap,
                   "Server N (from 0) has its first NIC on tap device NAMEN, made beforehand; none: no network");
  rack->add_option("--qemu-accelerator", flags.qemu_accelerator, "tcg works everywhere, kvm is faster")
      ->check(CLI::IsMember({"tcg", "kvm"}))
      ->capture_default_str();
  rack->add_option("--qemu-firmware", flags.qemu_firmware, "UEFI firmware; default: OVMF of Debian's package ovmf");
  rack->add_option("--qemu-variables", flags.qemu_variables, "Fresh UEFI variables for it");
  rack->add_option("--qemu-memory", flags.qemu_memory_mib, "MiB of each server")->capture_default_str();
  rack->add_option("--qemu-processors", flags.qemu_processors, "Of each server")->capture_default_str();
  rack->add_option("--qemu-disk-size", flags.qemu_disk_gib, "GiB of each disk")->capture_default_str();
  std::vector<std::string> profiles;
  for (const auto& one : sim::bmc_profiles()) profiles.push_back(one.name);
  rack->add_option("--bmc-profile", flags.bmc_profile, "All BMCs misbehave as one of `ingot simulate-bmc --help`")
      ->check(CLI::IsMember(profiles));
  rack->add_flag("--print-proxy-rule", flags.print_proxy_rule, "Print only the rule for ingot serve --proxy");
  rack->add_option("--log-level", flags.log_level, "What goes to stderr, as JSON lines")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

void add_status(CLI::App& app, StatusFlags& flags) {
  auto* status = app.add_subcommand("status", "Show hosts, machines and clusters and what each waits for");
  status->footer(
      "Hosts, machines and clusters that need attention come first. WAITING FOR is the cause, or the object that has\n"
      "it (bmh/server-rack1-u07); NEEDS ATTENTION tells each cause once, with the next step and what it holds up.\n"
      "Examples:\n  ingot status\n  ingot status -w -n clusters\n  ingot status --until-ready --timeout 10m\n"
      "Exit status: 0; with --until-ready 1 when not everything is Ready in time.");
  status->add_option("--kubeconfig", flags.kubeconfig, "Default: $KUBECONFIG, ingot-data/admin.kubeconfig");
  status->add_option("-n,--namespace", flags.ns, "Only this namespace; default: all");
  status->add_option("-o,--output", flags.output, "json, yaml or wide")->check(CLI::IsMember({"json", "yaml", "wide"}));
  status->add_flag("-w,--watch", flags.watch, "Keep showing");
  status->add_flag("--until-ready", flags.until_ready,
                   "End with 0 once every cluster is Ready, with 1 after --timeout");
  status->add_option("--timeout", flags.timeout, "For --until-ready")->capture_default_str();
}

void add_why(CLI::App& app, WhyFlags& flags) {
  auto* why = app.add_subcommand("why", "Say why an object waits: the way to the decisive cause, and the next step");
  why->footer(
      "Kinds: cluster, kcp, md, ms, machine, m3m, bmh, or their long names.\n"
      "Examples:\n  ingot why cluster production\n  ingot why bmh server-rack1-u07 -n clusters");
  why->add_option("KIND", flags.kind, "Its kind; KIND/NAME as one word works too")->required();
  why->add_option("NAME", flags.name, "Its name");
  why->add_option("-n,--namespace", flags.ns, "Its namespace; default: where it is found");
  why->add_option("--kubeconfig", flags.kubeconfig, "Default: $KUBECONFIG, ingot-data/admin.kubeconfig");
  why->final_callback([&flags] {
    if (const size_t slash = flags.kind.find('/'); slash != std::string::npos && flags.name.empty()) {
      flags.name = flags.kind.substr(slash + 1);
      flags.kind.resize(slash);
    }
    if (flags.name.empty()) throw CLI::RequiredError("NAME");
  });
}

// What is wrong and which help to read: CLI11 knows the command that was meant.
std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string command = "ingot";
  const CLI::App* at = app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  return "ingot: " + std::string(error.what()) + "; next: " + command + " --help\n";
}

// How many letters to insert, remove or replace (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

bool is_command(const CLI::App& app, const std::string& given) {
  return !app.get_subcommands([&](const CLI::App* one) { return one->get_name() == given; }).empty();
}

base::Error unknown_command(const CLI::App& app, const std::string& given) {
  constexpr size_t typo_max = 2;
  for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (distance(given, one->get_name()) <= typo_max) {
      return base::invalid("there is no command " + base::quoted(given)).with_fix("ingot " + one->get_name());
    }
  }
  return base::invalid("there is no command " + base::quoted(given)).with_fix("ingot --help lists them all");
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Turns racks of servers into Kubernetes clusters and keeps them healthy.", "ingot");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("ingot ") + version);
  app.footer(
      "A first look, without a server:\n  ./dev demo\n"
      "With servers:\n  ingot serve --data-dir D ...     (ingot serve --help)\n"
      "  export KUBECONFIG=D/admin.kubeconfig\n  kubectl apply -f YOUR-MANIFESTS\n"
      "  ingot status                    what everything waits for\n"
      "  ingot why cluster/NAME          the way to the cause\n"
      "kubectl is the client for everything else. Exit status: 0 good, 1 failed, 2 wrong usage.");
  app.failure_message(usage_error);

  ServeFlags serve_flags;
  RackFlags rack_flags;
  StatusFlags status_flags;
  KubeconfigFlags config_flags;
  ManifestFlags manifest_flags;
  add_serve(app, serve_flags);
  ApiServerFlags apiserver_flags;
  add_apiserver(app, apiserver_flags);
  add_rack(app, rack_flags);
  WhyFlags why_flags;
  add_status(app, status_flags);
  add_why(app, why_flags);
  auto* get = app.add_subcommand("get", "Get something that kubectl cannot print directly");
  get->require_subcommand(1);
  auto* get_config = get->add_subcommand("kubeconfig", "Print the kubeconfig of a workload cluster");
  get_config->add_option("CLUSTER", config_flags.cluster, "Its name")->required();
  get_config->add_option("-n,--namespace", config_flags.ns, "Its namespace; default: where it is found");
  get_config->add_option("--kubeconfig", config_flags.kubeconfig, "Of the manager; default: $KUBECONFIG");
  BmcFlags bmc_flags;
  add_bmc(app, bmc_flags);
  SimulatedBmcFlags simulated_bmc_flags;
  add_simulated_bmc(app, simulated_bmc_flags);
  RamdiskFlags ramdisk_flags;
  auto* ramdisk_build = add_ramdisk(app, ramdisk_flags, argv[0]);
  StoreCommandFlags store_flags;
  LogsFlags logs_flags;
  const auto* logs = add_logs_command(app, logs_flags);
  const auto store_commands = add_store_commands(app, store_flags);
  auto* crds = app.add_subcommand("crds", "Print the CustomResourceDefinitions of all kinds, to apply elsewhere");
  add_crds_flags(*crds, manifest_flags);
  auto* rbac = app.add_subcommand("rbac", "Print what `ingot serve --kubeconfig` may do: namespace, account and roles");
  add_rbac_flags(*rbac, manifest_flags);

  auto* completion = app.add_subcommand("completion", "Print shell completion: source <(ingot completion)");
  auto* manual = app.add_subcommand("man", "Print the manual page: ingot man | man -l -");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && !is_command(app, argv[1])) return fail(unknown_command(app, argv[1]));
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (app.got_subcommand("serve")) {
    return run_session([&](sys::RealSystem& system) { return serve(system, serve_flags); });
  }
  if (app.got_subcommand("apiserver")) {
    return run_session([&](sys::RealSystem& system) { return apiserver(system, apiserver_flags); });
  }
  if (app.got_subcommand("rack")) {
    return run_session([&](sys::RealSystem& system) { return rack(system, rack_flags); });
  }
  if (app.got_subcommand("status")) {
    return run_session([&](sys::RealSystem& system) { return status(system, status_flags); });
  }
  if (app.got_subcommand("why")) {
    return run_session([&](sys::RealSystem& system) { return why(system, why_flags); });
  }
  if (logs->parsed()) {
    return run_session([&](sys::RealSystem& system) { return run_logs_command(system, logs_flags); });
  }
  if (get_config->parsed()) {
    return run_session([&](sys::RealSystem& system) { return get_kubeconfig(system, config_flags); });
  }
  if (app.got_subcommand("bmc")) {
    return run_session([&](sys::RealSystem& system) { return run_bmc(system, bmc_flags); });
  }
  if (app.got_subcommand("simulate-bmc")) {
    return run_session([&](sys::RealSystem& system) { return run_simulated_bmc(system, simulated_bmc_flags); });
  }
  if (ramdisk_build->parsed()) {
    return run_session([&](sys::RealSystem& system) { return build_ramdisk(system, ramdisk_flags); });
  }
  if (app.got_subcommand("store")) {
    return run_session([&](sys::RealSystem& system) { return run_store_command(system, store_commands, store_flags); });
  }
  if (crds->parsed()) {
    return run_session([&](sys::RealSystem& system) { return print_crds(system.sys().disk, manifest_flags); });
  }
  if (rbac->parsed()) return print_rbac(manifest_flags);
  if (completion->parsed()) return print(completion_script(app));
  if (manual->parsed()) return print(manual_page(app));
  return 2;
}

}  // namespace cli
