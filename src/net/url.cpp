#include <algorithm>

#include "base/text.h"
#include "net/http.h"

namespace net {
namespace {

constexpr size_t url_bytes_max = 8192;

// The port that a scheme means when none is written. BMC schemes carry their transport behind a plus sign
// (redfish-virtualmedia+https); without one they mean https, as in Metal3.
uint16_t default_port(std::string_view scheme) {
  size_t plus = scheme.rfind('+');
  std::string_view transport = plus == std::string_view::npos ? scheme : scheme.substr(plus + 1);
  if (transport == "http") return 80;
  if (transport == "https") return 443;
  if (scheme == "ipmi" || scheme == "libvirt") return 623;
  if (scheme == "socks5") return 1080;
  for (std::string_view vendor : {"redfish", "idrac", "ilo5", "ilo4", "irmc"})
    if (scheme.starts_with(vendor)) return 443;
  return 0;
}

bool valid_scheme(std::string_view scheme) {
  auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; };
  return !scheme.empty() && letter(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), rest);
}

bool valid_host(std::string_view host, bool bracketed) {
  auto good = [&](char c) {
    bool name =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    return name || (bracketed && (c == ':' || c == '%'));
  };
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), good);
}

base::Error bad(std::string_view text, std::string_view why) {
  // Passwords may stand before the '@'; a message must not carry them on.
  bool secret = text.find('@') != std::string_view::npos;
  return base::invalid((secret ? std::string("URL") : "URL " + base::quoted(text.substr(0, 200))) + " " +
                       std::string(why));
}

base::Result<void> read_authority(std::string_view text, std::string_view authority, Url& url) {
  if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  bool bracketed = authority.starts_with('[');
  if (bracketed) {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad(text, "has no ] after its IPv6 address");
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (url.host.find(':') == std::string::npos) return bad(text, "has something else than IPv6 in brackets");
    if (!port.empty() && !port.starts_with(':')) return bad(text, "has text behind its IPv6 address");
  } else {
    size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (!valid_host(url.host, bracketed)) return bad(text, url.host.empty() ? "has no host" : "has a malformed host");
  url.port = default_port(url.scheme);
  if (port.size() <= 1) return {};  // "host:" means the default (RFC 3986 3.2.3)
  auto number = base::parse_uint(port.substr(1));
  if (!number || *number == 0 || *number > 65535) return bad(text, "has a port that is not 1 to 65535");
  url.port = static_cast<uint16_t>(*number);
  return {};
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

base::Result<Url> Url::parse(std::string_view text) {
  if (text.size() > url_bytes_max) return base::invalid("URL is longer than 8192 bytes");
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>')
      return bad(text, "has a space or another character that does not belong in a URL");
  size_t separator = text.find("://");
  if (separator == std::string_view::npos) return bad(text, "has no scheme (https://…)");
  Url url;
  url.scheme = base::lower(text.substr(0, separator));
  if (!valid_scheme(url.scheme)) return bad(text, "has a malformed scheme");
  std::string_view rest = text.substr(separator + 3);
  rest = rest.substr(0, rest.find('#'));  // the fragment is for people
  size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  TRY(read_authority(text, rest.substr(0, authority_end), url));
  rest.remove_prefix(authority_end);
  size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (url.path.empty()) url.path = "/";
  if (question != std::string_view::npos) url.query = rest.substr(question + 1);
  return url;
}

std::string Url::target() const { return query.empty() ? path : path + "?" + query; }

std::string Url::text() const {
  std::string out = scheme + "://";
  if (!user_info.empty()) out += user_info + "@";
  out += host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) out += ":" + std::to_string(port);
  return out + target();
}

std::string percent_decode(std::string_view text) {
  if (text.find('%') == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? digit_value(text[i + 1]) : -1;
    int low = high >= 0 ? digit_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  auto decoded = [](std::string_view part) {
    // HTML forms and Go's url.Values write a space as a plus sign.
    std::string spaced(part);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return percent_decode(spaced);
  };
  for (std::string_view pair : base::split(query, '&')) {
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    out.emplace_back(decoded(pair.substr(0, equals)), decoded(value));
  }
  return out;
}

}  // namespace net
