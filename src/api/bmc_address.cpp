#include "api/bmc_address.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace api {
namespace {

struct Scheme {
  std::string_view name;
  BmcProtocol protocol;
  BmcBootMethod boot;
};

constexpr std::array schemes = {
    Scheme{"ipmi", BmcProtocol::ipmi, BmcBootMethod::ipxe},
    Scheme{"libvirt", BmcProtocol::ipmi, BmcBootMethod::ipxe},
    Scheme{"redfish", BmcProtocol::redfish, BmcBootMethod::ipxe},
    Scheme{"redfish-virtualmedia", BmcProtocol::redfish, BmcBootMethod::virtual_media},
    Scheme{"redfish-uefihttp", BmcProtocol::redfish, BmcBootMethod::uefi_http},
    Scheme{"ilo5-redfish", BmcProtocol::redfish, BmcBootMethod::ipxe},
    Scheme{"ilo5-virtualmedia", BmcProtocol::redfish, BmcBootMethod::virtual_media},
    Scheme{"idrac-redfish", BmcProtocol::redfish, BmcBootMethod::ipxe},
    Scheme{"idrac-virtualmedia", BmcProtocol::redfish, BmcBootMethod::virtual_media},
};
constexpr uint16_t ipmi_port = 623, https_port = 443, http_port = 80;

const Scheme* find_scheme(std::string_view name) {
  const auto* found = std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& s) { return s.name == name; });
  return found == schemes.end() ? nullptr : found;
}

base::Error bad_address(std::string_view text, std::string_view why) {
  return base::invalid("BMC address " + base::quoted(text) + ": " + std::string(why)).at(base::Layer::bmc);
}

base::Error unknown_scheme(std::string_view text, std::string_view scheme) {
  std::vector<std::string> names;
  for (const auto& known : schemes) names.emplace_back(known.name);
  return bad_address(text, "unknown scheme " + base::quoted(scheme) + "; supported are " + base::join(names, ", ") +
                               ", the Redfish ones also with +http or +https")
      .with_fix("correct spec.bmc.address");
}

std::string_view without_transport(std::string_view scheme) { return scheme.substr(0, scheme.find('+')); }

bool is_scheme(std::string_view text) { return find_scheme(without_transport(base::lower(text))) != nullptr; }

// The scheme and what follows "://". A name before a single colon is a scheme only when we know it or when what follows
// is no port: "bmc7:623" is a host.
struct Halves {
  std::string scheme;
  std::string_view rest;
};
Halves split_scheme(std::string_view text) {
  if (const auto at = text.find("://"); at != std::string_view::npos)
    return {base::lower(text.substr(0, at)), text.substr(at + 3)};
  const auto colon = text.find(':');
  const bool one_colon = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (colon != std::string_view::npos && colon > 0 && text[0] != '[') {
    const auto after = text.substr(colon + 1);
    if (is_scheme(text.substr(0, colon))) return {base::lower(text.substr(0, colon)), after};
    const auto port = after.substr(0, after.find_first_of("/?"));
    if (one_colon && !base::parse_uint(port)) return {base::lower(text.substr(0, colon)), after};
  }
  return {"ipmi", text};
}

bool valid_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.') return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

bool valid_ipv6(std::string_view host) {
  if (host.find(':') == std::string_view::npos || host.size() > 64) return false;
  const auto zone = host.find('%');
  const auto digits = host.substr(0, zone);
  if (zone != std::string_view::npos && zone + 1 == host.size()) return false;
  return digits.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

// "host", "host:port", "[v6]", "[v6]:port"; a bare IPv6 literal is accepted without a port.
base::Result<void> parse_authority(std::string_view whole, std::string_view authority, BmcAddress& out) {
  std::string_view host = authority, port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return bad_address(whole, "missing ] after the IPv6 address");
    host = authority.substr(1, close - 1);
    const auto after = authority.substr(close + 1);
    if (!after.empty() && after.front() != ':') return bad_address(whole, "unexpected text after ]");
    has_port = !after.empty();
    if (has_port) port = after.substr(1);
    if (!valid_ipv6(host)) return bad_address(whole, base::quoted(host) + " is not an IPv6 address");
  } else if (std::count(authority.begin(), authority.end(), ':') > 1) {
    if (!valid_ipv6(host)) return bad_address(whole, base::quoted(host) + " is not a host name or IP address");
  } else {
    const auto colon = authority.find(':');
    host = authority.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    if (host.empty()) return bad_address(whole, "no host");
    if (!valid_name(host)) return bad_address(whole, base::quoted(host) + " is not a host name or IP address");
  }
  out.host = host;
  if (!has_port) return {};
  const auto number = base::parse_uint(port);
  if (!number || *number == 0 || *number > 65535)
    return bad_address(whole, "port " + base::quoted(port) + " is not between 1 and 65535");
  out.port = uint16_t(*number);
  return {};
}

