// Several managers over one etcd: whoever dies or is cut off, one leads, servers are touched only by the one that does,
// and nothing is done twice or without an order that everybody would find. The etcd is a model behind the seam of the
// store's engine (etcd::Api); what speaks gRPC is tested with real servers (test/acceptance/etcd.sh).
#include <doctest/doctest.h>

#include <cstdlib>

#include "base/log.h"
#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

const Size small{.control_plane = 1, .worker = 2, .spare = 0, .clusters = {"dev"}};
constexpr auto commit_takes = base::milliseconds(2);

bool led(World& world) {
  return world.run_until([&] { return world.leader() != nullptr; }, base::minutes(2));
}

void check_nothing_twice(World& world) {
  for (const auto& server : world.rack().servers()) {
    CHECK_MESSAGE(server->counters().disks.image_writes_started <= 1, server->spec().name << "\n" << world.log());
    CHECK_MESSAGE(server->counters().nodes_started <= 1, server->spec().name << "\n" << world.log());
  }
}

// All processes show the same, version by version.
void check_same(World& world) {
  world.run_for(base::minutes(1));
  const auto& first = world.processes().front().manager->registry().store();
  for (auto& process : world.processes()) {
    const auto& other = process.manager->registry().store();
    CHECK(other.resources() == first.resources());
    for (const auto& resource : first.resources()) {
      if (resource == "leases.coordination.k8s.io") continue;  // the leader's is being renewed
      const auto a = first.list(resource), b = other.list(resource);
      REQUIRE_MESSAGE(a.size() == b.size(), resource << " in process " << process.name);
      for (size_t i = 0; i < a.size(); ++i) CHECK_MESSAGE(a[i]->bytes() == b[i]->bytes(), a[i]->key.text());
    }
  }
}

struct Trouble {
  explicit Trouble(World& w) : world(w), dice(w.sim().random()) {}

  base::Duration seconds(uint64_t below) { return base::seconds(static_cast<int64_t>(dice.below(below))); }

