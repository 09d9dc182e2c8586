#include "wire/ipv6.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/check.h"
#include "wire/dhcp.h"

namespace wire {

std::string Ipv6::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
  return out.data();
}

std::optional<Ipv6> Ipv6::parse(std::string_view text) {
  Ipv6 out;
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  if (inet_pton(AF_INET6, std::string(text).c_str(), out.bytes.data()) != 1) return std::nullopt;
  return out;
}

Ipv6 Ipv6::from_raw(std::string_view sixteen_bytes) {
  CHECK_THAT(sixteen_bytes.size() == 16, "an IPv6 address has 16 bytes");
  Ipv6 out;
  std::copy(sixteen_bytes.begin(), sixteen_bytes.end(), out.bytes.begin());
  return out;
}

bool Ipv6::same_prefix(const Ipv6& other, int bits) const {
  for (int bit = 0; bit < bits; ++bit) {
    const auto at = static_cast<size_t>(bit / 8);
    if (((bytes[at] ^ other.bytes[at]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

uint64_t Ipv6::interface_id() const {
  uint64_t out = 0;
  for (size_t i = 8; i < 16; ++i) out = out << 8 | bytes[i];
  return out;
}

Ipv6 Ipv6::with_interface_id(uint64_t id) const {
  Ipv6 out = *this;
  for (size_t i = 16; i-- > 8; id >>= 8) out.bytes[i] = static_cast<uint8_t>(id & 0xff);
  return out;
}

std::optional<std::string> Ipv6::mac() const {
  if (bytes[11] != 0xff || bytes[12] != 0xfe) return std::nullopt;
  std::string raw(bytes.begin() + 8, bytes.begin() + 11);
  raw.append(bytes.begin() + 13, bytes.end());
  raw[0] = static_cast<char>(raw[0] ^ 2);
  return mac_text(raw);
}

}  // namespace wire
