// What waits for something that does not come waits quietly: a condition that is written at each attempt wakes
// everything that looks at it, and fills the database.
#include <doctest/doctest.h>

#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

TEST_CASE("a worker whose join token cannot be stored for an hour costs few writes, and joins after it") {
  World world(21, Size{.control_plane = 1, .worker = 3, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  world.rack().servers().front()->cut_power(base::hours(1));  // the control plane
  world.patch("/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/machinedeployments/dev-workers",
              Json::object({{"spec", Json::object({{"replicas", 3}})}}));
  world.run_for(base::minutes(6));
  REQUIRE(!world.ready("dev"));
  const uint64_t before = world.store().revision();
  const auto loud = [&] { return world.store().revision() - before > 300; };
  CHECK(!world.run_until(loud, base::minutes(30)));
  world.until_ready();
}

}  // namespace