  void start_later(World::Process& process, base::Duration outage) {
    world.at(outage, [this, &process] {
      if (!process.manager) world.start_process(process);
    });
  }
  void note(const std::string& what) const {
    if (std::getenv("INGOT_SEED")) MESSAGE(base::rfc3339(world.loop().now()) << " " << what);
  }
  void kill_leader(base::Duration outage) {
    auto* process = world.leader();
    if (!process) return;
    note("kill leader " + process->name);
    world.kill_process(*process);
    start_later(*process, outage);
  }
  void cut_off(World::Process& process, base::Duration span) {
    note("cut off " + process.name);
    world.etcd().set_reachable(process.name, false);
    world.loop().after(span, [this, name = process.name] { world.etcd().set_reachable(name, true); });
  }
  // At the moment of an event of the rack, or a little later.
  void strike_at_events() {
    const uint64_t rarity = 4 + dice.below(40);
    world.on_event([this, rarity](const sim::RackEvent& event) {
      if (event.subject == "rack" || dice.below(rarity) != 0) return;
      const auto delay = base::microseconds(static_cast<int64_t>(dice.below(50'000)));
      const bool cut = dice.below(3) == 0;
      world.at(delay, [this, cut] {
        if (cut && world.leader()) return cut_off(*world.leader(), seconds(40));
        kill_leader(seconds(60));
      });
    });
  }
  void act(int round) {
    switch (dice.below(7)) {
      case 0:
        return kill_leader(seconds(60));
      case 1:
        if (auto* process = world.leader()) cut_off(*process, seconds(60));
        return;
      case 2: {
        auto& process = world.processes()[dice.below(world.processes().size())];
        if (!process.up) return;
        note("kill or stop " + process.name);
        if (dice.below(2) == 0) {
          world.kill_process(process);
        } else {
          world.stop_process(process);
        }
        return start_later(process, seconds(60));
      }
      case 3:
        note("no quorum");
        world.etcd().set_quorum(false);
        world.loop().after(seconds(30), [this] { world.etcd().set_quorum(true); });
        return;
      case 4:
        note("etcd loses requests");
        world.etcd().faults().request_lost = world.etcd().faults().answer_lost = 0.2;
        world.etcd().faults().late = world.etcd().faults().watch_broken = 0.1;
        world.loop().after(seconds(30), [this] { world.etcd().faults() = {}; });
        return;
      case 5:  // the processes do not reach each other, nor the servers
        if (!bad_network) return;
        note("the network is bad");
        world.sim().faults().connect_refused = world.sim().faults().stream_reset = 0.1;
        world.run_for(seconds(10));
        world.sim().faults() = {};
        return;
      default:  // users ask whom they like
        if (!world.manager_runs()) return;
        for (const auto& host : world.store().list("baremetalhosts.metal3.io")) {
          Json patch = Json::object();
          patch.set_path("metadata.labels.touched", std::to_string(round));
          (void)world.attempt([&](workload::KubeClient& client) -> base::Result<void> {
            TRY(client.merge_patch("/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/" + host->key.name,
                                   patch));
            return {};
          });
        }
    }
  }
  void end() {
    world.on_event({});
    world.run_for(base::minutes(2));
    world.etcd().faults() = {};
    world.start_manager();
  }

  World& world;
  sys::Random& dice;
  bool bad_network = false;
};

void come_up(uint64_t seed) {
  World world(seed, small, commit_takes, false, 2 + seed % 2);
  world.start_manager();
  REQUIRE(led(world));
  world.apply_inventory();
  world.apply_clusters();
  Trouble trouble(world);
  trouble.bad_network = seed % 4 == 0;
  trouble.strike_at_events();
  for (int round = 0; round < 60 && !world.all_ready(); ++round) {
    world.run_for(base::seconds(5) + trouble.seconds(60));
    trouble.act(round);
  }
  trouble.end();
  world.until_ready();
  CHECK(world.terms() > 1);
  check_same(world);
  check_nothing_twice(world);
}

TEST_CASE("several processes over etcd bring a cluster up while leaders die and are cut off") {
  const char* only = std::getenv("INGOT_SEED");
  const uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + (only ? 1 : 6); ++seed) {
    INFO("seed " << seed << "; run it alone with INGOT_SEED=" << seed);
    come_up(seed);
  }
}

TEST_CASE("followers leave to the leader what one process does") {
  std::string loud;
  base::log::set_sink(
      [&](base::log::Level level, std::string_view message, std::initializer_list<base::log::Pair> with) {
        if (level >= base::log::Level::warn) loud += base::log::json_line(level, message, with) + "\n";
      });
  {
    World world(9, small, commit_takes, false, 3);
    world.start_manager();
    REQUIRE(led(world));
    world.apply_inventory();
    for (const char* name : {"one", "two"}) {  // one of which is collected into `admin`
      Json role = Json::object({{"apiVersion", "rbac.authorization.k8s.io/v1"}, {"kind", "ClusterRole"}});
      role.set_path("metadata.name", name);
      const std::string label = "rbac.authorization.k8s.io/aggregate-to-admin";
      Json labels = Json::object();
      if (std::string(name) == "two") labels.set(label, "true");
      role.child("metadata").set("labels", std::move(labels));
      const Json rule = Json::object({{"apiGroups", Json::array({Json(name)})},
                                      {"resources", Json::array({"*"})},
                                      {"verbs", Json::array({"get"})}});
      world.apply(role.set("rules", Json::array({rule})));
    }
    world.run_for(base::minutes(90));  // the first Events expire
    CHECK_MESSAGE(loud.empty(), loud);
    CHECK(world.object("services", "kubernetes", "default").is_object());
    const std::string first = world.leader()->name;
    world.kill_process(*world.leader());
    world.run_for(base::minutes(1));
    REQUIRE(world.leader());
    // The port is the new leader's, and what it has to keep it keeps.
    CHECK(world.object("clusterroles.rbac.authorization.k8s.io", "admin", "").dump().find("\"two\"") !=
          std::string::npos);
    CHECK_MESSAGE(loud.find("could not be made") == std::string::npos, loud);
    CHECK_MESSAGE(loud.find("housekeeping") == std::string::npos, loud);
  }
  base::log::set_sink({});
}

TEST_CASE("a leader that is cut off from etcd stops acting, and another goes on with its work") {
  World world(5, small, commit_takes, false, 2);
  world.start_manager();
  REQUIRE(led(world));
  world.apply_inventory();
  world.apply_clusters();
  const auto writing = [&] { return world.rack().log().count("image write started") > 0; };
  REQUIRE(world.run_until(writing, base::hours(1)));
  auto* first = world.leader();
  REQUIRE(first);
  world.etcd().set_reachable(first->name, false);
  // Its own clock ends it before etcd lets another one begin.
  const auto before = world.loop().now();
  world.loop().run_until([&] { return !first->manager->leads(); });
  CHECK(world.loop().now() - before <= base::seconds(9));
  REQUIRE(world.run_until([&] { return world.leader() && world.leader() != first; }, base::seconds(15)));
  CHECK(world.terms() == 2);
  world.until_ready();
  check_nothing_twice(world);
  world.etcd().set_reachable(first->name, true);
  check_same(world);
  CHECK(world.leader() != first);
}

}  // namespace
