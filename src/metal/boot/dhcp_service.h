// DHCP for network boot behind relays (RFC 2131, 3046): leases and a boot file only for servers that are expected to
// boot now, silence for everybody else, so it can share a network with another DHCP server.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/boot/boot_media.h"
#include "metal/boot/expected_boots.h"
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

 private:
  struct Lease {
    wire::Ipv4 address;
    base::Time until;
  };
  std::optional<wire::Ipv4> lease_for(const std::string& mac, std::optional<wire::Ipv4> wanted);
  bool taken(wire::Ipv4 address, const std::string& by_other_than) const;
  wire::dhcp::Message reply_to(const wire::dhcp::Message& asked) const;
  void add_network(wire::dhcp::Message& out, wire::Ipv4 address) const;
  void serve();

  sys::Sys& sys_;
  ExpectedBoots& boots_;
  const BootPlace& place_;
  DhcpOptions options_;
  std::map<std::string, Lease> leases_;  // by MAC
  std::unique_ptr<sys::Datagram> socket_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace metal
