#include "api/rules/version.h"

#include "base/text.h"

namespace api::rules {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return true;
}

bool is_identifier(std::string_view text) {
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !is_digit(c) && c != '-') return false;
  }
  return !text.empty();
}

bool are_identifiers(std::string_view text, bool strict_numbers) {
  for (const auto part : base::split(text, '.')) {
    if (!is_identifier(part)) return false;
    const bool digits = part.find_first_not_of("0123456789") == std::string_view::npos;
    if (strict_numbers && digits && !is_number(part)) return false;
  }
  return true;
}

std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
  const auto x = base::parse_int(a), y = base::parse_int(b);
  if (x && y) return *x <=> *y;
  if (x || y) return x ? std::strong_ordering::less : std::strong_ordering::greater;  // numbers come first
  return a.compare(b) <=> 0;
}

std::strong_ordering compare_pre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return b.size() <=> a.size();  // a release comes after its release candidates
  const auto x = base::split(a, '.'), y = base::split(b, '.');
  for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
    const auto order = compare_identifiers(x[i], y[i]);
    if (order != 0) return order;
  }
  return x.size() <=> y.size();
}

}  // namespace

std::strong_ordering compare(const Release& a, const Release& b) {
  if (a.major != b.major) return a.major <=> b.major;
  if (a.minor != b.minor) return a.minor <=> b.minor;
  if (a.patch != b.patch) return a.patch <=> b.patch;
  return compare_pre(a.pre, b.pre);
}

std::optional<Release> parse_release(std::string_view text) {
  if (!text.starts_with('v')) return std::nullopt;
  text.remove_prefix(1);
  if (const size_t plus = text.find('+'); plus != std::string_view::npos) {
    if (!are_identifiers(text.substr(plus + 1), false)) return std::nullopt;
    text = text.substr(0, plus);
  }
  Release out;
  if (const size_t dash = text.find('-'); dash != std::string_view::npos) {
    if (!are_identifiers(text.substr(dash + 1), true)) return std::nullopt;
    out.pre = text.substr(dash + 1);
    text = text.substr(0, dash);
  }
  const auto numbers = base::split(text, '.');
  if (numbers.size() != 3) return std::nullopt;
  int64_t* const parts[] = {&out.major, &out.minor, &out.patch};
  for (size_t i = 0; i < 3; ++i) {
    const auto number = is_number(numbers[i]) ? base::parse_int(numbers[i]) : std::nullopt;
    if (!number) return std::nullopt;
    *parts[i] = *number;
  }
  return out;
}

void prefix_version(Json& doc, std::string_view path) {
  const std::string& text = doc.path(path).string();
  if (text.empty() || !is_digit(text.front())) return;
  doc.set_path(path, "v" + text);
}

void check_version(const Json& holder, std::string_view name, const std::string& field,
                   std::vector<FieldError>& found) {
  const Json& value = holder[name];
  if (value.is_null() || parse_release(value.string())) return;
  found.push_back(meta::field_invalid(field, value, "must be a full version such as v1.33.2"));
}

}  // namespace api::rules
