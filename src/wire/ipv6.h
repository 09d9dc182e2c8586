// IPv6 addresses as numbers (RFC 4291, RFC 5952 for the text).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wire {

struct Ipv6 {
  std::array<uint8_t, 16> bytes{};  // network order
  auto operator<=>(const Ipv6&) const = default;
  std::string text() const;  // canonical: lower case, the longest run of zeros as "::"
  std::string raw() const { return {bytes.begin(), bytes.end()}; }
  static std::optional<Ipv6> parse(std::string_view text);
  static Ipv6 from_raw(std::string_view sixteen_bytes);  // exactly 16

  bool is_link_local() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  bool same_prefix(const Ipv6& other, int bits) const;
  uint64_t interface_id() const;  // the last 64 bits
  Ipv6 with_interface_id(uint64_t id) const;
  // The MAC address from which the last 64 bits were made (RFC 4291 appendix A); nullopt: they are of another kind.
  std::optional<std::string> mac() const;
};

}  // namespace wire
