#include "base/time.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace base {

namespace {
using namespace std::chrono;

std::string format_date(Time time) {
  const auto second = floor<seconds>(time);
  const auto day = floor<days>(second);
  const year_month_day date(day);
  const hh_mm_ss clock(second - day);
  // Every write stamps its time, and printf takes several times as long. The clock spans 1678 to 2261: four digits.
  std::string out = "0000-00-00T00:00:00";
  const auto put = [&out](size_t at, size_t digits, unsigned value) {
    for (size_t i = digits; i-- > 0; value /= 10) out[at + i] = static_cast<char>('0' + value % 10);
  };
  put(0, 4, static_cast<unsigned>(int(date.year())));
  put(5, 2, unsigned(date.month()));
  put(8, 2, unsigned(date.day()));
  put(11, 2, static_cast<unsigned>(clock.hours().count()));
  put(14, 2, static_cast<unsigned>(clock.minutes().count()));
  put(17, 2, static_cast<unsigned>(clock.seconds().count()));
  return out;
}

// Reads exactly `digits` decimal digits at `at`, moving it on.
std::optional<int> number(std::string_view text, size_t& at, size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i, ++at) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool take(std::string_view text, size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

std::optional<Duration> parse_offset(std::string_view text, size_t& at) {
  if (take(text, at, 'Z') || take(text, at, 'z')) return Duration::zero();
  const int sign = take(text, at, '+') ? 1 : take(text, at, '-') ? -1 : 0;
  if (!sign) return std::nullopt;
  const auto hour = number(text, at, 2);
  if (!hour || *hour > 23 || !take(text, at, ':')) return std::nullopt;
  const auto minute = number(text, at, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return sign * (hours(*hour) + minutes(*minute));
}
}  // namespace

std::string rfc3339(Time time) { return format_date(time) + "Z"; }

std::string rfc3339_micro(Time time) {
  const auto micros = floor<microseconds>(time) - floor<seconds>(time);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", int(micros.count()));
  return format_date(time) + fraction.data();
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  size_t at = 0;
  const auto year_number = number(text, at, 4);
  if (!year_number || !take(text, at, '-')) return std::nullopt;
  const auto month_number = number(text, at, 2);
  if (!month_number || !take(text, at, '-')) return std::nullopt;
  const auto day_number = number(text, at, 2);
  if (!day_number || !(take(text, at, 'T') || take(text, at, 't'))) return std::nullopt;
  const year_month_day date{year(*year_number), month(unsigned(*month_number)), day(unsigned(*day_number))};
  const auto hour = number(text, at, 2);
  if (!date.ok() || !hour || *hour > 23 || !take(text, at, ':')) return std::nullopt;
  const auto minute = number(text, at, 2);
  if (!minute || *minute > 59 || !take(text, at, ':')) return std::nullopt;
  const auto second = number(text, at, 2);
  if (!second || *second > 59) return std::nullopt;
  Duration fraction{0};
  if (take(text, at, '.')) {
    int64_t scale = 100'000'000;
    const size_t from = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      fraction += Duration((text[at] - '0') * scale);
    }
    if (at == from) return std::nullopt;
  }
  const auto offset = parse_offset(text, at);
  if (!offset || at != text.size()) return std::nullopt;
  // The 64-bit nanosecond clock spans 1678 to 2261; clamp what lies outside.
  const int clamped = std::min(std::max(*year_number, 1678), 2261);
  const auto day_point = sys_days(year_month_day{year(clamped), date.month(), date.day()});
  return Time(day_point) + hours(*hour) + minutes(*minute) + seconds(*second) + fraction - *offset;
}

std::string human_duration(Duration span) {
  const auto s = duration_cast<seconds>(span).count();
  const auto text = [](int64_t n, const char* unit) { return n ? std::to_string(n) + unit : std::string(); };
  if (s < -1) return "<invalid>";
  if (s <= 0) return "0s";
  const int64_t m = s / 60, h = s / 3600, d = h / 24;
  if (s < 120) return text(s, "s");
  if (m < 10) return text(m, "m") + text(s % 60, "s");
  if (m < 180) return text(m, "m");
  if (h < 8) return text(h, "h") + text(m % 60, "m");
  if (h < 48) return text(h, "h");
  if (d < 8) return text(d, "d") + text(h % 24, "h");
  if (d < 365 * 2) return text(d, "d");
  if (d < 365 * 8) return text(d / 365, "y") + text(d % 365, "d");
  return text(d / 365, "y");
}

std::optional<Duration> parse_go_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    if (digits == 0 || digits > 18) return std::nullopt;
    double value = 0, scale = 0;
    for (const char c : text.substr(0, digits)) {
      if (c == '.') {
        if (scale != 0) return std::nullopt;
        scale = 1;
      } else {
        value = value * 10 + (c - '0');
        scale *= 10;
      }
    }
    if (scale > 1) value /= scale;
    text.remove_prefix(digits);
    const size_t letters = std::min(text.find_first_of("0123456789."), text.size());
    const auto unit = text.substr(0, letters);
    const double nanos = unit == "ns"   ? 1
                         : unit == "us" ? 1e3
                         : unit == "ms" ? 1e6
                         : unit == "s"  ? 1e9
                         : unit == "m"  ? 60e9
                         : unit == "h"  ? 3600e9
                                        : 0;
    if (nanos == 0) return std::nullopt;
    total += value * nanos;
    text.remove_prefix(letters);
  }
  if (total > 9.2e18) return std::nullopt;
  return Duration(static_cast<int64_t>(negative ? -total : total));
}

std::string go_duration(Duration span) {
  if (span == Duration::zero()) return "0s";
  const std::string sign = span < Duration::zero() ? "-" : "";
  int64_t n = span.count() < 0 ? -span.count() : span.count();
  const auto with_fraction = [](int64_t value, int64_t unit) {
    std::string out = std::to_string(value / unit);
    if (value % unit) {
      std::string rest = std::to_string(value % unit + unit).substr(1);
      rest.erase(rest.find_last_not_of('0') + 1);
      out += "." + rest;
    }
    return out;
  };
  if (n < 1000) return sign + std::to_string(n) + "ns";
  if (n < 1'000'000) return sign + with_fraction(n, 1000) + "us";
  if (n < 1'000'000'000) return sign + with_fraction(n, 1'000'000) + "ms";
  constexpr int64_t minute = 60'000'000'000, hour = 60 * minute;
  std::string out = sign;
  if (n >= hour) out += std::to_string(n / hour) + "h";
  if (n >= minute) out += std::to_string(n % hour / minute) + "m";
  return out + with_fraction(n % minute, 1'000'000'000) + "s";
}

}  // namespace base
