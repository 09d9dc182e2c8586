// What is under Loop and fibers: the ready queue, the timers and the list of living fibers. Private to src/sys.
// Everything carries the scope (the Loop object) it was started through, so that Loop::shut can end exactly that.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "sys/loop.h"
#include "sys/timer_heap.h"

namespace sys {

class FiberState;

class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  static constexpr uint32_t whole = 0;
  static constexpr uint32_t internal = 0xffffffff;  // wake-ups of fibers: never dropped before the end

  explicit Scheduler(Driver& driver) : driver_(driver) {}
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;

  Driver& driver() { return driver_; }
  uint32_t new_scope() { return ++scopes_; }
  void post(uint32_t scope, std::function<void()> fn) { ready_.push_back({std::move(fn), scope}); }
  void post_from_any_thread(uint32_t scope, std::function<void()> fn);
  TimerId after(uint32_t scope, Duration delay, std::function<void()> fn);
  void cancel(TimerId timer) { timers_.remove(timer); }

  bool run_once();
  void run();
  bool run_until(const std::function<bool()>& done);
  void stop() { stopping_ = true; }
  void shut(uint32_t scope);

  // Living fibers in the order they were spawned; FiberState removes itself.
  using Fibers = std::list<std::shared_ptr<FiberState>>;
  Fibers& fibers() { return fibers_; }

 private:
  struct Ready {
    std::function<void()> fn;
    uint32_t scope = 0;
  };
  // `done` may be null. Returns false when nothing can ever happen again.
  bool run_round(const std::function<bool()>* done, bool& met);
  void take_foreign();
  void take_due_timers();
  void drop_scope(uint32_t scope);

  Driver& driver_;
  std::vector<Ready> batch_;  // being run, from next_ on
  size_t next_ = 0;
  std::vector<Ready> ready_;  // the following batch
  TimerHeap timers_;
  Fibers fibers_;
  uint32_t scopes_ = 0;
  uint32_t rounds_without_wait_ = 0;
  bool stopping_ = false;
  bool running_ = false;
  std::mutex foreign_mutex_;
  std::vector<Ready> foreign_;
  std::atomic<bool> have_foreign_ = false;
};

// fiber.cpp: cancels the fiber and runs it to its end, unless it is the running one or one that resumed it.
void unwind_fiber(const std::shared_ptr<FiberState>& fiber);
uint32_t scope_of(const FiberState& fiber);

}  // namespace sys
