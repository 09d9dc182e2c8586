// The ramdisk's network with IPv6: the kernel makes an address of what a router advertises (SLAAC); where that gives
// none, one is leased by DHCPv6 (RFC 8415).
#pragma once

#include "agent/linux/network.h"

namespace agent {

// An address of the interface that is not link-local and may be used, as the kernel tells it (/proc/net/if_inet6).
struct KernelAddress {
  std::string address;
  int prefix_length = 0;
  bool link_local = false, tentative = false;
};
std::vector<KernelAddress> kernel_addresses(sys::Disk& disk, const std::string& interface);
// Parks until the kernel has seen that nobody else has it, a few seconds at most.
void await_unique(sys::Sys& sys, const std::string& interface, const std::string& address);

// What SLAAC has given, or one lease by DHCPv6 (solicit with rapid commit, or advertise and request; repeated with
// growing gaps until `limit`). The link must be up.
base::Result<NetworkSettings> ipv6_settings(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic,
                                            base::Duration limit);
// Parks for half of the lease and renews it. False: cancelled.
bool keep_lease6_once(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings& settings);
// Renews the lease for as long as the machine runs, with its server or, when that is silent, with any; parks for ever.
void keep_lease6(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings settings);

}  // namespace agent
