#include "sys/fiber.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "sys/fiber_stack.h"
#include "sys/scheduler.h"
#include "sys/trim_stack.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace sys {

namespace context = boost::context;

// Its life: spawned (woken), running, parked, ... done. `scheduler.fibers()` owns it until it is done and no wake-up is
// under way.
class FiberState : public std::enable_shared_from_this<FiberState> {
 public:
  FiberState(Scheduler& on, uint32_t in_scope, std::string given, std::function<void()> run)
      : scheduler(&on), scope(in_scope), name(std::move(given)), body(std::move(run)) {}

  void start();  // makes the context; the stack is taken late so that waiting spawns are cheap
  void wake();   // queues it once, whoever asks
  void resume();
  void park();  // back to whoever resumed it
  void end();

  Scheduler* scheduler;  // alive as long as the fiber is not done
  uint32_t scope;
  std::string name;
  std::function<void()> body;
  context::fiber inside;   // the fiber while somebody else runs
  context::fiber resumer;  // who resumed it, while it runs
  Scheduler::Fibers::iterator place;
  std::vector<FiberState*> joiners;
  bool listed = true;  // in scheduler->fibers()
  bool started = false;
  bool active = false;  // runs, or resumed the one that runs
  bool wake_pending = false;
  bool cancelled = false;
  bool done = false;
  uint32_t refused_parks = 0;

  void* stack = nullptr;
  // For the address sanitizer, which must know which stack is in use.
  void* fake_stack = nullptr;
  const void* resumer_bottom = nullptr;
  size_t resumer_bytes = 0;
};

namespace {

thread_local FiberState* current = nullptr;
constexpr uint32_t refused_parks_max = 100'000;

struct PooledStack {
  void* stack;
  context::stack_context allocate() {
    context::stack_context made;
    made.size = FiberStacks::bytes;
    made.sp = static_cast<char*>(stack) + FiberStacks::bytes;
    return made;
  }
  void deallocate(context::stack_context& made) {
    fiber_stacks().give(static_cast<char*>(made.sp) - FiberStacks::bytes);
  }
};

#if defined(__SANITIZE_ADDRESS__)
void leave_stack(void** fake, const void* bottom, size_t bytes) { __sanitizer_start_switch_fiber(fake, bottom, bytes); }
void enter_stack(void* fake, const void** bottom, size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake, bottom, bytes);
}
#else
void leave_stack(void**, const void*, size_t) {}
void enter_stack(void*, const void**, size_t*) {}
#endif

void run_woken(FiberState* fiber) {
  fiber->wake_pending = false;
  if (fiber->done) {
    fiber->end();
  } else {
    fiber->resume();
  }
}

// The one parking place: true when woken, false when the fiber was cancelled.
bool park_current() {
  FiberState* self = current;
  CHECK_THAT(self != nullptr, "only a fiber may wait");
  if (!self->cancelled) self->park();
  if (!self->cancelled) return true;
  CHECK_THAT(++self->refused_parks < refused_parks_max, "a cancelled fiber goes on waiting instead of unwinding");
  return false;
}

bool current_cancelled() {
  CHECK_THAT(current != nullptr, "only a fiber may wait");
  if (!current->cancelled) return false;
  return !park_current();
}

}  // namespace

void FiberState::start() {
  started = true;
  stack = fiber_stacks().take();
  inside = context::fiber(std::allocator_arg, PooledStack{stack}, [this](context::fiber&& from) {
    resumer = std::move(from);
    enter_stack(nullptr, &resumer_bottom, &resumer_bytes);
    try {
      body();
    } catch (const context::detail::forced_unwind&) {
      throw;
    } catch (const std::exception& error) {
      base::log::error("exception left a fiber", {{"fiber", name}, {"what", error.what()}});
      std::terminate();
    } catch (...) {
      std::terminate();
    }
    body = nullptr;
    done = true;
    leave_stack(nullptr, resumer_bottom, resumer_bytes);
    return std::move(resumer);
  });
}

void FiberState::wake() {
  if (wake_pending || done) return;
  wake_pending = true;
  scheduler->post(Scheduler::internal, [self = this] { run_woken(self); });
}

void FiberState::resume() {
  const auto alive = shared_from_this();
  if (!started) start();
  FiberState* previous = std::exchange(current, this);
  active = true;
  void* fake = nullptr;
  leave_stack(&fake, stack, FiberStacks::bytes);
  inside = std::move(inside).resume();
  enter_stack(fake, nullptr, nullptr);
  active = false;
  current = previous;
  if (done) end();
}

void FiberState::park() {
  leave_stack(&fake_stack, resumer_bottom, resumer_bytes);
  resumer = std::move(resumer).resume();
  enter_stack(fake_stack, &resumer_bottom, &resumer_bytes);
}

