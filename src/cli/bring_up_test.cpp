// Three clusters on twenty servers, as the samples say, with hardware that takes as long as in life.
#include <doctest/doctest.h>

#include "cli/test_world.h"

namespace {

using cli::test::World;

void apply_samples(World& world) {
  world.apply_file("samples/inventory-20-servers.yaml");
  world.apply_file("samples/three-clusters.yaml");
}

bool all_ready(World& world) { return world.ready("dev") && world.ready("staging") && world.ready("production"); }

TEST_CASE("three clusters become Ready") {
  World world(1);
  world.start_manager();
  apply_samples(world);
  const bool ready = world.run_until([&] { return all_ready(world); }, base::hours(3));
  CHECK_MESSAGE(ready, world.trouble());
}

}  // namespace
