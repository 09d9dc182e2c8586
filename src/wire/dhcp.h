// DHCPv4 messages (RFC 2131) and the options network boot needs (RFC 2132, 3004, 4578), bytes to struct and back.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

// An IPv4 address in host byte order.
struct Ipv4 {
  uint32_t value = 0;
  auto operator<=>(const Ipv4&) const = default;
  std::string text() const;
  static std::optional<Ipv4> parse(std::string_view text);
};

// "52:54:00:12:01:01" in lower case; nullopt unless six colon- or dash-separated pairs of hex digits.
std::optional<std::string> normal_mac(std::string_view text);
std::string mac_text(std::string_view six_bytes);

namespace dhcp {

enum class MessageType : uint8_t {
  discover = 1,
  offer = 2,
  request = 3,
  decline = 4,
  ack = 5,
  nak = 6,
  release = 7,
  inform = 8,
};

// Option codes used by name.
enum Option : uint8_t {
  subnet_mask = 1,
  router = 3,
  dns_servers = 6,
  host_name = 12,
  vendor_options = 43,
  requested_address = 50,
  lease_seconds = 51,
  overload = 52,
  message_type = 53,
  server_id = 54,
  parameter_list = 55,
  vendor_class = 60,
  client_id = 61,
  boot_server = 66,
  boot_file = 67,
  user_class = 77,
  relay_agent = 82,
  client_arch = 93,
  client_uuid = 97,
  ipxe_options = 175,
};

struct Message {
  bool reply = false;  // op: BOOTREPLY
  uint8_t hops = 0;
  uint32_t xid = 0;
  uint16_t seconds = 0;
  bool broadcast = false;
  Ipv4 ciaddr, yiaddr, siaddr, giaddr;
  std::array<uint8_t, 16> chaddr{};  // Ethernet: the first six
  std::string sname, file;           // without padding; empty when overloaded with options
  std::map<uint8_t, std::string> options;

  std::string mac() const;  // of chaddr, lower case with colons
  void set_mac(std::string_view text);
  std::optional<MessageType> type() const;
  void set_type(MessageType type);
  std::string option(uint8_t code) const;  // "" when absent
  std::optional<Ipv4> address_option(uint8_t code) const;
  void set_address(uint8_t code, Ipv4 address);
  void set_u32(uint8_t code, uint32_t value);
  std::optional<uint16_t> architecture() const;  // option 93, the first
  bool is_ipxe() const;                          // option 77 in either form, or encapsulated option 175
};

// Errors: corrupt. Fragments of one option are joined (RFC 3396); options in sname and file are read (option 52).
base::Result<Message> parse(std::string_view packet);
// At least 300 bytes, as old clients expect. Long options are split. Errors: too_large (over 1400 bytes).
base::Result<std::string> serialize(const Message& message);

}  // namespace dhcp
}  // namespace wire
