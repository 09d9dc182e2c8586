// Durable events of the recent past, per resource, for watches that start there and for lists at a past revision. Holds
// at most a number of events and of bytes; what falls out moves the compacted revision on.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "store/store.h"

namespace store {

class History {
 public:
  History(const Limits& limits, uint64_t compacted) : limits_(limits), compacted_(compacted) {}
  void add(Event event);
  void forget(uint64_t upto);  // drops everything; `upto` is the last revision there was
  uint64_t compacted() const { return compacted_; }
  // Events of `resource` with revision > `after`, oldest first. `after` must be >= compacted().
  std::vector<Event> after(std::string_view resource, uint64_t after) const;

 private:
  void drop_oldest();

  Limits limits_;
  uint64_t compacted_;
  size_t bytes_ = 0;
  std::map<std::string, std::deque<Event>, std::less<>> by_resource_;
  std::deque<std::deque<Event>*> order_;  // which of them holds the oldest, the next, ...; map nodes do not move
};

}  // namespace store
