// DHCP for network boot (RFC 2131, 3046, 4578; Intel's PXE 2.1), behind relays or on the provisioning network itself,
// or beside a DHCP server that gives the addresses (PXE's proxy DHCP): leases and a boot file only for servers that are
// expected to boot now, silence for everybody else, so it can share a network with another DHCP server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/boot/boot_media.h"
#include "metal/boot/boot_offer.h"
#include "metal/boot/expected_boots.h"
#include "metal/boot/lease_pool.h"
#include "wire/dhcp.h"

namespace metal {

struct DhcpOptions {
  sys::Address listen{"127.0.0.1", 10067};
  wire::Ipv4 range_begin, range_end;  // inclusive
  int prefix_length = 24;
  std::optional<wire::Ipv4> router;
  std::vector<wire::Ipv4> dns_servers;
  wire::Ipv4 server_address;  // option 54 and next-server; 0: the boot URL's host
  base::Duration lease = base::hours(1);
  bool tftp = false;  // firmware is told of boot loaders by TFTP; else it must run iPXE already
  // A network interface of the provisioning network, for DHCP without a relay; `listen` is not used then. Its socket
  // may broadcast (sys::Machine::open_broadcast).
  std::string interface;
  std::function<base::Result<std::unique_ptr<sys::Datagram>>(const std::string& interface, uint16_t port)>
      open_broadcast;
  bool proxy = false;  // only boot files, no addresses
};
// "172.22.0.100-172.22.0.250/24". Errors: invalid.
base::Result<DhcpOptions> parse_dhcp_range(std::string_view text);

class DhcpService {
 public:
  DhcpService(sys::Sys& sys, ExpectedBoots& boots, const BootPlace& place, DhcpOptions options);
  ~DhcpService();
  base::Result<void> start();  // opens the socket and answers in a fiber
  void stop();
  sys::Address local() const;
  // The answer to one packet; nullopt means silence (and a counter). Pure but for leases and events.
  std::optional<wire::dhcp::Message> answer(const wire::dhcp::Message& asked);
  // The same for a packet to the port of boot servers, 4011, from a client that has an address.
  std::optional<wire::dhcp::Message> answer_boot_server(const wire::dhcp::Message& asked);

 private:
  void keep_own_addresses();
  std::optional<wire::Ipv4> lease_for(const std::string& mac, std::optional<wire::Ipv4> wanted);
  wire::dhcp::Message reply_to(const wire::dhcp::Message& asked) const;
  void add_network(wire::dhcp::Message& out, wire::Ipv4 address) const;
  bool add_boot_file(const BootClient& client, const ExpectedBoot& boot, wire::dhcp::Message& out);
  std::optional<wire::dhcp::Message> answer_as_proxy(const wire::dhcp::Message& asked, const BootClient& client,
                                                     ExpectedBoot& boot);
  base::Result<void> open();
  void serve(std::shared_ptr<sys::Datagram> socket, bool boot_server);

  sys::Sys& sys_;
  ExpectedBoots& boots_;
  const BootPlace& place_;
  DhcpOptions options_;
  LeasePool leases_;                                            // by MAC
  std::shared_ptr<sys::Datagram> socket_, boot_server_socket_;  // the second one only with an interface
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace metal
