#include "server/seat_pool.h"

#include <doctest/doctest.h>

#include <set>

#include "sys/sim/sim.h"

namespace server {
namespace {

using base::milliseconds;
using base::seconds;

// Flows come as hashes, whose bits are all alike.
uint64_t spread(uint64_t flow) {
  flow = (flow + 1) * 0x9e3779b97f4a7c15;
  flow = (flow ^ flow >> 30) * 0xbf58476d1ce4e5b9;
  return flow ^ flow >> 31;
}

struct Pool {
  explicit Pool(uint32_t seats) : pool(world.process("10.0.0.1", "disk").loop, seats) {}
  ~Pool() { loop().shut(); }
  sys::Loop& loop() { return world.loop(); }

  // Takes a seat, keeps it for `span` of virtual time, then does it again, `times` times.
  void client(const std::string& level, uint64_t flow, int times, base::Duration span, int* done,
              int* refused = nullptr, uint32_t width = 1) {
    sys::spawn(loop(), "client", [=, this] {
      for (int i = 0; i < times; ++i) {
        auto held = pool.enter(level, spread(flow), width, seconds(15));
        if (!held) {
          if (refused) ++*refused;
          if (held.error().code == base::Code::cancelled) return;
          continue;
        }
        if (span > base::Duration::zero() && !sys::sleep(loop(), span)) return;
        ++*done;
      }
    });
  }
  void pass(base::Duration span) {
    bool due = false;
    loop().after(span, [&] { due = true; });
    REQUIRE(loop().run_until([&] { return due; }));
  }

  sys::SimWorld world{1};
  SeatPool pool;
};

LevelShape level(std::string name, uint32_t shares, uint32_t lendable = 0, QueueShape queue = {64, 6, 50}) {
  return {.name = std::move(name), .shares = shares, .lendable_percent = lendable, .queue = queue};
}

TEST_CASE("a flow's queues are different ones, and the same each time") {
  for (uint64_t hash = 1; hash < 5'000; ++hash) {
    const auto hand = deal_hand(spread(hash), 64, 6);
    CHECK(std::set<uint32_t>(hand.begin(), hand.end()).size() == 6);
    for (const uint32_t card : hand) CHECK(card < 64);
    CHECK(hand == deal_hand(spread(hash), 64, 6));
  }
  CHECK(deal_hand(7, 3, 8).size() == 3);
}

TEST_CASE("levels get seats by their shares") {
  Pool at(600);
  at.pool.set_levels({level("a", 100), level("b", 40), level("c", 5)});
  CHECK(at.pool.seats_of("a") == 414);
  CHECK(at.pool.seats_of("b") == 166);
  CHECK(at.pool.seats_of("c") == 21);
}

TEST_CASE("a client with much to ask leaves the others of its level their part") {
  Pool at(4);
  at.pool.set_levels({level("only", 1)});
  int greedy = 0, modest = 0, refused = 0;
  for (int i = 0; i < 200; ++i) at.client("only", 1, 1'000, milliseconds(10), &greedy, &refused);
  at.pass(seconds(1));
  const int before = greedy;
  // As many requests at a time as there are seats: a fair half is theirs.
  for (int i = 0; i < 4; ++i) at.client("only", 2, 1'000, milliseconds(10), &modest);
  at.pass(seconds(2));
  CHECK(modest > 250);
  CHECK(greedy - before > 250);
  CHECK(modest + greedy - before <= 804);
  CHECK(at.pool.held_in("only") == 4);
}

TEST_CASE("what is charged is the time that requests take, not their number") {
  Pool at(2);
  at.pool.set_levels({level("only", 1)});
  int slow = 0, quick = 0;
  for (int i = 0; i < 20; ++i) at.client("only", 1, 1'000, milliseconds(100), &slow);
  for (int i = 0; i < 20; ++i) at.client("only", 2, 10'000, milliseconds(10), &quick);
  at.pass(seconds(20));
  CHECK(quick > 5 * slow);
  CHECK(slow > 100);
}

TEST_CASE("requests that need no waiting are started in turns, so that nobody is behind a thousand others") {
  Pool at(1'000);
  at.pool.set_levels({level("only", 1, 0, {128, 6, 100})});
  int greedy = 0, modest = 0;
  for (int i = 0; i < 500; ++i) at.client("only", 1, 1, {}, &greedy);
  at.client("only", 2, 1, {}, &modest);
  REQUIRE(at.loop().run_until([&] { return modest == 1; }));
  CHECK(greedy < 100);
}

TEST_CASE("queues have an end, and waiting too") {
  Pool at(1);
  at.pool.set_levels({level("only", 1, 0, {1, 1, 3})});
  int done = 0, refused = 0;
  for (int i = 0; i < 10; ++i) at.client("only", 1, 1, seconds(20), &done, &refused);
  at.pass(milliseconds(1));
  CHECK(at.pool.waiting_in("only") == 3);
  CHECK(refused == 6);
  at.pass(seconds(16));
  CHECK(refused == 9);
  CHECK(at.pool.waiting_in("only") == 0);
}

TEST_CASE("where nobody waits, those without a seat are turned away") {
  Pool at(10);
  at.pool.set_levels({level("only", 1, 0, {})});
  int done = 0, refused = 0;
  for (int i = 0; i < 30; ++i) at.client("only", 1, 1, seconds(1), &done, &refused);
  at.pass(seconds(2));
  CHECK(done == 10);
  CHECK(refused == 20);
}

TEST_CASE("a level borrows what others lend, and gives way to them at once") {
  Pool at(100);
  at.pool.set_levels({level("busy", 50), level("idle", 50, 40)});
  int busy = 0, idle = 0;
  for (uint64_t i = 0; i < 200; ++i) at.client("busy", i, 1, seconds(10), &busy);
  at.pass(milliseconds(10));
  CHECK(at.pool.held_in("busy") == 70);
  for (uint64_t i = 0; i < 50; ++i) at.client("idle", i, 1, milliseconds(10), &idle);
  at.pass(milliseconds(50));
  CHECK(idle == 50);
}

TEST_CASE("an exempt level never waits") {
  Pool at(1);
  at.pool.set_levels({{.name = "exempt", .exempt = true}, level("only", 1)});
  int done = 0;
  for (int i = 0; i < 500; ++i) at.client("exempt", 0, 1, seconds(1), &done);
  at.pass(milliseconds(1));
  CHECK(at.pool.held_in("exempt") == 500);
  at.pass(seconds(2));
  CHECK(done == 500);
}

TEST_CASE("a wide request waits for all its seats and is not passed for ever") {
  Pool at(4);
  at.pool.set_levels({level("only", 1)});
  int narrow = 0, wide = 0;
  for (int i = 0; i < 50; ++i) at.client("only", 1, 100, milliseconds(10), &narrow);
  at.client("only", 2, 5, milliseconds(10), &wide, nullptr, 10);
  at.pass(seconds(3));
  CHECK(wide == 5);
}

TEST_CASE("levels come and go while requests are under way") {
  Pool at(2);
  at.pool.set_levels({level("old", 1)});
  int done = 0, refused = 0;
  for (int i = 0; i < 6; ++i) at.client("old", 1, 1, seconds(1), &done, &refused);
  at.pass(milliseconds(1));
  at.pool.set_levels({level("new", 1)});
  at.client("new", 1, 1, seconds(1), &done, &refused);
  at.pass(seconds(10));
  CHECK(done == 7);
  CHECK(refused == 0);
  at.client("old", 1, 1, seconds(1), &done, &refused);
  at.pass(seconds(1));
  CHECK(refused == 1);
}

}  // namespace
}  // namespace server
