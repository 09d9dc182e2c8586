// The ramdisk's own network: DHCP on the NICs that have a link, or the static settings that came with the boot medium.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/linux/sysfs.h"
#include "wire/dhcp.h"

namespace agent {

struct NetworkSettings {
  std::string interface, address;  // an IP literal of either version
  int prefix_length = 0;
  std::string gateway;                            // "" when there is none
  std::vector<std::string> dns;                   // addresses
  base::Duration lease = base::Duration::zero();  // zero: static
  std::string server;                             // that gave the lease: its address, or its DUID in hex
};

// OpenStack's network_data.json: the first IPv4 or IPv6 network with an address whose link's MAC is one of `nics`.
// Errors: invalid, naming what is missing or not supported (bonds and VLANs are not).
base::Result<NetworkSettings> static_network(const Json& network_data, const std::vector<LinuxNic>& nics);

// One lease by DHCPv4 (RFC 2131: discover, offer, request, acknowledge; repeated with growing gaps until `limit`).
base::Result<NetworkSettings> dhcp_lease(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic,
                                         base::Duration limit);
// Asks for the same address again, in either version, for as long as the machine runs; parks for ever.
void keep_lease(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings settings);

base::Result<void> apply_network(sys::Sys& sys, sys::Machine& machine, const NetworkSettings& settings);

}  // namespace agent
