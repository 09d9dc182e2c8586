#include "cel/web_address.h"

#include <algorithm>

#include "base/text.h"

namespace cel {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

int hex_digit(char c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

// False on a % that is not followed by two hexadecimal digits.
bool unescape(std::string_view text, bool plus_is_space, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return true;
}

bool may_stay_in_path(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("-_.~$&+,/:;=@!'()*").find(c) != std::string_view::npos;
}

// As it was written where that is a valid escaping, else escaped anew.
std::string escaped(std::string_view written, const std::string& plain) {
  const bool valid = std::all_of(written.begin(), written.end(),
                                 [](char c) { return may_stay_in_path(c) || c == '[' || c == ']' || c == '%'; });
  if (valid) return std::string(written);
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    // Go leaves these to the reader: it would not escape !'()* when it has to escape anything.
    if (may_stay_in_path(c) && std::string_view("!'()*").find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

std::map<std::string, std::vector<std::string>> query_of(std::string_view text) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto part : base::split(text, '&')) {
    if (part.empty() || part.find(';') != std::string_view::npos) continue;
    const size_t equals = std::min(part.find('='), part.size());
    std::string name, value;
    if (!unescape(part.substr(0, equals), true, name)) continue;
    if (equals < part.size() && !unescape(part.substr(equals + 1), true, value)) continue;
    out[name].push_back(value);
  }
  return out;
}

// Splits user@host:port; false when the port is no number.
bool read_authority(std::string_view text, WebAddress& out, std::string& why) {
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos) text.remove_prefix(at + 1);
  out.host = text;
  std::string_view name = text, port;
  if (text.starts_with('[')) {
    const size_t end = text.rfind(']');
    if (end == std::string_view::npos) {
      why = "missing ']' in host";
      return false;
    }
    name = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    name = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!port.empty() && (port.front() != ':' || !std::all_of(port.begin() + 1, port.end(), is_digit))) {
    why = "invalid port " + base::quoted(port) + " after host";
    return false;
  }
  if (!port.empty()) out.port = port.substr(1);
  if (text.find_first_of(" <>\"") != std::string_view::npos) {
    const size_t bad = text.find_first_of(" <>\"");
    why = "invalid character " + base::quoted(text.substr(bad, 1)) + " in host name";
    return false;
  }
  return unescape(name, false, out.hostname);
}

}  // namespace

std::optional<WebAddress> parse_web_address(std::string_view text, std::string& why) {
  const auto fail = [&](const std::string& what) {
    why = "parse " + base::quoted(text) + ": " + what;
    return std::nullopt;
  };
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return fail("net/url: invalid control character in URL");
  }
  if (text.empty()) return fail("empty url");
  WebAddress out;
  std::string_view rest = text;
  size_t end = 0;
  while (end < rest.size() && (is_letter(rest[end]) || (end > 0 && (is_digit(rest[end]) || rest[end] == '+' ||
                                                                    rest[end] == '-' || rest[end] == '.')))) {
    ++end;
  }
  if (end < rest.size() && rest[end] == ':') {
    if (end == 0) return fail("missing protocol scheme");
    out.scheme = base::lower(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  const size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    out.query = query_of(rest.substr(question + 1));
    rest = rest.substr(0, question);
  }
  if (!rest.starts_with('/')) {
    if (!out.scheme.empty()) return out;  // opaque, such as mailto:x
    return fail("invalid URI for request");
  }
  if (!out.scheme.empty() && rest.starts_with("//")) {
    const size_t slash = std::min(rest.find('/', 2), rest.size());
    std::string problem;
    if (!read_authority(rest.substr(2, slash - 2), out, problem)) {
      return fail(problem.empty() ? "invalid URL escape" : problem);
    }
    rest = rest.substr(slash);
  }
  std::string plain;
  if (!unescape(rest, false, plain)) {
    const size_t percent = rest.find('%');
    return fail("invalid URL escape " + base::quoted(rest.substr(percent, 3)));
  }
  out.escaped_path = escaped(rest, plain);
  return out;
}

}  // namespace cel
