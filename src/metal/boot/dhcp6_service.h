// DHCPv6 for network boot (RFC 8415, stateful; RFC 5970 for the boot file's URL): addresses and what to boot only for
// servers that are expected to boot now, silence for everybody else. On the provisioning network itself or behind
// relays. A client is known by its MAC address: as its relay has seen it (RFC 6939), or as it stands in the link-local
// address that it asks from, or in its DUID. The prefix is told by router advertisements, which are a router's work.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/boot/boot_offer.h"
#include "metal/boot/lease_pool.h"
#include "wire/dhcp6.h"

namespace metal {

struct Dhcp6Options {
  sys::Address listen{"::1", 10547};    // of relays
  wire::Ipv6 range_begin, range_end;    // inclusive
  int prefix_length = 64;               // of the link: what Confirm is judged by
  std::vector<wire::Ipv6> dns_servers;  // told where asked for
  base::Duration lease = base::hours(1);
  bool tftp = false;  // firmware is told of boot loaders by TFTP; else it must run iPXE already
  // A network interface of the provisioning network, for clients without a relay; `listen` is not used then. Its
  // socket hears the multicast group of DHCPv6 servers (sys::Machine::open_multicast).
  std::string interface;
  std::function<base::Result<std::unique_ptr<sys::Datagram>>(const std::string& interface, const std::string& group,
                                                             uint16_t port)>
      open_multicast;
};
// "fd00:1::100-fd00:1::1ff/64". Errors: invalid.
base::Result<Dhcp6Options> parse_dhcp6_range(std::string_view text);

class Dhcp6Service {
 public:
  Dhcp6Service(sys::Sys& sys, ExpectedBoots& boots, const BootPlace& place, Dhcp6Options options);
  ~Dhcp6Service();
  // Opens the socket and answers in a fiber. Errors: invalid where the boot URL has no IPv6 address.
  base::Result<void> start();
  void stop();
  sys::Address local() const;
  // The answer to one packet from the address `from`; nullopt means silence (and a counter).
  std::optional<wire::dhcp6::Packet> answer(const wire::dhcp6::Packet& asked, const std::string& from);
  const std::string& server_id() const { return server_id_; }  // DUID

 private:
  using Message = wire::dhcp6::Message;
  using Association = wire::dhcp6::Association;
  bool is_well_addressed(const Message& asked) const;
  std::optional<Message> answer_to(const Message& asked, const BootClient& client, ExpectedBoot& boot);
  bool add_addresses(const Message& asked, const BootClient& client, bool commit, ExpectedBoot& boot, Message& out);
  Association lease_of(const Association& asked, const std::string& key, const std::string& client);
  bool add_boot_file(const BootClient& client, const ExpectedBoot& boot, Message& out);
  void give_back(const Message& asked, const BootClient& client, bool in_use_elsewhere);
  std::optional<uint64_t> place_of(const wire::Ipv6& address) const;
  Message reply_to(const Message& asked, wire::dhcp6::MessageType type) const;
  void serve();

  sys::Sys& sys_;
  ExpectedBoots& boots_;
  const BootPlace& place_;
  Dhcp6Options options_;
  LeasePool leases_;  // by MAC and identity association
  std::string server_id_;
  wire::Ipv6 server_address_;
  std::shared_ptr<sys::Datagram> socket_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace metal
