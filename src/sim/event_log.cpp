#include "sim/event_log.h"

#include <cstdio>

namespace sim {

std::string RackEvent::line() const {
  const auto ms = std::chrono::duration_cast<base::milliseconds>(at).count();
  char stamp[48];
  std::snprintf(stamp, sizeof stamp, "%02lld:%02lld:%02lld.%03lld ", static_cast<long long>(ms / 3'600'000),
                static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60),
                static_cast<long long>(ms % 1000));
  std::string out = stamp + subject + ": " + what;
  if (!detail.empty()) out += ": " + detail;
  return out;
}

void EventLog::add(std::string_view subject, std::string_view what, std::string_view detail) {
  if (events_.size() >= events_max) return;
  const auto passed = std::chrono::duration_cast<base::Duration>((loop_.now() - start_) * pace_.speed());
  events_.push_back({passed, std::string(subject), std::string(what), std::string(detail)});
  if (observer_) observer_(events_.back());
}

std::string EventLog::text() const {
  std::string out;
  for (const auto& event : events_) out += event.line() + "\n";
  return out;
}

size_t EventLog::count(std::string_view what, std::string_view subject) const {
  size_t found = 0;
  for (const auto& event : events_) {
    if (event.what == what && (subject.empty() || event.subject == subject)) ++found;
  }
  return found;
}

}  // namespace sim
