// What happened in the rack, in order: one line each, with the simulated time since the rack's start. The same seed
// gives the same lines, byte for byte; tests compare them and read invariants from them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/pace.h"

namespace sim {

struct RackEvent {
  base::Duration at{};  // simulated time since the start
  std::string subject;  // server, cluster or service
  std::string what;     // a constant: "power on", "image written"
  std::string detail;
  std::string line() const;
};

class EventLog {
 public:
  EventLog(sys::Loop& loop, const Pace& pace) : loop_(loop), pace_(pace), start_(loop.now()) {}
  void add(std::string_view subject, std::string_view what, std::string_view detail = {});
  const std::vector<RackEvent>& events() const { return events_; }
  std::string text() const;  // all lines
  size_t count(std::string_view what, std::string_view subject = {}) const;
  void on_event(std::function<void(const RackEvent&)> fn) { observer_ = std::move(fn); }

 private:
  static constexpr size_t events_max = 500'000;
  sys::Loop& loop_;
  const Pace& pace_;
  base::Time start_;
  std::vector<RackEvent> events_;
  std::function<void(const RackEvent&)> observer_;
};

}  // namespace sim
