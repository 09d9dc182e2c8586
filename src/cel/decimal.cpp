#include "cel/decimal.h"

#include <algorithm>

namespace cel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr Wide limit = static_cast<Wide>(1'000'000'000'000'000'000) * 1'000'000'000 * 10'000'000'000;  // 10^37

struct Suffix {
  std::string_view text;
  int tens;  // times 10^tens
  int twos;  // times 2^twos
};
constexpr Suffix suffixes[] = {{"Ki", 0, 10}, {"Mi", 0, 20}, {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60},
                               {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"", 0, 0},    {"k", 3, 0},   {"M", 6, 0},
                               {"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0}};

std::optional<Suffix> suffix_of(std::string_view text) {
  for (const auto& one : suffixes) {
    if (one.text == text) return one;
  }
  if (text.empty() || (text.front() != 'e' && text.front() != 'E')) return std::nullopt;
  text.remove_prefix(1);
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 3 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  int power = 0;
  for (const char c : text) power = power * 10 + (c - '0');
  return Suffix{"", minus ? -power : power, 0};
}

bool times(Wide& number, Wide factor) {
  if (number > limit / factor) return false;
  number *= factor;
  return true;
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  size_t end = 0;
  bool any = false, dot = false;
  while (end < text.size() && (is_digit(text[end]) || (text[end] == '.' && !dot))) {
    dot = dot || text[end] == '.';
    any = any || is_digit(text[end]);
    ++end;
  }
  const auto suffix = suffix_of(text.substr(end));
  if (!any || !suffix) return std::nullopt;
  // All digits as one whole number, then moved by powers of ten, to nanos.
  Wide number = 0;
  int tens = suffix->tens + 9;
  bool after_dot = false, finer = false;
  int digits = 0, scale = suffix->tens;
  for (const char c : text.substr(0, end)) {
    if (c == '.') {
      after_dot = true;
      continue;
    }
    if (digits > 0 || c != '0') ++digits;
    if (after_dot) --scale;
    if (number > limit / 100) {
      if (!after_dot) return std::nullopt;
      finer = finer || c != '0';  // too fine to count
      continue;
    }
    number = number * 10 + (c - '0');
    if (after_dot) --tens;
  }
  const bool wide = scale < 0 || digits > 18 || (suffix->twos > 0 && after_dot);
  if (number == 0) return Decimal{0, wide};
  if (suffix->twos > 0 && !times(number, static_cast<Wide>(1) << suffix->twos)) {
    return std::nullopt;
  }
  for (; tens > 0; --tens) {
    if (!times(number, 10)) return std::nullopt;
  }
  for (; tens < 0 && number > 0; ++tens) {
    finer = finer || number % 10 != 0;
    number /= 10;
  }
  if (finer) ++number;
  return Decimal{minus ? -number : number, wide};
}

std::optional<int64_t> whole_part(const Decimal& number) {
  const Wide whole = number.nanos / 1'000'000'000;
  if (!number.is_whole() || whole > INT64_MAX || whole < INT64_MIN) return std::nullopt;
  return static_cast<int64_t>(whole);
}

double approximate(const Decimal& number) { return static_cast<double>(number.nanos) / 1e9; }

}  // namespace cel
