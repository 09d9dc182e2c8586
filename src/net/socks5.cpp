#include "net/socks5.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace net::socks5 {
namespace {

using base::Code;
using base::Error;
using base::Result;

constexpr char type_ipv4 = 1, type_name = 3, type_ipv6 = 4;
constexpr size_t ipv4_bytes = 4, ipv6_bytes = 16, port_bytes = 2;
constexpr std::string_view mapped_prefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

// Visible ASCII only: the name goes into messages and into look-ups of the system.
bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string ip_text(std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(bytes.size() == ipv4_bytes ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

std::string name_of(Reply reply) {
  switch (reply) {
    case Reply::succeeded:
      return "succeeded";
    case Reply::general_failure:
      return "general failure";
    case Reply::not_allowed:
      return "connection not allowed by ruleset";
    case Reply::network_unreachable:
      return "network unreachable";
    case Reply::host_unreachable:
      return "host unreachable";
    case Reply::connection_refused:
      return "connection refused";
    case Reply::ttl_expired:
      return "TTL expired";
    case Reply::command_not_supported:
      return "command not supported";
    case Reply::address_type_not_supported:
      return "address type not supported";
  }
  return "unassigned reply " + std::to_string(int(reply));
}

Code code_of(Reply reply) {
  switch (reply) {
    case Reply::not_allowed:
      return Code::forbidden;
    case Reply::ttl_expired:
      return Code::timeout;
    case Reply::command_not_supported:
    case Reply::address_type_not_supported:
      return Code::unsupported;
    default:
      return Code::unavailable;
  }
}

Reply reply_for(const Error& why) {
  switch (why.code) {
    case Code::timeout:
      return Reply::ttl_expired;
    case Code::not_found:
      return Reply::host_unreachable;
    case Code::forbidden:
      return Reply::not_allowed;
    case Code::unsupported:
      return Reply::command_not_supported;
    case Code::unavailable:
      return why.message.find("refused") != std::string::npos ? Reply::connection_refused : Reply::host_unreachable;
    default:
      return Reply::general_failure;
  }
}

std::optional<std::string> ip_bytes(std::string_view host) {
  std::array<char, ipv6_bytes> bytes{};
  if (host.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string text(host);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), ipv4_bytes);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::nullopt;
  std::string all(bytes.data(), ipv6_bytes);
  return all.starts_with(mapped_prefix) ? all.substr(mapped_prefix.size()) : all;
}

Result<void> append_address(std::string& out, const sys::Address& address) {
  if (const auto ip = ip_bytes(address.host.empty() ? "0.0.0.0" : address.host)) {
    out += ip->size() == ipv4_bytes ? type_ipv4 : type_ipv6;
    out += *ip;
  } else if (valid_name(address.host)) {
    out += type_name;
    out += char(address.host.size());
    out += address.host;
  } else {
    return base::invalid("a name of 1 to 255 visible characters is needed to go through SOCKS5");
  }
  out += char(address.port >> 8);
  out += char(address.port & 0xff);
  return {};
}

Result<size_t> take_address(std::string_view bytes, sys::Address& out) {
  if (bytes.size() < 2) return size_t{0};
  size_t begin = 1, length = 0;
  switch (bytes[0]) {
    case type_ipv4:
      length = ipv4_bytes;
      break;
    case type_ipv6:
      length = ipv6_bytes;
      break;
    case type_name:
      begin = 2;
      length = uint8_t(bytes[1]);
      break;
    default:
      return Error{Code::unsupported, "SOCKS address type " + std::to_string(uint8_t(bytes[0]))};
  }
  const size_t whole = begin + length + port_bytes;
  if (bytes.size() < whole) return size_t{0};
  const std::string_view host = bytes.substr(begin, length);
  if (bytes[0] == type_name && !valid_name(host)) return base::corrupt("a malformed name in a SOCKS address");
  out.host = bytes[0] == type_name ? std::string(host) : ip_text(host);
  out.port = uint16_t(uint8_t(bytes[whole - 2]) << 8 | uint8_t(bytes[whole - 1]));
  return whole;
}

Result<Relayed> parse_relayed(std::string_view bytes) {
  constexpr size_t before_address = 3;  // reserved (2 bytes), fragment
  if (bytes.size() < before_address) return base::corrupt("a relayed datagram without its header");
  if (bytes[2] != 0) return Error{Code::unsupported, "fragments of datagrams"};
  Relayed made;
  const size_t taken = TRY(take_address(bytes.substr(before_address), made.address));
  if (taken == 0) return base::corrupt("a relayed datagram without its header");
  made.payload = bytes.substr(before_address + taken);
  return made;
}

Result<std::string> wrap_relayed(const sys::Address& address, std::string_view payload) {
  std::string out(3, '\0');
  TRY(append_address(out, address));
  out += payload;
  return out;
}

}  // namespace net::socks5
