// Points in time and spans. Time is wall-clock time in UTC; in simulation it is virtual. Only sys::Loop tells it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace base {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using namespace std::chrono_literals;  // 300s, 5min

// RFC 3339 in UTC, whole seconds: "2026-01-31T12:00:00Z" (metav1.Time).
std::string rfc3339(Time time);
// The same with exactly six fractional digits (metav1.MicroTime, as Lease and Event want it).
std::string rfc3339_micro(Time time);
// Any RFC 3339 time with optional fraction and offset; nullopt when it is not one.
std::optional<Time> parse_rfc3339(std::string_view text);

// "5m3s", "2d4h", as kubectl prints an AGE (k8s.io/apimachinery duration.HumanDuration).
std::string human_duration(Duration span);
// Go's duration strings "300s", "1h5m", "1.5h"; nullopt when it is not one.
std::optional<Duration> parse_go_duration(std::string_view text);
// The canonical Go form: "5m0s", "1h0m0s", "1.5s".
std::string go_duration(Duration span);

}  // namespace base
