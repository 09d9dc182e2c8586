#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "api/kinds.h"
#include "cli/kubeconfig.h"
#include "cli/manual.h"
#include "cli/serve.h"
#include "cli/session.h"
#include "cli/status.h"
#include "cli/why.h"
#include "meta/crd.h"
#include "wire/yaml.h"

namespace cli {

namespace {

constexpr const char* version = "0.1.0";

int print_crds() {
  std::vector<base::Json> all;
  for (const meta::Kind* kind : api::management_scheme().kinds()) {
    if (kind->custom) all.push_back(meta::crd_of(*kind));
  }
  std::printf("%s", wire::to_yaml(all).c_str());
  return 0;
}

int print(const std::string& text) {
  std::printf("%s", text.c_str());
  return 0;
}

void add_serve(CLI::App& app, ServeFlags& flags) {
  auto* serve = app.add_subcommand("serve", "Run the manager: Kubernetes API, controllers and bare-metal engine");
  serve->footer(
      "Example:\n  ingot serve --data-dir /var/lib/ingot --listen 10.0.0.5:6443 \\\n"
      "    --agent-listen 10.0.0.5:6385 --boot-listen 10.0.0.5:6180\n"
      "then: export KUBECONFIG=/var/lib/ingot/admin.kubeconfig; kubectl get bmh -A");
  serve->add_option("--data-dir", flags.data_dir, "Where everything durable lives")->capture_default_str();
  serve->add_option("--listen", flags.listen, "HOST:PORT of the Kubernetes API (HTTPS)")->capture_default_str();
  serve->add_option("--name", flags.names, "A further DNS name or address the API is reached by (repeatable)");
  serve->add_option("--proxy", flags.proxies,
                    "How to reach a site: socks5://[USER:PASSWORD@]HOST:PORT=DEST,... or http://... or direct=DEST; a "
                    "DEST is a CIDR, a name, *.domain or *. The first rule that matches counts (repeatable)");
  serve->add_option("--agent-listen", flags.agent_listen, "HOST:PORT for deploy agents (HTTPS)")->capture_default_str();
  serve->add_option("--boot-listen", flags.boot_listen, "HOST:PORT for firmware: ISO images and iPXE scripts (HTTP)")
      ->capture_default_str();
  serve->add_option("--agent-url", flags.agent_url, "What servers are told instead of --agent-listen");
  serve->add_option("--boot-url", flags.boot_url, "What servers are told instead of --boot-listen");
  serve->add_option("--dhcp-range", flags.dhcp_range, "BEGIN-END/PREFIX to lease for network boot; none: no DHCP");
  serve->add_option("--dhcp-listen", flags.dhcp_listen, "HOST:PORT where DHCP relays send to")->capture_default_str();
  serve->add_option("--site-ca", flags.site_ca, "PEM file of roots for https image checksums; default: the system's");
  serve->add_flag("--allow-md5", flags.allow_md5, "Accept md5 image checksums");
  serve->add_flag("--allow-loopback-agents", flags.allow_loopback_agents,
                  "Accept agents on loopback addresses (a simulated rack on this machine)");
  serve
      ->add_option("--rack-speed", flags.rack_speed,
                   "The --speed of a simulated rack: patience with servers is as much shorter")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  serve->add_option("--log-level", flags.log_level, "debug, info, warn or error")->capture_default_str();
}

void add_rack(CLI::App& app, RackFlags& flags) {
  auto* rack = app.add_subcommand("rack", "Run simulated servers: BMCs, firmware, disks and the nodes on them");
  rack->footer(
      "Example:\n  ingot rack --inventory samples/inventory-20-servers.yaml --speed 20\n"
      "prints the --proxy rule with which `ingot serve` reaches the servers.");
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
  rack->add_flag("--print-proxy-rule", flags.print_proxy_rule, "Print only the rule for ingot serve --proxy");
  rack->add_option("--log-level", flags.log_level, "debug, info, warn or error")->capture_default_str();
}

void add_status(CLI::App& app, StatusFlags& flags) {
  auto* status = app.add_subcommand("status", "Show hosts, machines and clusters and what each waits for");
  status->footer("Examples:\n  ingot status\n  ingot status -w\n  ingot status --until-ready --timeout 10m");
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

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Turns racks of servers into Kubernetes clusters and keeps them healthy.", "ingot");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("ingot ") + version);
  app.footer("kubectl is the client for everything else: export KUBECONFIG=DATA_DIR/admin.kubeconfig");

  ServeFlags serve_flags;
  RackFlags rack_flags;
  StatusFlags status_flags;
  KubeconfigFlags config_flags;
  add_serve(app, serve_flags);
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
  auto* crds = app.add_subcommand("crds", "Print the CustomResourceDefinitions of all kinds, to apply elsewhere");

  auto* completion = app.add_subcommand("completion", "Print shell completion: source <(ingot completion)");
  auto* manual = app.add_subcommand("man", "Print the manual page: ingot man | man -l -");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (app.got_subcommand("serve")) {
    return run_session([&](sys::RealSystem& system) { return serve(system, serve_flags); });
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
  if (get_config->parsed()) {
    return run_session([&](sys::RealSystem& system) { return get_kubeconfig(system, config_flags); });
  }
  if (crds->parsed()) return print_crds();
  if (completion->parsed()) return print(completion_script(app));
  if (manual->parsed()) return print(manual_page(app));
  return 2;
}

}  // namespace cli
