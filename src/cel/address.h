// IP addresses and networks, with what Go's net/netip says about them. Private to src/cel.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace cel {

struct Address {
  bool v6 = false;
  std::array<unsigned char, 16> bytes{};  // the first four when not v6

  int bits() const { return v6 ? 128 : 32; }
  bool operator==(const Address&) const = default;
  std::string text() const;  // canonical (RFC 5952)
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local_unicast() const;
  bool is_link_local_multicast() const;
  bool is_global_unicast() const;
  Address masked(int prefix) const;
};

// Zones and IPv4 inside of IPv6 are refused, as Kubernetes does. On failure `why` has the message.
std::optional<Address> parse_address(std::string_view text, std::string& why);

struct Network {
  Address address;
  int prefix = 0;
  std::string text() const { return address.text() + "/" + std::to_string(prefix); }
};
std::optional<Network> parse_network(std::string_view text, std::string& why);

}  // namespace cel
