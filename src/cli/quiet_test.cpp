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

TEST_CASE("a deleted worker whose cluster is out of reach for an hour costs few writes, and goes after it") {
  World world(22, Size{.control_plane = 1, .worker = 1, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  const std::string machines = "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/machines/";
  const auto worker = [&] {
    for (const auto& machine : world.store().list("machines.cluster.x-k8s.io", "clusters")) {
      const bool running = machine->doc().path("status.phase").string() == "Running";
      if (running && !machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane"))
        return machine->key.name;
    }
    return std::string();
  };
  REQUIRE_MESSAGE(world.run_until([&] { return !worker().empty(); }, base::hours(2)), world.trouble());
  const std::string gone = worker();
  world.rack().servers().front()->cut_power(base::hours(1));
  world.remove(machines + gone);
  world.run_for(base::minutes(6));
  REQUIRE(!world.object("machines.cluster.x-k8s.io", gone).is_null());
  const uint64_t before = world.store().revision();
  const auto loud = [&] { return world.store().revision() - before > 300; };
  CHECK(!world.run_until(loud, base::minutes(30)));
  const auto ended = [&] { return world.object("machines.cluster.x-k8s.io", gone).is_null(); };
  CHECK_MESSAGE(world.run_until(ended, base::hours(2)), world.trouble());
}

}  // namespace
