// What an unquoted YAML scalar means: the core of YAML 1.1 (yaml.org/type), read as sigs.k8s.io/yaml does.
#include <charconv>
#include <cmath>

#include "wire/yaml.h"

namespace wire {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    if (text == word) return true;
  }
  return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [-+]? then 0x, 0b, 0o, 0 (octal) or decimal digits; underscores are already gone.
Json integer(std::string_view text) {
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base == 8 && mark != 'o' && mark != 'O' ? 1 : 2);
  }
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return nullptr;
  if (!negative) return magnitude;
  if (magnitude > uint64_t{1} << 63) return nullptr;
  return static_cast<int64_t>(~magnitude + 1);
}

// Digits with at most one point and an exponent; from_chars alone would also take "inf" and "nan".
Json real(std::string_view text) {
  std::string_view digits = text;
  if (digits.front() == '+' || digits.front() == '-') digits.remove_prefix(1);
  const bool starts_well =
      !digits.empty() && (is_digit(digits[0]) || (digits.size() > 1 && digits[0] == '.' && is_digit(digits[1])));
  if (!starts_well) return nullptr;
  if (text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return nullptr;
  // 15.0 is 15 in the JSON that upstream makes of it.
  constexpr double exact_max = 9007199254740992.0;  // 2^53
  if (std::trunc(value) == value && std::fabs(value) < exact_max) return static_cast<int64_t>(value);
  return value;
}

}  // namespace

Json resolve_yaml_scalar(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF"})) return false;
  const char first = text.front();
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return text;
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  if (plain.empty() || plain == "-" || plain == "+") return text;
  if (Json value = integer(plain); !value.is_null()) return value;
  if (Json value = real(plain); !value.is_null()) return value;
  return text;
}

}  // namespace wire
