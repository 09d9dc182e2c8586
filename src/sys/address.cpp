#include "base/text.h"
#include "sys/net.h"

namespace sys {

std::string Address::text() const {
  const std::string number = std::to_string(port);
  return host.find(':') == std::string::npos ? host + ":" + number : "[" + host + "]:" + number;
}

base::Result<Address> Address::parse(std::string_view text, uint16_t default_port) {
  const auto bad = [text](std::string_view why) {
    return base::invalid("address " + base::quoted(text) + ": " + std::string(why));
  };
  Address address{.host = {}, .port = default_port};
  std::string_view rest = text;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("the bracket is not closed");
    address.host = text.substr(1, end - 1);
    if (address.host.find(':') == std::string::npos) return bad("only an IPv6 address stands in brackets");
    rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return bad("unexpected text after the bracket");
    if (has_port) rest.remove_prefix(1);
  } else if (const size_t colon = text.find(':'); colon != text.rfind(':')) {
    address.host = text;  // a bare IPv6 address
  } else {
    address.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) rest = text.substr(colon + 1);
  }
  if (address.host.find_first_of(" \t\r\n/@[]") != std::string::npos) return bad("not a host name or IP address");
  if (has_port) {
    const auto number = base::parse_uint(rest);
    if (!number || *number > 65535) return bad("the port must be a number up to 65535");
    address.port = uint16_t(*number);
  } else if (default_port == 0) {
    return bad("a port is needed, as in host:port");
  }
  return address;
}

}  // namespace sys
