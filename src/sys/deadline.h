// One limit for an operation that waits several times.
#pragma once

#include <algorithm>

#include "sys/loop.h"
#include "sys/net.h"

namespace sys {

class Deadline {
 public:
  Deadline(Loop& loop, Duration limit)
      : loop_(loop), at_(limit == no_limit ? Time::max() : end_of(loop.now(), limit)) {}
  // What is left, never negative; no_limit when there was none.
  Duration left() const {
    if (at_ == Time::max()) return no_limit;
    return std::max(Duration::zero(), at_ - loop_.now());
  }
  bool over() const { return left() == Duration::zero(); }

 private:
  static Time end_of(Time now, Duration limit) { return limit >= Time::max() - now ? Time::max() : now + limit; }
  Loop& loop_;
  Time at_;
};

}  // namespace sys
