#include "sys/fiber.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sys/sim/sim_driver.h"
#include "sys/trim_stack.h"

using base::milliseconds;
using base::seconds;

namespace {
struct Bench {
  sys::SimDriver driver{base::Time()};
  sys::Loop loop{driver};
  std::vector<std::string> trace;

  void run() {
    loop.run_until([] { return false; });
  }
  void say(std::string what) { trace.push_back(std::move(what)); }
};
using Lines = std::vector<std::string>;
}  // namespace

TEST_CASE("loop: functions run in the order posted, timers by time and then by the order set") {
  Bench b;
  b.loop.after(milliseconds(2), [&] { b.say("late"); });
  b.loop.after(milliseconds(1), [&] { b.say("early 1"); });
  b.loop.after(milliseconds(1), [&] { b.say("early 2"); });
  const auto cancelled = b.loop.after(milliseconds(1), [&] { b.say("never"); });
  b.loop.post([&] {
    b.say("post 1");
    b.loop.post([&] { b.say("post 3"); });
  });
  b.loop.post([&] { b.say("post 2"); });
  b.loop.cancel(cancelled);
  b.loop.cancel(0);
  b.run();
  CHECK(b.trace == Lines{"post 1", "post 2", "post 3", "early 1", "early 2", "late"});
  CHECK(b.loop.now() == base::Time(milliseconds(2)));
  b.loop.cancel(cancelled);
}

TEST_CASE("loop: many timers fire in order although half of them are cancelled") {
  Bench b;
  sys::SeededRandom random(7);
  std::vector<std::pair<base::Time, int>> fired;
  std::vector<std::pair<base::Time, int>> expected;
  std::vector<sys::TimerId> ids;
  for (int i = 0; i < 2000; ++i) {
    const base::Duration delay = milliseconds(random.below(500));
    ids.push_back(b.loop.after(delay, [&, i] { fired.emplace_back(b.loop.now(), i); }));
    if (i % 2 == 0) expected.emplace_back(base::Time(delay), i);
  }
  for (size_t i = 1; i < ids.size(); i += 2) b.loop.cancel(ids[i]);
  b.run();
  std::sort(expected.begin(), expected.end());
  CHECK(fired == expected);
}

TEST_CASE("loop: run_until stops between two functions and stop() ends run()") {
  Bench b;
  int count = 0;
  for (int i = 0; i < 5; ++i) b.loop.post([&] { ++count; });
  CHECK(b.loop.run_until([&] { return count == 2; }));
  CHECK(count == 2);
  b.loop.post([&] { b.loop.stop(); });
  b.loop.post([&] { ++count; });
  b.loop.run();
  CHECK(count == 5);
  CHECK(b.loop.run_until([&] { return count == 6; }));
  CHECK(!b.loop.run_until([&] { return count == 7; }));
}

TEST_CASE("fibers: sleepers wake in time order and equal times in spawn order") {
  Bench b;
  for (const int delay : {30, 10, 20, 10}) {
    spawn(b.loop, "sleeper", [&b, delay] {
      CHECK(sys::in_fiber());
      CHECK(sys::sleep(b.loop, milliseconds(delay)));
      b.say(std::to_string(delay) + "@" + std::to_string(b.loop.now().time_since_epoch() / milliseconds(1)));
    });
  }
  CHECK(!sys::in_fiber());
  b.run();
  CHECK(b.trace == Lines{"10@10", "10@10", "20@20", "30@30"});
}

TEST_CASE("fibers: join waits for the end, yield lets others run") {
  Bench b;
  auto worker = spawn(b.loop, "worker", [&] {
    b.say("worker starts");
    CHECK(sys::sleep(b.loop, seconds(5)));
    b.say("worker ends");
  });
  spawn(b.loop, "boss", [&, worker]() mutable {
    b.say("boss waits");
    CHECK(worker.join());
    CHECK(worker.join());  // again, at once
    b.say("boss goes on");
  });
  spawn(b.loop, "polite", [&] {
    CHECK(sys::yield(b.loop));
    b.say("polite");
  });
  spawn(b.loop, "other", [&] { b.say("other"); });
  CHECK(!worker.done());
  b.run();
  CHECK(worker.done());
  CHECK(b.trace == Lines{"worker starts", "boss waits", "other", "polite", "worker ends", "boss goes on"});
  CHECK(sys::Fiber().done());
}

TEST_CASE("fibers: cancel wakes a parked fiber, which cannot park again") {
  Bench b;
  sys::Signal never(b.loop);
  auto victim = spawn(b.loop, "victim", [&] {
    const auto slept = sys::sleep(b.loop, base::hours(1));
    REQUIRE(!slept);
    CHECK(slept.error().code == base::Code::cancelled);
    CHECK(never.wait().error().code == base::Code::cancelled);
    CHECK(sys::yield(b.loop).error().code == base::Code::cancelled);
    b.say("unwound");
  });
  spawn(b.loop, "killer", [&, victim]() mutable {
    CHECK(sys::sleep(b.loop, seconds(1)));
    victim.cancel();
    victim.cancel();
    CHECK(victim.join());
    b.say("joined");
  });
  b.run();
  CHECK(b.trace == Lines{"unwound", "joined"});
  CHECK(b.loop.now() == base::Time(seconds(1)));
}

