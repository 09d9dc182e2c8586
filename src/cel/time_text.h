// Timestamps and durations of CEL as text and as parts of a calendar, with time zones. Private to src/cel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cel {

// Years 1 to 9999; base::Time, which counts nanoseconds in 64 bits, holds less.
struct Instant {
  int64_t seconds = 0;  // since 1970
  int32_t nanoseconds = 0;
};

// RFC 3339 with any offset; nullopt when it is not one.
std::optional<Instant> parse_timestamp(std::string_view text);
// "2026-01-31T12:00:00.5Z": as many digits as it takes.
std::string timestamp_text(Instant time);
// "5400s", "0.25s".
std::string duration_text(base::Duration span);

struct CalendarTime {
  int year = 0, month = 0 /* 0-11 */, day = 0 /* 1-31 */, day_of_year = 0 /* 0-365 */, day_of_week = 0 /* Sunday 0 */;
  int hour = 0, minute = 0, second = 0, millisecond = 0;
};
// In a zone: "", "UTC" and "GMT" mean UTC, "+02:00", "-03:30" and "02:00" are offsets. nullopt for others: names of the
// time zone database are not known here.
std::optional<CalendarTime> calendar_time(Instant time, std::string_view zone);

}  // namespace cel
