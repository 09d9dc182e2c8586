#include "remote/leader.h"

#include "api/kinds.h"
#include "remote/test_peer.h"

namespace {

using base::Json;

// Two processes that both want the lease of one API server.
struct Race {
  sys::SimWorld world{4};
  remote::test::Peer server{world, api::management_scheme()};
  struct Runner {
    sys::Sys* sys;
    std::unique_ptr<remote::Client> client;
    std::unique_ptr<remote::Leader> leader;
    bool lost = false, given_up = false;
    base::Time since{};
  };
  Runner a, b;

  Race() {
    Json ns = *base::parse_json(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"ingot-system"}})");
    REQUIRE(server.registry->create(*api::management_scheme().by_resource("namespaces"), ns).ok());
    enter(a, "10.0.0.2", "a");
    enter(b, "10.0.0.3", "b");
  }
  ~Race() { world.loop().shut(); }
  void enter(Runner& runner, const char* host, const char* name) {
    runner.sys = &world.process(host, name);
    REQUIRE(runner.sys->disk.write("kubeconfig", server.kubeconfig()).ok());
    runner.client = std::make_unique<remote::Client>(*runner.sys, remote::AccessSource{.kubeconfig = "kubeconfig"});
    runner.leader =
        std::make_unique<remote::Leader>(*runner.sys, *runner.client, remote::LeaderOptions{.identity = name});
  }
  void run(Runner& runner) {
    sys::spawn(runner.sys->loop, "acquire", [this, &runner] {
      REQUIRE(runner.client->start().ok());
      if (runner.leader->acquire([&runner] { runner.lost = true; })) runner.since = world.loop().now();
    });
  }
  // Never two at once, at any moment that is looked at.
  void pass(base::Duration span) {
    const base::Time end = world.loop().now() + span;
    world.loop().after(span, [] {});
    world.loop().run_until([&] {
      CHECK(!(a.leader->held() && b.leader->held()));
      return world.loop().now() >= end;
    });
  }
  Json spec() const {
    const auto lease = server.store->get("leases.coordination.k8s.io", "ingot-system", "ingot");
    return lease ? lease->doc()["spec"] : Json();
  }
};

TEST_CASE("one of two holds the lease; the other takes over after a crash, and at once when it is given back") {
  Race race;
  race.run(race.a);
  race.pass(base::seconds(1));
  race.run(race.b);
  race.pass(base::minutes(2));
  CHECK(race.a.leader->held().ok());
  CHECK(!race.b.leader->held());
  CHECK(race.spec()["holderIdentity"].string() == "a");
  CHECK(race.spec()["leaseDurationSeconds"].integer() == 15);
  CHECK(race.spec()["leaseTransitions"].integer(-1) == 0);

  // Cut off from the server: it stops by itself before the other may begin.
  const base::Time cut = race.world.loop().now();
  race.world.set_unreachable("10.0.0.2", true);
  race.pass(base::seconds(11));
  CHECK(!race.a.leader->held());
  CHECK(race.a.lost);
  race.pass(base::seconds(60));
  CHECK(race.b.leader->held().ok());
  CHECK(race.b.since - cut <= base::seconds(18));
  CHECK(race.spec()["leaseTransitions"].integer() == 1);

  race.world.set_unreachable("10.0.0.2", false);
  race.a.leader = std::make_unique<remote::Leader>(*race.a.sys, *race.a.client, remote::LeaderOptions{.identity = "a"});
  race.run(race.a);
  race.pass(base::seconds(30));
  CHECK(!race.a.leader->held());
  const base::Time given = race.world.loop().now();
  sys::spawn(race.b.sys->loop, "release", [&] { race.b.leader->release(); });
  race.pass(base::seconds(10));
  CHECK(!race.b.leader->held());
  CHECK(!race.b.lost);
  CHECK(race.a.leader->held().ok());
  CHECK(race.a.since - given <= base::seconds(4));
}

TEST_CASE("a lease that somebody takes by force is lost at once") {
  Race race;
  race.run(race.a);
  race.pass(base::seconds(5));
  REQUIRE(race.a.leader->held().ok());
  const auto& kind = *api::management_scheme().by_resource("leases.coordination.k8s.io");
  REQUIRE(race.server.registry
              ->modify(kind, "ingot-system", "ingot", {},
                       [](const Json& doc) -> base::Result<Json> {
                         return Json(doc).set_path("spec.holderIdentity", "somebody");
                       })
              .ok());
  race.pass(base::seconds(4));
  CHECK(race.a.lost);
  CHECK(!race.a.leader->held());
}

}  // namespace
