// Parts of timestamps and durations.
#include "cel/functions.h"
#include "cel/time_text.h"

namespace cel {
namespace {

template <int CalendarTime::*Part, int Shift = 0>
Value part_of(Arguments args) {
  const std::string_view zone = args.size() > 1 ? std::string_view(args[1].text()) : std::string_view();
  const auto time = calendar_time({args[0].seconds(), args[0].nanoseconds()}, zone);
  if (!time) return Value::error("unknown time zone " + std::string(zone));
  return Value::integer((*time).*Part + Shift);
}

template <int64_t Unit>
Value count_of(Arguments args) {
  return Value::integer(args[0].duration().count() / Unit);
}

Value milliseconds_of(Arguments args) { return Value::integer(args[0].duration().count() / 1'000'000); }

}  // namespace

void add_times(Functions& to) {
  const std::pair<const char*, Function> parts[] = {{"getFullYear", part_of<&CalendarTime::year>},
                                                    {"getMonth", part_of<&CalendarTime::month>},
                                                    {"getDayOfMonth", part_of<&CalendarTime::day, -1>},
                                                    {"getDate", part_of<&CalendarTime::day>},
                                                    {"getDayOfWeek", part_of<&CalendarTime::day_of_week>},
                                                    {"getDayOfYear", part_of<&CalendarTime::day_of_year>},
                                                    {"getHours", part_of<&CalendarTime::hour>},
                                                    {"getMinutes", part_of<&CalendarTime::minute>},
                                                    {"getSeconds", part_of<&CalendarTime::second>},
                                                    {"getMilliseconds", part_of<&CalendarTime::millisecond>}};
  for (const auto& [name, function] : parts) {
    to.add(name, "m timestamp: int", CostRule::unit, function);
    to.add(name, "m timestamp, string: int", CostRule::unit, function);
  }
  to.add("getHours", "m duration: int", CostRule::unit, count_of<int64_t{3600} * 1'000'000'000>);
  to.add("getMinutes", "m duration: int", CostRule::unit, count_of<int64_t{60} * 1'000'000'000>);
  to.add("getSeconds", "m duration: int", CostRule::unit, count_of<1'000'000'000>);
  to.add("getMilliseconds", "m duration: int", CostRule::unit, milliseconds_of);
}

}  // namespace cel