TEST_CASE("signal: level-triggered, wakes all, times out") {
  Bench b;
  sys::Signal signal(b.loop);
  for (int i = 0; i < 3; ++i) {
    spawn(b.loop, "waiter", [&b, &signal, i] {
      CHECK(signal.wait());
      b.say("woken " + std::to_string(i));
    });
  }
  spawn(b.loop, "impatient", [&] {
    const auto waited = signal.wait_for(milliseconds(3));
    REQUIRE(!waited);
    CHECK(waited.error().code == base::Code::timeout);
    CHECK(sys::sleep(b.loop, milliseconds(2)));
    signal.set();
    CHECK(signal.wait_for(milliseconds(0)));
    signal.clear();
    CHECK(!signal.wait_for(milliseconds(1)));
    b.say("impatient ends");
  });
  b.run();
  CHECK(b.trace == Lines{"woken 0", "woken 1", "woken 2", "impatient ends"});
}

TEST_CASE("signal: a waiter learns that the signal went away") {
  Bench b;
  auto signal = std::make_unique<sys::Signal>(b.loop);
  spawn(b.loop, "waiter", [&] {
    CHECK(signal->wait().error().code == base::Code::cancelled);
    b.say("told");
  });
  b.loop.after(seconds(1), [&] { signal.reset(); });
  b.run();
  CHECK(b.trace == Lines{"told"});
}

TEST_CASE("await: turns a callback into a parked call") {
  Bench b;
  spawn(b.loop, "caller", [&] {
    const auto answer = sys::await<int>(
        b.loop, [&](std::function<void(base::Result<int>)> done) { b.loop.after(seconds(2), [done] { done(42); }); });
    REQUIRE(answer);
    b.say(std::to_string(*answer));
  });
  b.run();
  CHECK(b.trace == Lines{"42"});
}

TEST_CASE("fibers: ten thousand at once, each with frames of its own") {
  Bench b;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    spawn(b.loop, "one", [&b, &sum, i] {
      uint64_t local[64];
      for (uint64_t k = 0; k < 64; ++k) local[k] = i + k;
      CHECK(sys::sleep(b.loop, milliseconds(i % 17)));
      for (uint64_t k = 0; k < 64; ++k) sum += local[k] - k;
    });
  }
  b.run();
  CHECK(sum == uint64_t{64} * (uint64_t{10'000} * 9'999 / 2));
}

TEST_CASE("shut: ends the fibers, functions and timers of one part and nothing else") {
  Bench b;
  sys::Loop part(b.loop);
  sys::Signal never(b.loop);
  auto parked = spawn(part, "parked", [&] {
    const auto waited = never.wait();
    b.say(waited ? "woken" : std::string(base::name_of(waited.error().code)));
    spawn(part, "late", [&] { b.say("must not run"); });
    part.post([&] { b.say("must not run"); });
    CHECK(part.after(seconds(1), [&] { b.say("must not run"); }) == 0);
  });
  part.after(seconds(2), [&] { b.say("must not run"); });
  b.loop.after(seconds(2), [&] { b.say("other timer"); });
  spawn(b.loop, "killer", [&] {
    CHECK(sys::sleep(b.loop, seconds(1)));
    part.post([&] { b.say("must not run"); });
    auto unstarted = spawn(part, "unstarted", [&] { b.say("must not run"); });
    part.shut();
    CHECK(parked.done());
    CHECK(unstarted.done());
    b.say("shut");
    CHECK(sys::sleep(b.loop, seconds(2)));
    b.say("killer lives");
  });
  b.run();
  CHECK(b.trace == Lines{"cancelled", "shut", "other timer", "killer lives"});
}

TEST_CASE("shut: a fiber may end its own part; destroying the loop unwinds what is left") {
  Lines trace;
  {
    Bench b;
    sys::Loop part(b.loop);
    spawn(part, "suicidal", [&] {
      part.shut();
      trace.push_back(sys::yield(part) ? "parked" : "refused");
    });
    b.loop.after(seconds(1), [] {});
    auto held = std::make_shared<int>(1);
    b.loop.after(base::hours(1), [held] { ++*held; });
    auto* keeper = &b;
    spawn(b.loop, "left", [keeper, &trace] {
      (void)sys::sleep(keeper->loop, base::hours(2));
      trace.push_back("unwound");
    });
    b.loop.run_until([&] { return b.loop.now() >= base::Time(seconds(1)) || trace.size() > 1; });
  }
  CHECK(trace == Lines{"refused", "unwound"});
}

// What it would write into is memory that was given back: `./dev check` sees that.
TEST_CASE("shut: a timer that is due when its fiber is unwound finds nobody") {
  Bench b;
  bool stop = false, timed_out = false;
  sys::Signal never(b.loop);
  b.loop.after(milliseconds(1), [&] { stop = true; });
  sys::spawn(b.loop, "waits", [&] { timed_out = never.wait_for(milliseconds(1)).error().code == base::Code::timeout; });
  sys::spawn(b.loop, "sleeps", [&] { CHECK_FALSE(sys::sleep(b.loop, milliseconds(1)).ok()); });
  b.loop.run_until([&] { return stop; });
  b.loop.shut();
  CHECK_FALSE(timed_out);
}

TEST_CASE("fibers: what is in use survives when the rest of the stack is given back") {
  Bench b;
  std::vector<std::string> kept;
  const auto deep = [](auto self, int depth) -> size_t {
    volatile char room[2000] = {};
    room[depth] = char(depth);
    return depth == 0 ? size_t(room[0]) : size_t(room[depth]) + self(self, depth - 1);
  };
  for (int i = 0; i < 20; ++i) {
    sys::spawn(b.loop, "trims", [&, i] {
      const std::string own(100, char('a' + i));
      const size_t before = deep(deep, 40);
      for (int round = 0; round < 3; ++round) {
        sys::trim_stack();
        CHECK(sys::sleep(b.loop, milliseconds(1)).ok());
      }
      if (deep(deep, 40) == before) kept.push_back(own);
    });
  }
  b.run();
  REQUIRE(kept.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(kept[size_t(i)] == std::string(100, char('a' + i)));
}
