// SOCKS5 on the wire (RFC 1928): addresses, reply codes and the header of relayed datagrams. No I/O. Private to this
// folder and its fuzzer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/net.h"

namespace net::socks5 {

constexpr char version = 5;
constexpr char password_version = 1;  // of the sub-negotiation (RFC 1929)
constexpr char method_none = 0, method_password = 2, method_unacceptable = '\xff';
constexpr char command_connect = 1, command_udp_associate = 3;
constexpr size_t name_bytes_max = 255;

enum class Reply : uint8_t {
  succeeded = 0,
  general_failure = 1,
  not_allowed = 2,
  network_unreachable = 3,
  host_unreachable = 4,
  connection_refused = 5,
  ttl_expired = 6,
  command_not_supported = 7,
  address_type_not_supported = 8,
};
std::string name_of(Reply reply);
base::Code code_of(Reply reply);          // as which error a client reports it
Reply reply_for(const base::Error& why);  // what a server answers

// 4 or 16 bytes of an IP literal in network order, IPv4 mapped into IPv6 as IPv4; nullopt for names.
std::optional<std::string> ip_bytes(std::string_view host);

// ATYP, address and port. A host that is no IP literal goes as a name, unresolved; an empty one as 0.0.0.0. Errors:
// invalid (a name over 255 bytes or with characters that are in no name).
base::Result<void> append_address(std::string& out, const sys::Address& address);
// Reads one from the front of `bytes`: how many bytes it took, 0 when more are needed. Errors: corrupt, unsupported
// (address type).
base::Result<size_t> take_address(std::string_view bytes, sys::Address& out);

// A relayed datagram: to whom (or from whom) and its payload, which points into `bytes`. Errors: corrupt, unsupported
// (a fragment).
struct Relayed {
  sys::Address address;
  std::string_view payload;
};
base::Result<Relayed> parse_relayed(std::string_view bytes);
base::Result<std::string> wrap_relayed(const sys::Address& address, std::string_view payload);

}  // namespace net::socks5
