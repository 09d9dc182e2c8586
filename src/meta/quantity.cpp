#include "meta/quantity.h"

#include <algorithm>

#include "base/text.h"

namespace meta {
namespace {

__extension__ typedef unsigned __int128 Wide;

enum class Form : unsigned char { decimal, binary, exponent };

struct Suffix {
  Form form = Form::decimal;
  int power = 0;  // of ten, or of two
};

struct Parts {
  bool negative = false;
  std::string_view whole, fraction;  // digits; the whole without zeros in front
  Suffix suffix;
};

constexpr std::pair<std::string_view, int> decimal_suffixes[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                                                                 {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
constexpr std::string_view binary_suffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
constexpr int power_max = 18;      // of ten, that has a suffix
constexpr size_t digits_max = 27;  // that surely fit with nine more into the wide number

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const auto out = text.substr(0, count);
  text.remove_prefix(count);
  return out;
}

std::optional<Suffix> read_suffix(std::string_view text) {
  for (const auto& [name, power] : decimal_suffixes) {
    if (text == name) return Suffix{Form::decimal, power};
  }
  for (size_t i = 1; i < std::size(binary_suffixes); ++i) {
    if (text == binary_suffixes[i]) return Suffix{Form::binary, static_cast<int>(i) * 10};
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  const bool plus = text[0] == '+';
  const auto power = base::parse_int(plus ? text.substr(1) : text);
  if (!power || *power < -30 || *power > 30) return std::nullopt;
  return Suffix{Form::exponent, static_cast<int>(*power)};
}

std::optional<Parts> read_parts(std::string_view text) {
  Parts out;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  out.whole = take_digits(text);
  const bool whole = !out.whole.empty();
  while (!out.whole.empty() && out.whole.front() == '0') out.whole.remove_prefix(1);
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    out.fraction = take_digits(text);
  }
  if (!whole && out.fraction.empty()) return std::nullopt;
  const auto suffix = read_suffix(text);
  if (!suffix) return std::nullopt;
  out.suffix = *suffix;
  return out;
}

// Billionths, rounded away from zero; nullopt when they are too many.
std::optional<Wide> billionths(const Parts& parts) {
  std::string digits = std::string(parts.whole) + std::string(parts.fraction);
  if (digits.size() > digits_max) return std::nullopt;
  Wide value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  int power = 9 - static_cast<int>(parts.fraction.size());
  if (parts.suffix.form != Form::binary) power += parts.suffix.power;
  constexpr Wide limit = ~Wide{0} >> 2;
  const auto times = [&](Wide factor) {
    if (value > limit / factor) return false;
    value *= factor;
    return true;
  };
  if (parts.suffix.form == Form::binary && !times(Wide{1} << parts.suffix.power)) return std::nullopt;
  bool lost = false;
  for (; power < 0; ++power) {
    lost = lost || value % 10 != 0;
    value /= 10;
  }
  if (lost) ++value;
  for (; power > 0; --power) {
    if (!times(10)) return std::nullopt;
  }
  return value;
}

std::string text_of(Wide value) {
  std::string out;
  do {
    out += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string decimal_text(Wide value, Form form) {
  int power = -9;
  for (; value != 0 && value % 10 == 0; ++power) value /= 10;
  for (; power % 3 != 0 || power > power_max; --power) value *= 10;
  if (value == 0) return "0";
  if (form == Form::exponent) return text_of(value) + (power == 0 ? "" : "e" + std::to_string(power));
  for (const auto& [name, known] : decimal_suffixes) {
    if (known == power) return text_of(value) + std::string(name);
  }
  return text_of(value);
}

std::string binary_text(Wide value) {
  constexpr Wide billion = 1000000000;
  value = (value + billion - 1) / billion;
  size_t suffix = 0;
  for (; value % 1024 == 0 && suffix + 1 < std::size(binary_suffixes); ++suffix) value /= 1024;
  return text_of(value) + std::string(binary_suffixes[suffix]);
}

// What is well written already stays as it is, signs and zeros included.
bool is_kept(const Parts& parts) {
  if (parts.suffix.form == Form::binary) {
    const auto last = base::parse_int(parts.whole).value_or(0);
    return parts.fraction.empty() && (last & 7) != 0;
  }
  const std::string digits = (parts.whole.empty() ? "0" : std::string(parts.whole)) + std::string(parts.fraction);
  const int power = parts.suffix.power - static_cast<int>(parts.fraction.size());
  return power >= -9 && power % 3 == 0 && !digits.ends_with("000") && digits[0] != '0';
}

}  // namespace

std::optional<std::string> canonical_quantity(std::string_view text) {
  const auto parts = read_parts(text);
  if (!parts) return std::nullopt;
  if (is_kept(*parts)) return std::string(text);
  const auto value = billionths(*parts);
  if (!value) return std::string(text);  // larger than anything that is
  if (*value == 0) return "0";
  constexpr Wide small = Wide{1024} * 1000000000;
  const bool binary = parts->suffix.form == Form::binary && *value >= small;
  const Form form = parts->suffix.form == Form::exponent ? Form::exponent : Form::decimal;
  return (parts->negative ? "-" : "") + (binary ? binary_text(*value) : decimal_text(*value, form));
}

}  // namespace meta
