#include "cel/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace cel {
namespace {

bool zero_but_last(const Address& address) {
  return std::all_of(address.bytes.begin(), address.bytes.begin() + 15, [](unsigned char b) { return b == 0; });
}

}  // namespace

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
}

bool Address::is_unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char b) { return b == 0; });
}

bool Address::is_loopback() const { return v6 ? zero_but_last(*this) && bytes[15] == 1 : bytes[0] == 127; }

bool Address::is_link_local_unicast() const {
  return v6 ? bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 : bytes[0] == 169 && bytes[1] == 254;
}

bool Address::is_link_local_multicast() const {
  return v6 ? bytes[0] == 0xff && (bytes[1] & 0x0f) == 0x02 : bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0;
}

bool Address::is_global_unicast() const {
  const bool broadcast = !v6 && bytes[0] == 255 && bytes[1] == 255 && bytes[2] == 255 && bytes[3] == 255;
  const bool multicast = v6 ? bytes[0] == 0xff : (bytes[0] & 0xf0) == 0xe0;
  return !broadcast && !multicast && !is_unspecified() && !is_loopback() && !is_link_local_unicast();
}

Address Address::masked(int prefix) const {
  Address out = *this;
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(prefix - i * 8, 0, 8);
    out.bytes[static_cast<size_t>(i)] &= static_cast<unsigned char>(0xff << (8 - keep));
  }
  return out;
}

std::optional<Address> parse_address(std::string_view text, std::string& why) {
  const std::string shown = base::quoted(text);
  if (text.find('%') != std::string_view::npos) {
    why = "IP address " + shown + " with zone value is not allowed";
    return std::nullopt;
  }
  Address out;
  out.v6 = text.find(':') != std::string_view::npos;
  const std::string plain(text);
  const bool good = text.size() < INET6_ADDRSTRLEN && plain.find('\0') == std::string::npos &&
                    inet_pton(out.v6 ? AF_INET6 : AF_INET, plain.c_str(), out.bytes.data()) == 1;
  if (!good) {
    why = "IP Address " + shown + " parse error during conversion from string: ParseAddr(" + shown +
          "): unable to parse IP";
    return std::nullopt;
  }
  const bool mapped = out.v6 && out.bytes[10] == 0xff && out.bytes[11] == 0xff &&
                      std::all_of(out.bytes.begin(), out.bytes.begin() + 10, [](unsigned char b) { return b == 0; });
  if (mapped) {
    why = "IPv4-mapped IPv6 address " + shown + " is not allowed";
    return std::nullopt;
  }
  return out;
}

std::optional<Network> parse_network(std::string_view text, std::string& why) {
  const std::string front =
      "network address parse error during conversion from string: netip.ParsePrefix(" + base::quoted(text) + "): ";
  const size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) {
    why = front + "no '/'";
    return std::nullopt;
  }
  const auto address = parse_address(text.substr(0, slash), why);
  if (!address) {
    if (!why.starts_with("IPv4-mapped")) why = front + why;
    return std::nullopt;
  }
  const auto digits = text.substr(slash + 1);
  const auto prefix = base::parse_uint(digits);
  if (!prefix || (digits.size() > 1 && digits.front() == '0')) {
    why = front + "bad bits after slash: " + base::quoted(digits);
    return std::nullopt;
  }
  if (*prefix > static_cast<uint64_t>(address->bits())) {
    why = front + "prefix length out of range";
    return std::nullopt;
  }
  return Network{*address, static_cast<int>(*prefix)};
}

}  // namespace cel
