// Which way to a destination: the text form of rules and what they match.
#include <algorithm>

#include "base/text.h"
#include "net/http.h"
#include "net/proxy.h"
#include "net/socks5.h"

namespace net {
namespace {

using base::Result;

constexpr size_t credential_bytes_max = 255;  // RFC 1929: one byte of length
constexpr uint16_t socks_port = 1080;
constexpr std::string_view form = "as in socks5://proxy.example.com:1080=10.0.0.0/8,*.example.com";

struct Cidr {
  std::string bytes;
  size_t bits = 0;
};

// nullopt when it is none; an error when it looks like one and is wrong.
Result<std::optional<Cidr>> parse_cidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::optional<Cidr>();
  const auto ip = socks5::ip_bytes(text.substr(0, slash));
  const auto bits = base::parse_uint(text.substr(slash + 1));
  if (!ip || !bits || *bits > ip->size() * 8)
    return base::invalid("destination " + base::quoted(text) + " is not a network such as 192.168.0.0/16 or fd00::/8");
  return std::optional<Cidr>({*ip, size_t(*bits)});
}

bool contains(const Cidr& network, const std::string& ip) {
  if (network.bytes.size() != ip.size()) return false;
  for (size_t bit = 0; bit < network.bits; ++bit) {
    const int mask = 0x80 >> (bit % 8);
    if ((network.bytes[bit / 8] & mask) != (ip[bit / 8] & mask)) return false;
  }
  return true;
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// Without the zone of a link-local address.
std::optional<std::string> ip_of_host(std::string_view host) {
  return socks5::ip_bytes(host.substr(0, host.find('%')));
}

Result<void> check_destination(std::string_view text) {
  if (TRY(parse_cidr(text)) || text == "*" || socks5::ip_bytes(text)) return {};
  std::string_view name = text;
  if (name.starts_with("*.")) name.remove_prefix(2);
  name = without_last_dot(name);
  const bool good = !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  if (!good)
    return base::invalid("destination " + base::quoted(text) +
                         " is not a network, an address, a host name, *.domain or *");
  return {};
}

Result<void> read_credentials(std::string_view text, ProxyRule& rule) {
  const size_t colon = text.find(':');
  rule.user = percent_decode(text.substr(0, colon));
  if (colon != std::string_view::npos) rule.password = percent_decode(text.substr(colon + 1));
  if (rule.user.empty()) return base::invalid("proxy rule: the user name before '@' is empty");
  if (rule.user.size() > credential_bytes_max || rule.password.size() > credential_bytes_max)
    return base::invalid("proxy rule: user name and password have 255 bytes at most");
  // Basic authentication ends the user name at the first colon (RFC 7617).
  if (rule.kind == ProxyRule::Kind::http_connect && rule.user.find(':') != std::string::npos)
    return base::invalid("proxy rule: a user name for HTTP has no colon");
  return {};
}

Result<void> read_proxy(std::string_view text, ProxyRule& rule) {
  if (text.ends_with('/')) text.remove_suffix(1);
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    TRY(read_credentials(text.substr(0, at), rule));
    text.remove_prefix(at + 1);
  }
  const uint16_t port = rule.kind == ProxyRule::Kind::socks5 ? socks_port : uint16_t{0};
  rule.proxy = TRY(sys::Address::parse(text, port).context("proxy rule"));
  if (rule.proxy.host.empty() || rule.proxy.port == 0)
    return base::invalid("proxy rule: the proxy needs a host and a port, " + std::string(form));
  return {};
}

Result<std::string_view> read_scheme(std::string_view text, ProxyRule& rule) {
  const size_t end = text.find("://");
  const std::string scheme = base::lower(text.substr(0, end));
  if (scheme == "socks5" || scheme == "socks5h") {
    rule.kind = ProxyRule::Kind::socks5;
  } else if (scheme == "http") {
    rule.kind = ProxyRule::Kind::http_connect;
  } else {
    return base::invalid("proxy rule: " + base::quoted(scheme.substr(0, 40)) +
                         " is no kind of proxy: socks5:// and http:// are");
  }
  return text.substr(end + 3);
}

}  // namespace

Result<ProxyRule> parse_proxy_rule(std::string_view text) {
  text = base::trim(text);
  ProxyRule rule;
  const bool direct = text.starts_with("direct=");
  // Passwords may hold anything but '@' (which is written %40), destinations hold no '@'.
  const size_t at = direct ? std::string_view::npos : text.rfind('@');
  const size_t equals = text.find('=', at == std::string_view::npos ? 0 : at);
  if (equals == std::string_view::npos)
    return base::invalid("proxy rule: the destinations are missing, " + std::string(form));
  if (!direct) {
    // Looked for in front of the destinations only, so that a rule without a scheme is told apart.
    const std::string_view proxy = text.substr(0, equals);
    if (proxy.find("://") == std::string_view::npos)
      return base::invalid("proxy rule: begin with socks5://, http:// or direct=, " + std::string(form));
    const std::string_view behind = TRY(read_scheme(proxy, rule));
    TRY(read_proxy(behind, rule));
  }
  for (std::string_view part : base::split(text.substr(equals + 1), ',')) {
    part = base::trim(part);
    if (part.empty()) continue;
    TRY(check_destination(part).context("proxy rule"));
    rule.destinations.emplace_back(part);
  }
  if (rule.destinations.empty()) return base::invalid("proxy rule: the destinations are missing, " + std::string(form));
  return rule;
}

bool destination_matches(std::string_view pattern, std::string_view host) {
  if (pattern == "*") return true;
  const auto ip = ip_of_host(host);
  if (const auto cidr = parse_cidr(pattern); !cidr || *cidr) return cidr && ip && contains(**cidr, *ip);
  if (const auto wanted = socks5::ip_bytes(pattern)) return wanted == ip;
  if (ip) return false;
  pattern = without_last_dot(pattern);
  host = without_last_dot(host);
  if (!pattern.starts_with("*.")) return base::equals_ignore_case(pattern, host);
  pattern.remove_prefix(1);  // ".example.com"
  return host.size() > pattern.size() && base::equals_ignore_case(pattern, host.substr(host.size() - pattern.size()));
}

}  // namespace net
