#include "cel/time_text.h"

#include <chrono>

#include "base/text.h"

namespace cel {
namespace {

using Days = std::chrono::sys_days;

constexpr int64_t day_seconds = 86400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `count` digits from the front.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int out = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return out;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int32_t> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  int32_t out = 0;
  size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    if (digits < 9) out = out * 10 + (text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  for (size_t i = digits; i < 9; ++i) out *= 10;
  return out;
}

// "Z", "+02:00"
std::optional<int64_t> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  const bool minus = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int64_t seconds = *hours * 3600 + *minutes * 60;
  return minus ? -seconds : seconds;
}

std::string two_digits(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// ".5" without the zeros at the end; "" for 0.
std::string fraction_text(int64_t nanoseconds) {
  if (nanoseconds == 0) return {};
  std::string digits = std::to_string(nanoseconds);
  digits.insert(0, 9 - digits.size(), '0');
  digits.erase(digits.find_last_not_of('0') + 1);
  return "." + digits;
}

std::optional<int64_t> zone_offset(std::string_view zone) {
  if (zone.empty() || zone == "UTC" || zone == "Z" || zone == "GMT") return 0;
  std::string text(zone);
  if (is_digit(text.front())) text.insert(0, "+");
  std::string_view rest = text;
  if (const auto offset = take_offset(rest); offset && rest.empty()) return *offset;
  return std::nullopt;
}

}  // namespace

std::optional<Instant> parse_timestamp(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't'))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const int64_t days = Days(date).time_since_epoch().count();
  return Instant{days * day_seconds + *hour * 3600 + *minute * 60 + *second - *offset, *fraction};
}

std::string timestamp_text(Instant time) {
  const auto at = *calendar_time(time, "");
  std::string year = std::to_string(at.year);
  year.insert(0, year.size() < 4 ? 4 - year.size() : 0, '0');
  return year + "-" + two_digits(at.month + 1) + "-" + two_digits(at.day) + "T" + two_digits(at.hour) + ":" +
         two_digits(at.minute) + ":" + two_digits(at.second) + fraction_text(time.nanoseconds) + "Z";
}

std::string duration_text(base::Duration span) {
  const int64_t count = span.count();
  // Without overflow for the smallest one.
  const uint64_t size = count < 0 ? ~static_cast<uint64_t>(count) + 1 : static_cast<uint64_t>(count);
  return (count < 0 ? "-" : "") + std::to_string(size / 1'000'000'000) +
         fraction_text(static_cast<int64_t>(size % 1'000'000'000)) + "s";
}

std::optional<CalendarTime> calendar_time(Instant time, std::string_view zone) {
  const auto offset = zone_offset(zone);
  if (!offset) return std::nullopt;
  const int64_t local = time.seconds + *offset;
  int64_t days = local / day_seconds, rest = local % day_seconds;
  if (rest < 0) {
    rest += day_seconds;
    --days;
  }
  const Days day{std::chrono::days(days)};
  const std::chrono::year_month_day date(day);
  CalendarTime out;
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.day_of_year = static_cast<int>((day - Days(date.year() / std::chrono::January / 1)).count());
  out.day_of_week = static_cast<int>(std::chrono::weekday(day).c_encoding());
  out.hour = static_cast<int>(rest / 3600);
  out.minute = static_cast<int>(rest / 60 % 60);
  out.second = static_cast<int>(rest % 60);
  out.millisecond = time.nanoseconds / 1'000'000;
  return out;
}

}  // namespace cel
