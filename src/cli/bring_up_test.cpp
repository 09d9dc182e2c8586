// Three clusters on twenty servers, as the samples say, with hardware that takes as long as in life.
#include <doctest/doctest.h>

#include <set>

#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::World;

// No server was written twice, and each machine has a server of its own.
void check_nothing_twice(World& world) {
  for (const auto& server : world.rack().servers()) {
    CHECK_MESSAGE(server->counters().disks.image_writes_started <= 1, server->spec().name << "\n" << world.log());
    CHECK_MESSAGE(server->counters().nodes_started <= 1, server->spec().name);
  }
  std::set<std::string> taken;
  for (const auto& machine : world.store().list("metal3machines.infrastructure.cluster.x-k8s.io")) {
    const std::string& host = machine->doc().path("metadata.annotations")["metal3.io/BareMetalHost"].string();
    CHECK_MESSAGE(taken.insert(host).second, host << " is taken twice");
  }
}

TEST_CASE("three clusters become Ready, and the same seed gives the same event log") {
  std::string logs[2];
  for (auto& log : logs) {
    World world(7);
    world.start_manager();
    world.apply_inventory();
    world.apply_clusters();
    world.until_ready();
    check_nothing_twice(world);
    size_t spares = 0;
    for (const auto& host : world.store().list("baremetalhosts.metal3.io")) {
      const std::string& state = host->doc().path("status.provisioning.state").string();
      if (host->doc().path("metadata.labels.role").string() == "spare") {
        CHECK(state == "available");
        ++spares;
      } else {
        CHECK(state == "provisioned");
      }
    }
    CHECK(spares == 3);
    log = world.log();
  }
  CHECK(logs[0] == logs[1]);
}

TEST_CASE("a manager that is killed again and again brings the clusters up, and nothing is done twice") {
  World world(3);
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  for (int kill = 0; kill < 40 && !world.all_ready(); ++kill) {
    world.run_for(base::seconds(20 + world.sim().random().below(120)));
    world.kill_manager();
    world.run_for(base::seconds(world.sim().random().below(60)));
    world.start_manager();
  }
  world.until_ready();
  check_nothing_twice(world);
}

}  // namespace
