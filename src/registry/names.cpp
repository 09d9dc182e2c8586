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

// The texts are part of the API: people search for them, and clients show them.
std::string too_long(size_t most, const char* of = "bytes") {
  return "must be no more than " + std::to_string(most) + " " + of;
}

constexpr const char* label_rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* subdomain_rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* name_part_rule =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr const char* label_value_rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

}  // namespace

std::string dns_label_problem(std::string_view text) {
  if (text.size() > 63) return too_long(63, "characters");
  if (is_dns_label(text)) return {};
  return text.find('.') != std::string_view::npos ? "must not contain dots" : label_rule;
}

std::string dns_subdomain_problem(std::string_view text) {
  if (text.size() > 253) return too_long(253, "characters");
  const auto parts = base::split(text, '.');
  if (!text.empty() && std::all_of(parts.begin(), parts.end(), is_dns_label)) return {};
  return subdomain_rule;
}

std::string path_segment_problem(std::string_view text) {
  if (text == "." || text == "..") return "may not be '" + std::string(text) + "'";
  for (const char* no : {"/", "%"}) {
    if (text.find(no) != std::string_view::npos) return "may not contain '" + std::string(no) + "'";
  }
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
  return name_part_rule;
}

std::string name_part_problem(std::string_view text) { return is_name_part(text) ? std::string() : name_part_rule; }

std::string label_value_problem(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (text.empty() || is_name_part(text)) return {};
  return label_value_rule;
}

}  // namespace registry