void FiberState::end() {
  for (FiberState* joiner : std::exchange(joiners, {})) joiner->wake();
  if (wake_pending || !listed) return;
  listed = false;
  const auto alive = shared_from_this();
  scheduler->fibers().erase(place);
}

uint32_t scope_of(const FiberState& fiber) { return fiber.scope; }

void unwind_fiber(const std::shared_ptr<FiberState>& fiber) {
  if (fiber->done) return;
  fiber->cancelled = true;
  if (fiber->active) return;
  if (!fiber->started) {
    fiber->done = true;
    const std::function<void()> dropped = std::exchange(fiber->body, nullptr);
    fiber->end();
    return;
  }
  fiber->resume();
  CHECK_THAT(fiber->done, "a cancelled fiber parked");
}

Fiber spawn(Loop& loop, std::string name, std::function<void()> body) {
  Fiber handle;
  if (loop.is_shut()) return handle;
  Scheduler& on = loop.scheduler();
  handle.state_ = std::make_shared<FiberState>(on, loop.scope(), std::move(name), std::move(body));
  handle.state_->place = on.fibers().insert(on.fibers().end(), handle.state_);
  handle.state_->wake();
  return handle;
}

void Fiber::cancel() {
  if (!state_ || state_->done || state_->cancelled) return;
  state_->cancelled = true;
  state_->wake();
}

bool Fiber::done() const { return !state_ || state_->done; }

Result<void> Fiber::join() {
  if (current_cancelled()) return base::cancelled();
  while (!done()) {
    CHECK_THAT(state_.get() != current, "a fiber cannot join itself");
    state_->joiners.push_back(current);
    if (!park_current()) {
      std::erase(state_->joiners, current);
      return base::cancelled();
    }
  }
  return {};
}

bool in_fiber() { return current != nullptr; }

namespace {

// Wakes the current fiber after a while. A timer that is due already sits among the ready functions, where nothing can
// cancel it, and may run when the fiber has gone on or is no more; so what it touches is its own.
class Alarm {
 public:
  Alarm(Scheduler& scheduler, Duration span) : scheduler_(scheduler), bell_(std::make_shared<Bell>(Bell{current})) {
    timer_ = scheduler.after(Scheduler::internal, span, [bell = bell_] {
      bell->rung = true;
      if (bell->fiber != nullptr) bell->fiber->wake();
    });
  }
  ~Alarm() {
    bell_->fiber = nullptr;
    scheduler_.cancel(timer_);
  }
  Alarm(const Alarm&) = delete;
  bool rung() const { return bell_->rung; }

 private:
  struct Bell {
    FiberState* fiber;
    bool rung = false;
  };
  Scheduler& scheduler_;
  std::shared_ptr<Bell> bell_;
  TimerId timer_ = 0;
};

}  // namespace

Result<void> sleep(Loop& loop, Duration span) {
  if (current_cancelled()) return base::cancelled();
  const Alarm end(loop.scheduler(), span);
  while (!end.rung()) {
    if (!park_current()) return base::cancelled();
  }
  return {};
}

Result<void> yield(Loop& loop) {
  if (current_cancelled()) return base::cancelled();
  (void)loop;
  current->wake();
  if (!park_current()) return base::cancelled();
  return {};
}

void trim_stack() {
  if (current != nullptr) trim_stack_below(current->stack, __builtin_frame_address(0));
}

struct Signal::State {
  explicit State(std::shared_ptr<Scheduler> on) : scheduler(std::move(on)) {}
  std::shared_ptr<Scheduler> scheduler;
  bool set = false;
  bool gone = false;
  std::vector<FiberState*> waiters;
};

Signal::Signal(Loop& loop) : state_(std::make_shared<State>(loop.scheduler().shared_from_this())) {}

Signal::~Signal() {
  state_->gone = true;
  for (FiberState* waiter : state_->waiters) waiter->wake();
}

void Signal::set() {
  state_->set = true;
  for (FiberState* waiter : std::exchange(state_->waiters, {})) waiter->wake();
}

void Signal::clear() { state_->set = false; }
bool Signal::is_set() const { return state_->set; }
Result<void> Signal::wait() { return wait_for(Duration::max()); }

Result<void> Signal::wait_for(Duration span) {
  if (current_cancelled()) return base::cancelled();
  if (state_->set) return {};
  const auto state = state_;  // outlives the Signal while this waits
  std::optional<Alarm> limit;
  if (span != Duration::max()) limit.emplace(*state->scheduler, span);
  state->waiters.push_back(current);
  bool alive = true;
  bool by_set = false;
  while (alive && !by_set && !(limit && limit->rung()) && !state->gone) {
    alive = park_current();
    by_set = std::find(state->waiters.begin(), state->waiters.end(), current) == state->waiters.end();
  }
  std::erase(state->waiters, current);
  if (!alive) return base::cancelled();
  if (by_set) return {};
  return state->gone ? base::cancelled() : base::timeout("no answer in time");
}

}  // namespace sys
