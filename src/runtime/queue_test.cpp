#include "runtime/queue.h"

#include <doctest/doctest.h>

#include "sys/sim/sim.h"

namespace runtime {

TEST_CASE("a queue that ends in the round in which a key is due is not called any more") {
  sys::SimWorld world(1);
  int calls = 0;
  auto queue = std::make_unique<Queue>(world.loop(), world.random(), [&] { ++calls; });
  // Both are due at one moment; the first ends the queue while the second waits for its turn.
  world.loop().after(base::seconds(1), [&] { queue.reset(); });
  queue->add_after({"things", "default", "one"}, base::seconds(1));
  bool over = false;
  world.loop().after(base::seconds(2), [&] { over = true; });
  world.loop().run_until([&] { return over; });
  CHECK(queue == nullptr);
  CHECK(calls == 0);
}

}  // namespace runtime
