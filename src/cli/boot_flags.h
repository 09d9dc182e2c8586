// Options of `ingot serve` for booting servers from the network.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/sys.h"

namespace CLI {
class App;
}

namespace cli {

struct ManagerOptions;

struct BootFlags {
  std::string dhcp_listen = "127.0.0.1:10067", dhcp_range;  // an empty range and no proxy: no DHCP
  std::string dhcp_interface;                               // empty: behind relays
  bool dhcp_proxy = false;
  std::string dhcp6_listen = "[::1]:10547", dhcp6_range;  // an empty range: no DHCPv6
  std::string boot_loaders = "/usr/lib/ipxe";             // a folder; empty: firmware must run iPXE already
  bool boot_loaders_given = false;
  bool preprovisioning_images = false, preprovisioning_isos = false;
  std::string tftp_listen;  // empty: port 69 beside the boot listener, where there is an interface
};

void add_boot_flags(CLI::App& serve, BootFlags& flags);
// After the endpoint's options. Errors: invalid; not_found (no boot loaders where they are needed).
base::Result<void> apply_boot_flags(sys::Disk& disk, const BootFlags& flags, ManagerOptions& out);

}  // namespace cli
