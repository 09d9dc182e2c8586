#include "sys/loop.h"

#include <utility>

#include "sys/scheduler.h"

namespace sys {

namespace {
// While functions are always ready, I/O is looked at every so many rounds.
constexpr uint32_t rounds_between_polls = 8;
}  // namespace

Scheduler::~Scheduler() {
  // All fibers have ended (Loop::shut); wake-ups that were under way let go of them.
  for (auto* queue : {&batch_, &ready_}) {
    for (size_t i = queue == &batch_ ? next_ : 0; i < queue->size(); ++i) {
      if ((*queue)[i].scope == internal && (*queue)[i].fn) (*queue)[i].fn();
    }
  }
}

void Scheduler::post_from_any_thread(uint32_t scope, std::function<void()> fn) {
  {
    std::lock_guard lock(foreign_mutex_);
    foreign_.push_back({std::move(fn), scope});
    have_foreign_.store(true, std::memory_order_release);
  }
  driver_.wake();
}

void Scheduler::take_foreign() {
  if (!have_foreign_.load(std::memory_order_acquire)) return;
  std::vector<Ready> taken;
  {
    std::lock_guard lock(foreign_mutex_);
    taken.swap(foreign_);
    have_foreign_.store(false, std::memory_order_relaxed);
  }
  for (Ready& item : taken) ready_.push_back(std::move(item));
}

TimerId Scheduler::after(uint32_t scope, Duration delay, std::function<void()> fn) {
  const Time now = driver_.now();
  const Time at = delay <= Duration::zero() ? now : (delay > Time::max() - now ? Time::max() : now + delay);
  return timers_.add(at, scope, std::move(fn));
}

void Scheduler::take_due_timers() {
  if (timers_.empty()) return;
  const Time now = driver_.now();
  while (!timers_.empty() && timers_.next() <= now) {
    TimerHeap::Entry due = timers_.pop();
    ready_.push_back({std::move(due.fn), due.scope});
  }
}

bool Scheduler::run_round(const std::function<bool()>* done, bool& met) {
  if (next_ == batch_.size()) {
    batch_.clear();
    next_ = 0;
    take_foreign();
    take_due_timers();
    const bool idle = ready_.empty();
    if (idle || ++rounds_without_wait_ >= rounds_between_polls) {
      rounds_without_wait_ = 0;
      const bool have_timer = !idle || !timers_.empty();
      const bool alive = driver_.wait_until(idle && have_timer ? timers_.next() : driver_.now(), have_timer);
      take_foreign();
      take_due_timers();
      if (!alive && ready_.empty()) return false;
    }
    batch_.swap(ready_);
  }
  while (next_ < batch_.size() && !stopping_) {
    const std::function<void()> fn = std::move(batch_[next_++].fn);
    if (fn) fn();
    if (done != nullptr && (*done)()) {
      met = true;
      return true;
    }
  }
  return true;
}

void Scheduler::run() {
  CHECK_THAT(!running_, "the loop is already running further up");
  running_ = true;
  bool met = false;
  while (!stopping_ && run_round(nullptr, met)) {
  }
  stopping_ = false;
  running_ = false;
}

bool Scheduler::run_until(const std::function<bool()>& done) {
  CHECK_THAT(!running_, "the loop is already running further up");
  if (done()) return true;
  running_ = true;
  bool met = false;
  while (!met && !stopping_ && run_round(&done, met)) {
  }
  stopping_ = false;
  running_ = false;
  return met;
}

bool Scheduler::run_once() {
  CHECK_THAT(!running_, "the loop is already running further up");
  running_ = true;
  bool met = false;
  const bool alive = run_round(nullptr, met);
  running_ = false;
  return alive;
}

void Scheduler::drop_scope(uint32_t scope) {
  std::vector<std::function<void()>> dropped = timers_.remove_scope(scope);
  const auto drop_from = [&dropped, scope](std::vector<Ready>& queue) {
    for (Ready& item : queue) {
      if (item.scope == scope && item.fn) dropped.push_back(std::exchange(item.fn, nullptr));
    }
  };
  drop_from(batch_);
  drop_from(ready_);
  std::lock_guard lock(foreign_mutex_);
  drop_from(foreign_);
  // `dropped` dies after the lock: what its functions own may call back into the loop.
}

void Scheduler::shut(uint32_t scope) {
  // Unwinding one fiber may end others, so the list is searched anew from a copy.
  const std::vector<std::shared_ptr<FiberState>> living(fibers_.begin(), fibers_.end());
  for (const auto& fiber : living) {
    if (scope == whole || scope_of(*fiber) == scope) unwind_fiber(fiber);
  }
  if (scope != whole) return drop_scope(scope);
  for (uint32_t each = 0; each <= scopes_; ++each) drop_scope(each);
}

Loop::Loop(Driver& driver) : scheduler_(std::make_shared<Scheduler>(driver)), scope_(Scheduler::whole) {}
Loop::Loop(Loop& whole) : scheduler_(whole.scheduler_), scope_(scheduler_->new_scope()) {}
Loop::~Loop() { shut(); }

Time Loop::now() const { return scheduler_->driver().now(); }

void Loop::post(std::function<void()> fn) {
  if (!is_shut()) scheduler_->post(scope_, std::move(fn));
}

void Loop::post_from_any_thread(std::function<void()> fn) {
  if (!is_shut()) scheduler_->post_from_any_thread(scope_, std::move(fn));
}

TimerId Loop::after(Duration delay, std::function<void()> fn) {
  return is_shut() ? 0 : scheduler_->after(scope_, delay, std::move(fn));
}

void Loop::cancel(TimerId timer) { scheduler_->cancel(timer); }
void Loop::run() { scheduler_->run(); }

bool Loop::run_once() { return scheduler_->run_once(); }

bool Loop::run_until(const std::function<bool()>& done) { return scheduler_->run_until(done); }
void Loop::stop() { scheduler_->stop(); }

void Loop::shut() {
  if (shut_.exchange(true)) return;
  scheduler_->shut(scope_);
}

}  // namespace sys
