#include "registry/names.h"

#include <algorithm>

#include "base/text.h"

namespace registry {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

bool is_dns_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; });
}

// The name part of a key, and a label value that is not empty.
bool is_name_part(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long(size_t most) { return "must be no more than " + std::to_string(most) + " characters"; }

}  // namespace

std::string dns_label_problem(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (is_dns_label(text)) return {};
  return "a lowercase RFC 1123 label consists of lower case letters, digits and '-', and starts and ends with a letter "
         "or digit (such as 'my-name')";
}

std::string dns_subdomain_problem(std::string_view text) {
  if (text.size() > 253) return too_long(253);
  const auto parts = base::split(text, '.');
  if (!text.empty() && std::all_of(parts.begin(), parts.end(), is_dns_label)) return {};
  return "a lowercase RFC 1123 subdomain consists of lower case letters, digits, '-' and '.', and each part starts and "
         "ends with a letter or digit (such as 'example.com')";
}

std::string path_segment_problem(std::string_view text) {
  if (text == "." || text == "..") return "may not be '" + std::string(text) + "'";
  if (text.find_first_of("/%") != std::string_view::npos) return "may not contain '/' or '%'";
  return {};
}

std::string qualified_name_problem(std::string_view text) {
  const size_t slash = text.find('/');
  std::string_view name = text;
  if (slash != std::string_view::npos) {
    const auto prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (prefix.empty()) return "prefix part must be non-empty";
    if (const auto problem = dns_subdomain_problem(prefix); !problem.empty()) return "prefix part " + problem;
  }
  if (name.empty()) return "name part must be non-empty";
  if (name.size() > 63) return "name part " + too_long(63);
  if (is_name_part(name)) return {};
  return "name part consists of letters, digits, '-', '_' and '.', and starts and ends with a letter or digit, with an "
         "optional DNS subdomain and '/' in front (such as 'example.com/MyName')";
}

std::string label_value_problem(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (text.empty() || is_name_part(text)) return {};
  return "a label value is empty or consists of letters, digits, '-', '_' and '.', and starts and ends with a letter "
         "or "
         "digit (such as 'my_value')";
}

}  // namespace registry
