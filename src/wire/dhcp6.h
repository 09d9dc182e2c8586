// DHCPv6 messages (RFC 8415) and the options that network boot needs (RFC 3646, 5970, 6939), bytes to struct and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/ipv6.h"

namespace wire::dhcp6 {

enum class MessageType : uint8_t {
  solicit = 1,
  advertise = 2,
  request = 3,
  confirm = 4,
  renew = 5,
  rebind = 6,
  reply = 7,
  release = 8,
  decline = 9,
  reconfigure = 10,
  information_request = 11,
};
std::string_view name_of(MessageType type);

enum Option : uint16_t {
  client_id = 1,
  server_id = 2,
  ia_na = 3,
  ia_address = 5,
  option_request = 6,
  preference = 7,
  relay_message = 9,
  status_code = 13,
  rapid_commit = 14,
  user_class = 15,
  vendor_class = 16,
  interface_id = 18,
  dns_servers = 23,
  boot_file_url = 59,
  boot_file_parameters = 60,
  client_arch = 61,
  client_link_layer = 79,
};

enum class Status : uint16_t {
  success = 0,
  unspecified_failure = 1,
  no_addresses = 2,
  no_binding = 3,
  not_on_link = 4,
  use_multicast = 5,
};

using Options = std::vector<std::pair<uint16_t, std::string>>;  // in order; a code may repeat

// Enterprise number of vendor classes of PXE (Intel), which UEFI firmware uses and expects.
constexpr uint32_t pxe_enterprise = 343;

struct Address {
  Ipv6 address;
  uint32_t preferred_seconds = 0, valid_seconds = 0;
};
// Identity association for addresses that stay (IA_NA).
struct Association {
  uint32_t id = 0;
  uint32_t renew_seconds = 0, rebind_seconds = 0;  // T1, T2
  std::vector<Address> addresses;
  std::optional<Status> status;
};

struct Message {
  MessageType type = MessageType::solicit;
  uint32_t transaction = 0;  // 24 bits
  Options options;

  bool has(uint16_t code) const;
  std::string option(uint16_t code) const;  // the first; "" when absent
  void add(uint16_t code, std::string value) { options.emplace_back(code, std::move(value)); }
  void add(const Association& association);
  void add(Status status, std::string_view text);
  std::vector<Association> associations() const;        // those that parse() found good
  std::optional<Status> status() const;                 // nullopt: none, which means success
  std::vector<std::string> vendor_classes() const;      // without their enterprise numbers
  std::vector<std::string> user_classes() const;        // a name without a length in front counts too, as iPXE sends it
  std::optional<uint16_t> architecture() const;         // the first
  std::optional<std::string> mac_of_client_id() const;  // of a DUID made from an Ethernet address (11.2, 11.4)
};

// One relay on the way (9): what it has put around the message.
struct Relay {
  uint8_t hops = 0;
  Ipv6 link, peer;
  Options options;  // without the relayed message
};

struct Packet {
  std::vector<Relay> relays;  // the outermost first; empty: straight from the client
  Message message;
  // The client's MAC address as the relay next to it has seen it (RFC 6939), else nullopt.
  std::optional<std::string> mac_by_relay() const;
};

// A vendor class option with one class, a user class option with one class.
std::string vendor_class_value(uint32_t enterprise, std::string_view name);
std::string user_class_value(std::string_view name);
// DUID from an Ethernet address (DUID-LL).
std::string client_id_of(std::string_view mac);

// Errors: corrupt, also for broken associations and for more relays than hops allow (8).
base::Result<Packet> parse(std::string_view bytes);
// Relays make it a relay-reply, in which the client's and the interface's identification are echoed from `options`.
base::Result<std::string> serialize(
    const Packet& packet);  // Errors: too_large (over 1400 bytes, or an option over 65535)

}  // namespace wire::dhcp6
