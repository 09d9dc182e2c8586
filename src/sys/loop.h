// The event loop of the control thread and the seam under it. Everything that waits, waits here, so the same program
// runs on the real clock (sys/real) and on a virtual one (sys/sim).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"

namespace sys {

using base::Duration;
using base::Error;
using base::Result;
using base::Time;

// What differs between real and virtual time. The real driver is epoll plus the monotonic clock; the simulated one
// jumps to the next timer when nothing is runnable.
class Driver {
 public:
  virtual ~Driver() = default;
  // Wall-clock time that never goes back (real: wall clock at start plus monotonic time since).
  virtual Time now() = 0;
  // Waits for I/O or until `next_timer` (if `have_timer`), then returns; completions are posted to the loop. Returns
  // false when nothing can ever happen again (simulation without timers).
  virtual bool wait_until(Time next_timer, bool have_timer) = 0;
  // Makes a wait_until in another thread's future or present return soon. Callable from any thread.
  virtual void wake() = 0;
};

using TimerId = uint64_t;  // 0 is none

class Scheduler;  // sys/scheduler.h, private to this folder

// Single-threaded. Ready functions run in the order they were posted; timers of one instant in the order they were set,
// so a run is deterministic.
class Loop {
 public:
  explicit Loop(Driver& driver);
  // A part of `whole`: the same queue, clock and thread, but shut() ends only what was started through this part. A
  // simulated process is one.
  explicit Loop(Loop& whole);
  ~Loop();  // as shut()
  Loop(const Loop&) = delete;

  Time now() const;
  void post(std::function<void()> fn);                  // from the loop's own thread
  void post_from_any_thread(std::function<void()> fn);  // wakes the loop
  TimerId after(Duration delay, std::function<void()> fn);
  void cancel(TimerId timer);  // no-op for 0 and for timers that fired

  void run();       // until stop()
  bool run_once();  // one round; false when nothing can ever happen again
  // Runs until `done` returns true, checked after every function; false when the loop ran dry first.
  bool run_until(const std::function<bool()>& done);
  void stop();  // from the loop's thread or a posted function

  // Cancels the fibers spawned through this loop and runs each to its end before it returns (a cancelled fiber cannot
  // park again), then drops the functions and timers given to it; later ones are dropped at once. Call it before
  // destroying what they use. On the whole loop it ends the parts too. A fiber that calls it is cancelled and goes on.
  void shut();
  bool is_shut() const { return shut_.load(std::memory_order_relaxed); }

  Scheduler& scheduler() const { return *scheduler_; }  // for sys's own files
  uint32_t scope() const { return scope_; }

 private:
  std::shared_ptr<Scheduler> scheduler_;
  uint32_t scope_;  // 0: the whole
  std::atomic<bool> shut_ = false;
};

}  // namespace sys