base::Result<void> parse_query(std::string_view whole, std::string_view query, BmcAddress& out) {
  if (out.protocol != BmcProtocol::ipmi) return {};  // Metal3 ignores it, too
  for (const auto pair : base::split(query, '&')) {
    const auto equals = pair.find('=');
    if (pair.empty() || base::lower(pair.substr(0, equals)) != "privilegelevel") continue;
    const auto level = base::upper(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (level != "USER" && level != "OPERATOR" && level != "ADMINISTRATOR")
      return bad_address(whole, "privilegelevel must be USER, OPERATOR or ADMINISTRATOR");
    out.privilege_level = level;
  }
  return {};
}

uint16_t default_port(const BmcAddress& address) {
  if (address.protocol == BmcProtocol::ipmi) return ipmi_port;
  return address.tls ? https_port : http_port;
}

}  // namespace

std::string_view name_of(BmcProtocol protocol) { return protocol == BmcProtocol::ipmi ? "ipmi" : "redfish"; }

std::string_view name_of(BmcBootMethod method) {
  switch (method) {
    case BmcBootMethod::ipxe:
      return "ipxe";
    case BmcBootMethod::virtual_media:
      return "virtual-media";
    case BmcBootMethod::uefi_http:
      return "uefi-http";
  }
  return "?";
}

std::string BmcAddress::endpoint() const {
  const std::string name = protocol == BmcProtocol::ipmi ? "ipmi" : tls ? "https" : "http";
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + "://" + bracketed + (port == default_port(*this) ? "" : ":" + std::to_string(port));
}

base::Result<BmcAddress> parse_bmc_address(std::string_view text) {
  if (base::trim(text).empty())
    return bad_address(text, "it is empty").with_fix("set spec.bmc.address, for example redfish://192.0.2.10");
  const auto bad = std::find_if(text.begin(), text.end(), [](char c) { return c <= ' ' || c == 127; });
  if (bad != text.end() || text.size() > 2048)
    return bad_address(text.substr(0, 200), "spaces, control characters or more than 2048 bytes");
  auto [scheme, rest] = split_scheme(text);
  const Scheme* known = find_scheme(without_transport(scheme));
  const auto transport = scheme.substr(without_transport(scheme).size());
  if (!known) return unknown_scheme(text, scheme);
  const bool redfish = known->protocol == BmcProtocol::redfish;
  if (!transport.empty() && (!redfish || (transport != "+http" && transport != "+https")))
    return unknown_scheme(text, scheme);

  BmcAddress out;
  out.scheme = known->name;
  out.protocol = known->protocol;
  out.boot = known->boot;
  out.tls = redfish && transport != "+http";
  if (rest.find('#') != std::string_view::npos) return bad_address(text, "a fragment (#) has no meaning here");
  const auto query_at = rest.find('?');
  const auto query = query_at == std::string_view::npos ? std::string_view() : rest.substr(query_at + 1);
  rest = rest.substr(0, query_at);
  const auto path_at = rest.find('/');
  const auto authority = rest.substr(0, path_at);
  std::string path(path_at == std::string_view::npos ? std::string_view() : rest.substr(path_at));
  if (authority.find('@') != std::string_view::npos)
    return base::invalid("BMC address holds a user name or password")
        .at(base::Layer::bmc)
        .with_fix("put the credentials into the Secret that spec.bmc.credentialsName names");
  TRY(parse_authority(text, authority, out));
  TRY(parse_query(text, query, out));
  if (out.port == 0) out.port = default_port(out);
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (redfish && path != "/redfish/v1") out.system_path = path;
  return out;
}

}  // namespace api
