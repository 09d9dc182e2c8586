// Fibers: straight-line code that parks instead of blocking. Only net, metal, workload, server, agent, cli, sim and
// main may include this header: reconcilers and the store run to completion and must not be able to suspend.
//
// A parked call returns Code::cancelled after Fiber::cancel(); code that sees it must unwind (TRY does) and not park
// again. No parking while holding a lock, inside a catch block or in a destructor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sys/loop.h"

namespace sys {

class FiberState;

// A handle; copies name the same fiber. Dropping it does not stop the fiber.
class Fiber {
 public:
  Fiber() = default;
  void cancel();        // wakes it with Code::cancelled at its next or present parking place
  bool done() const;    // also true for an empty handle
  Result<void> join();  // parks the calling fiber until it is done

 private:
  friend Fiber spawn(Loop&, std::string, std::function<void()>);
  std::shared_ptr<FiberState> state_;
};

// Starts `body` on the loop (not before the caller returns or parks). `name` appears in logs. An exception that leaves
// `body` aborts the program: it is a bug.
Fiber spawn(Loop& loop, std::string name, std::function<void()> body);

bool in_fiber();  // whether the caller may park
Result<void> sleep(Loop& loop, Duration span);
Result<void> yield(Loop& loop);  // lets everything that is ready run first

// Level-triggered: wait returns at once while set. One-thread only.
class Signal {
 public:
  explicit Signal(Loop& loop);
  ~Signal();
  Signal(const Signal&) = delete;
  void set();  // wakes all waiters
  void clear();
  bool is_set() const;
  Result<void> wait();                   // cancelled
  Result<void> wait_for(Duration span);  // timeout, cancelled

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs a callback-style operation from a fiber: `start` gets a function to call once with the result.
template <class T>
Result<T> await(Loop& loop, const std::function<void(std::function<void(Result<T>)>)>& start) {
  struct Shared {
    explicit Shared(Loop& l) : ready(l) {}
    Signal ready;
    std::optional<Result<T>> result;
  };
  auto shared = std::make_shared<Shared>(loop);
  start([shared](Result<T> result) {
    shared->result.emplace(std::move(result));
    shared->ready.set();
  });
  if (auto waited = shared->ready.wait(); !waited) return std::move(waited).error();
  return std::move(*shared->result);
}

}  // namespace sys
