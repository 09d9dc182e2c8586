#include "meta/formats.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/time.h"

namespace meta {
namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_ip(int family, std::string_view text) {
  unsigned char bytes[16];
  return text.size() < 64 && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

bool is_cidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const auto prefix = base::parse_int(text.substr(slash + 1));
  if (!prefix || *prefix < 0) return false;
  const auto address = text.substr(0, slash);
  return (is_ip(AF_INET, address) && *prefix <= 32) || (is_ip(AF_INET6, address) && *prefix <= 128);
}

// Six or eight bytes, separated by colons or dashes, as Go's net.ParseMAC reads them.
bool is_mac(std::string_view text) {
  if (text.size() != 17 && text.size() != 23) return false;
  const char separator = text[2];
  if (separator != ':' && separator != '-') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != separator : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_date(std::string_view text) {
  return text.size() == 10 && base::parse_rfc3339(std::string(text) + "T00:00:00Z").has_value();
}

bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  for (const auto label : base::split(text, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
      if (!letter && c != '-') return false;
    }
  }
  return true;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_uri(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return text.starts_with('/');
  const auto scheme = text.substr(0, colon);
  return !scheme.empty() && scheme.find_first_of("/?# ") == std::string_view::npos;
}

}  // namespace

bool has_format(std::string_view format, std::string_view text) {
  if (format == "date-time") return base::parse_rfc3339(text).has_value();
  if (format == "byte") return base::unbase64(text).has_value();
  if (format == "duration") return base::parse_go_duration(text).has_value();
  if (format == "date") return is_date(text);
  if (format == "ipv4") return is_ip(AF_INET, text);
  if (format == "ipv6") return is_ip(AF_INET6, text);
  if (format == "cidr") return is_cidr(text);
  if (format == "mac") return is_mac(text);
  if (format == "hostname") return is_hostname(text);
  if (format == "uuid") return is_uuid(text);
  if (format == "uri") return is_uri(text);
  return true;
}

std::string dns_1035_problem(std::string_view text) {
  bool good = !text.empty() && text.size() <= 63 && text.front() >= 'a' && text.front() <= 'z' && text.back() != '-';
  for (const char c : text) good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  if (good) return {};
  if (text.size() > 63) return "must be no more than 63 bytes";
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
         "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
         "is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

std::optional<double> parse_quantity(std::string_view text) {
  static constexpr std::pair<std::string_view, double> suffixes[] = {{"Ki", 1024.0},
                                                                     {"Mi", 1048576.0},
                                                                     {"Gi", 1073741824.0},
                                                                     {"Ti", 1099511627776.0},
                                                                     {"Pi", 1125899906842624.0},
                                                                     {"Ei", 1152921504606846976.0},
                                                                     {"n", 1e-9},
                                                                     {"u", 1e-6},
                                                                     {"m", 1e-3},
                                                                     {"k", 1e3},
                                                                     {"M", 1e6},
                                                                     {"G", 1e9},
                                                                     {"T", 1e12},
                                                                     {"P", 1e15},
                                                                     {"E", 1e18},
                                                                     {"", 1.0}};
  double sign = 1;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) return std::nullopt;
  double number = 0;
  // "1E" is an exa suffix, "1E3" an exponent: from_chars takes the exponent only when digits follow.
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const auto& [suffix, factor] : suffixes) {
    if (rest == suffix) return sign * number * factor;
  }
  return std::nullopt;
}

}  // namespace meta
