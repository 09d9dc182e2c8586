// How long a server's hardware, and the software that is installed on it, has worked: POST, loading, writing, booting.
// The rest of a server's time it waits for others, which is how tests and benchmarks tell what the manager adds.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace sim {

class WorkTime {
 public:
  // Work that begins now and takes so long; work at the same time counts once.
  void add(base::Time now, base::Duration takes) {
    const base::Time end = now + takes;
    if (end <= busy_until_) return;
    total_ += end - std::max(now, busy_until_);
    busy_until_ = end;
  }
  // What was under way ends early: the power is gone.
  void cut(base::Time now) {
    total_ = until(now);
    busy_until_ = std::min(busy_until_, now);
  }
  // All work up to now.
  base::Duration until(base::Time now) const { return total_ - std::max(base::Duration::zero(), busy_until_ - now); }

 private:
  base::Duration total_{};
  base::Time busy_until_{};
};

}  // namespace sim
