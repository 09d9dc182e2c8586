#include "cli/boot_flags.h"

#include <CLI/CLI.hpp>

#include "cli/manager.h"

namespace cli {

using base::Result;
using sys::Address;

namespace {

constexpr uint16_t tftp_port = 69;

// Scripts, loaders and the agent API have one address each, so a provisioning network is of one kind.
Result<void> apply_dhcp6(const BootFlags& flags, ManagerOptions& out) {
  if (!flags.dhcp_range.empty() || flags.dhcp_proxy) {
    return base::invalid("--dhcp6-range goes neither with --dhcp-range nor with --dhcp-proxy")
        .with_fix("choose IPv4 or IPv6 for the provisioning network; what is served there has one address");
  }
  out.dhcp6 = TRY(metal::parse_dhcp6_range(flags.dhcp6_range).context("--dhcp6-range"));
  out.dhcp6->listen = TRY(Address::parse(flags.dhcp6_listen).context("--dhcp6-listen"));
  out.dhcp6->interface = flags.dhcp_interface;
  return {};
}

Result<void> apply_dhcp(const BootFlags& flags, ManagerOptions& out) {
  if (flags.dhcp_proxy && (flags.dhcp_interface.empty() || !flags.dhcp_range.empty())) {
    return base::invalid(
        "--dhcp-proxy needs --dhcp-interface, and no --dhcp-range: another server gives the addresses");
  }
  if (!flags.dhcp6_range.empty()) return apply_dhcp6(flags, out);
  if (!flags.dhcp_interface.empty() && !flags.dhcp_proxy && flags.dhcp_range.empty()) {
    return base::invalid(
        "--dhcp-interface needs --dhcp-range or --dhcp6-range, or --dhcp-proxy beside another DHCP server");
  }
  if (flags.dhcp_range.empty() && !flags.dhcp_proxy) return {};
  if (!flags.dhcp_range.empty()) out.dhcp = TRY(metal::parse_dhcp_range(flags.dhcp_range).context("--dhcp-range"));
  if (!out.dhcp) out.dhcp.emplace();
  out.dhcp->listen = TRY(Address::parse(flags.dhcp_listen).context("--dhcp-listen"));
  out.dhcp->interface = flags.dhcp_interface;
  out.dhcp->proxy = flags.dhcp_proxy;
  return {};
}

Result<void> apply_loaders(sys::Disk& disk, const BootFlags& flags, ManagerOptions& out) {
  const bool tftp = !flags.tftp_listen.empty() || !flags.dhcp_interface.empty();
  if (flags.boot_loaders.empty()) {
    if (!flags.tftp_listen.empty()) return base::invalid("--tftp-listen needs --boot-loaders");
    return {};
  }
  if (!disk.list(flags.boot_loaders)) {
    if (!tftp && !flags.boot_loaders_given) return {};
    return base::not_found("there are no boot loaders in " + flags.boot_loaders)
        .with_fix("install the package ipxe, or name the folder of undionly.kpxe and ipxe.efi with --boot-loaders");
  }
  out.endpoint.loader_dir = flags.boot_loaders;
  if (!tftp) return {};
  out.tftp.emplace();
  out.tftp->folder = flags.boot_loaders;
  out.tftp->listen = flags.tftp_listen.empty()
                         ? Address{out.endpoint.boot_listen.host, tftp_port}
                         : TRY(Address::parse(flags.tftp_listen, tftp_port).context("--tftp-listen"));
  if (out.dhcp) out.dhcp->tftp = true;
  if (out.dhcp6) out.dhcp6->tftp = true;
  return {};
}

}  // namespace

void add_boot_flags(CLI::App& serve, BootFlags& flags) {
  serve.add_option("--dhcp-range", flags.dhcp_range, "BEGIN-END/PREFIX to lease for network boot; none: no DHCP");
  serve.add_option("--dhcp-listen", flags.dhcp_listen, "HOST:PORT where DHCP relays send to")->capture_default_str();
  serve.add_option("--dhcp-interface", flags.dhcp_interface,
                   "Network interface of the provisioning network, to answer DHCP there without a relay");
  serve.add_option("--dhcp6-range", flags.dhcp6_range,
                   "BEGIN-END/PREFIX of IPv6 to lease for network boot, with --dhcp-interface or behind relays");
  serve.add_option("--dhcp6-listen", flags.dhcp6_listen, "[HOST]:PORT where DHCPv6 relays send to")
      ->capture_default_str();
  serve.add_flag("--dhcp-proxy", flags.dhcp_proxy,
                 "Another DHCP server of that network gives the addresses; answer only what to boot");
  serve
      .add_option("--boot-loaders", flags.boot_loaders,
                  "Folder with iPXE (undionly.kpxe, ipxe.efi, snponly.efi) for firmware that has none; \"\": none")
      ->capture_default_str()
      ->each([&flags](const std::string&) { flags.boot_loaders_given = true; });
  serve.add_flag("--preprovisioning-images", flags.preprovisioning_images,
                 "Another controller provides the ramdisk of hosts that boot from the network (PreprovisioningImage)");
  serve.add_flag("--preprovisioning-isos", flags.preprovisioning_isos,
                 "The same for hosts that boot an ISO image, which cannot carry their agent's token: the first lookup "
                 "from the host's MAC address is given it, as by Ironic, whoever that is");
  serve.add_option("--tftp-listen", flags.tftp_listen,
                   "HOST[:PORT] to give boot loaders out by TFTP; default: port 69 of --boot-listen's address, where "
                   "there is --dhcp-interface");
}

Result<void> apply_boot_flags(sys::Disk& disk, const BootFlags& flags, ManagerOptions& out) {
  TRY(apply_dhcp(flags, out));
  out.outside_images = {flags.preprovisioning_images, flags.preprovisioning_isos};
  return apply_loaders(disk, flags, out);
}

}  // namespace cli
