// A store over a real API server of ours, in another process of the simulated world.
#include "remote/mirror.h"

#include "remote/test_peer.h"

namespace {

using base::Json;
using base::Result;
using remote::Mirror;

struct Room {
  sys::SimWorld world;
  remote::test::Peer server{world, server::test_scheme()};
  sys::Sys& sys = world.process("10.0.0.2", "manager");
  std::unique_ptr<remote::Client> client;
  std::unique_ptr<Mirror> mirror;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<registry::Registry> registry;
  bool may_act = true;

  explicit Room(remote::ReflectorLimits limits = {}, uint64_t seed = 5) : world(seed) {
    REQUIRE(sys.disk.write("kubeconfig", server.kubeconfig()).ok());
    there("/api/v1/namespaces", R"({"metadata":{"name":"default"}})");
    client = std::make_unique<remote::Client>(sys, remote::AccessSource{.kubeconfig = "kubeconfig"});
    remote::MirrorOptions options;
    options.resources = {"namespaces", "notes", "widgets.example.com"};
    options.reflector = limits;
    options.may_act = [this] { return may_act ? Result<void>() : base::unavailable("not the leader"); };
    mirror = std::make_unique<Mirror>(sys, *client, server::test_scheme(), options);
    store = *store::Store::open(sys.loop, mirror->engine());
    registry = std::make_unique<registry::Registry>(sys, *store, server::test_scheme());
    in_fiber([this] {
      REQUIRE(client->start().ok());
      const auto started = mirror->start(base::minutes(1));
      REQUIRE_MESSAGE(started.ok(), started.error().text());
    });
  }
  ~Room() {
    mirror->stop();
    world.loop().shut();
  }

  void in_fiber(const std::function<void()>& body) {
    bool done = false;
    sys::spawn(sys.loop, "test", [&] {
      body();
      done = true;
    });
    REQUIRE(world.loop().run_until([&] { return done; }));
  }
  void pass(base::Duration span) {
    const base::Time end = world.loop().now() + span;
    world.loop().after(span, [] {});
    world.loop().run_until([&] { return world.loop().now() >= end; });
  }
  bool until(const std::function<bool()>& done, base::Duration limit = base::minutes(5)) {
    const base::Time end = world.loop().now() + limit;
    world.loop().after(limit, [] {});
    world.loop().run_until([&] { return done() || world.loop().now() >= end; });
    return done();
  }
  // What a user does at the server, without the network.
  void there(const std::string&, const std::string& body) { put(*server.registry, "namespaces", body); }
  static store::Ref put(registry::Registry& at, const char* resource, const std::string& body) {
    Json doc = *base::parse_json(body);
    const auto* kind = server::test_scheme().by_resource(resource);
    doc.set("apiVersion", kind->api_version(kind->storage_version)).set("kind", kind->kind);
    auto made = at.create(*kind, doc);
    REQUIRE_MESSAGE(made.ok(), made.error().text());
    return *made;
  }
  store::Ref widget_there(const std::string& name, const std::string& color = "red") {
    return put(*server.registry, "widgets.example.com",
               R"({"metadata":{"namespace":"default","name":")" + name + R"("},"spec":{"color":")" + color + "\"}}");
  }
  store::Ref widget_here(const std::string& name, const std::string& more = "") {
    return put(*registry, "widgets.example.com",
               R"({"metadata":{"namespace":"default","name":")" + name + "\"" + more + R"(},"spec":{"color":"blue"}})");
  }
  const meta::Kind& widget() { return *server::test_scheme().by_resource("widgets.example.com"); }
  // As a reconciler writes: from what it saw.
  Result<store::Ref> change(registry::Registry& at, const std::string& name, const std::string& merge,
                            bool status = false) {
    const auto seen = at.get(widget(), "default", name);
    REQUIRE(seen);
    registry::UpdateOptions options;
    options.expect_revision = seen->revision;
    options.internal = true;
    if (status) options.subresource = registry::Subresource::status;
    return at.update(widget(), base::merge_patch(seen->doc(), *base::parse_json(merge)), options);
  }
  store::Ref here(const std::string& name) { return registry->get(widget(), "default", name); }
  store::Ref at_server(const std::string& name) { return server.registry->get(widget(), "default", name); }
  // Both sides show the same.
  bool agree() {
    if (mirror->queued() != 0) return false;
    const auto mine = store->list("widgets.example.com"), theirs = server.store->list("widgets.example.com");
    if (mine.size() != theirs.size()) return false;
    for (size_t i = 0; i < mine.size(); ++i) {
      Json theirs_doc = theirs[i]->doc();
      theirs_doc.child("metadata").erase("managedFields");
      if (!(mine[i]->doc() == theirs_doc)) return false;
    }
    return true;
  }
  std::string outcome(uint64_t revision) {
    std::string out = "open";
    store->when_durable(revision, [&](const Result<void>& done) { out = done ? "kept" : done.error().text(); });
    until([&] { return out != "open"; });
    return out;
  }
};

TEST_CASE("what others write is shown, whichever way the server lists") {
  for (const bool watch_list : {true, false}) {
    Room room({.page = 2, .watch_list = watch_list});
    for (const char* name : {"a", "b", "c", "d", "e"}) room.widget_there(name);
    CHECK(room.until([&] { return room.agree() && room.here("e"); }));
    REQUIRE(room.change(*room.server.registry, "a", R"({"spec":{"size":9}})").ok());
    REQUIRE(room.server.registry->remove(room.widget(), "default", "b").ok());
    CHECK(room.until([&] { return room.agree() && !room.here("b"); }));
    CHECK(room.here("a")->doc().path("spec.size").integer() == 9);
    // The server is away for a while; watches go on where they were, or list anew.
    room.server.kill();
    room.pass(base::minutes(3));
    room.server.start();
    room.widget_there("f");
    CHECK(room.until([&] { return room.agree() && room.here("f"); }));
  }
}

TEST_CASE("what is written here is assumed at once, and becomes what the server makes of it") {
  Room room;
  const auto made = room.widget_here("a");
  const std::string assumed_uid = made->uid();
  CHECK(room.here("a") == made);
  CHECK(room.store->durable_revision() < made->revision);
  CHECK(room.outcome(made->revision) == "kept");
  REQUIRE(room.at_server("a"));
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.here("a")->uid() == room.at_server("a")->uid());
  CHECK(room.here("a")->uid() != assumed_uid);
  CHECK(room.here("a")->doc().path("metadata.resourceVersion").string() ==
        std::to_string(room.at_server("a")->revision));

  // Spec, status and removal, one upon the other without waiting.
  REQUIRE(room.change(*room.registry, "a", R"({"spec":{"size":5},"metadata":{"finalizers":["example.com/x"]}})").ok());
  REQUIRE(room.change(*room.registry, "a", R"({"status":{"size":5}})", true).ok());
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.at_server("a")->doc().path("status.size").integer() == 5);
  CHECK(room.at_server("a")->doc().path("spec.size").integer() == 5);
  CHECK(room.mirror->refused() == 0);
  REQUIRE(room.registry->remove(room.widget(), "default", "a").ok());
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(!room.at_server("a")->doc().path("metadata.deletionTimestamp").is_null());
  REQUIRE(room.change(*room.registry, "a", R"({"metadata":{"finalizers":null}})").ok());
  CHECK(!room.here("a"));
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(!room.at_server("a"));
}

TEST_CASE("references to an object that was only assumed get its real uid") {
  Room room;
  const auto owner = room.widget_here("owner");
  const auto child = room.widget_here(
      "child", R"(,"ownerReferences":[{"apiVersion":"example.com/v2","kind":"Widget","name":"owner","uid":")" +
                   owner->uid() + "\"}]");
  CHECK(room.outcome(child->revision) == "kept");
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.at_server("child")->doc().path("metadata.ownerReferences").at(0)["uid"].string() ==
        room.at_server("owner")->uid());
  CHECK(room.store->owned_by(room.at_server("owner")->uid()).size() == 1);
}

TEST_CASE("a write that others forestalled is refused, and what they wrote is shown") {
  Room room;
  room.widget_there("a");
  CHECK(room.until([&] { return room.agree() && room.here("a"); }));
  // Both change it before either knows of the other.
  REQUIRE(room.change(*room.server.registry, "a", R"({"spec":{"size":7}})").ok());
  const auto mine = room.change(*room.registry, "a", R"({"spec":{"color":"blue"}})");
  REQUIRE(mine.ok());
  const auto behind = room.widget_here("behind");
  CHECK(room.outcome((*mine)->revision).find("modified") != std::string::npos);
  CHECK(room.outcome(behind->revision) != "kept");
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.here("a")->doc().path("spec.size").integer() == 7);
  CHECK(room.here("a")->doc().path("spec.color").string() == "red");
  CHECK(!room.here("behind"));
  // Another one of the name is there first.
  room.widget_there("taken");
  const auto late = room.widget_here("taken");
  CHECK(room.outcome(late->revision) != "kept");
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.here("taken")->doc().path("spec.color").string() == "red");
}

TEST_CASE("a write whose answer was lost is done once") {
  Room room;
  room.widget_there("a");
  CHECK(room.until([&] { return room.agree() && room.here("a"); }));
  for (int round = 0; round < 40; ++round) {
    const std::string name = "w" + std::to_string(round);
    const auto made = room.widget_here(name);
    REQUIRE(room.change(*room.registry, "a", R"({"spec":{"size":)" + std::to_string(round + 10) + "}}").ok());
    if (round % 4 == 3) REQUIRE(room.registry->remove(room.widget(), "default", "w" + std::to_string(round - 1)).ok());
    // The connection breaks at some moment of the exchange.
    room.pass(base::microseconds(static_cast<int64_t>(room.world.random().below(6000))));
    room.world.faults().stream_reset = 1;
    room.pass(base::milliseconds(1));
    room.world.faults().stream_reset = 0;
    if (round % 5 == 4) {
      room.server.kill();
      room.pass(base::seconds(2));
      room.server.start();
    }
    CHECK(room.outcome(made->revision) == "kept");
    CHECK(room.until([&] { return room.agree(); }));
    CHECK(room.at_server("a")->doc().path("spec.size").integer() == round + 10);
  }
  CHECK(room.mirror->refused() == 0);
  CHECK(room.server.store->list("widgets.example.com").size() == 31);
}

TEST_CASE("a process that may not act writes nothing") {
  Room room;
  room.widget_there("a");
  CHECK(room.until([&] { return room.agree() && room.here("a"); }));
  const auto pending = room.change(*room.registry, "a", R"({"spec":{"size":8}})");
  REQUIRE(pending.ok());
  room.may_act = false;
  CHECK(room.outcome((*pending)->revision).find("not the leader") != std::string::npos);
  CHECK(!room.change(*room.registry, "a", R"({"spec":{"size":9}})").ok());
  CHECK(room.until([&] { return room.agree(); }));
  CHECK(room.at_server("a")->doc().path("spec.size").integer() == 3);
}

TEST_CASE("before something that cannot be undone the server is asked") {
  Room room;
  room.widget_there("a");
  CHECK(room.until([&] { return room.agree() && room.here("a"); }));
  Result<bool> current = false;
  room.in_fiber([&] { current = room.mirror->is_current(room.here("a")); });
  CHECK(*current);
  const auto old = room.here("a");
  REQUIRE(room.change(*room.server.registry, "a", R"({"spec":{"size":7}})").ok());
  room.pass(base::milliseconds(2));  // durable there; the watch has not told it yet or just now
  room.in_fiber([&] { current = room.mirror->is_current(old); });
  CHECK(!*current);
  CHECK(room.here("a")->doc().path("spec.size").integer() == 7);
  REQUIRE(room.server.registry->remove(room.widget(), "default", "a").ok());
  room.pass(base::milliseconds(2));
  room.in_fiber([&] { current = room.mirror->is_current(old); });
  CHECK(!*current);
  CHECK(!room.here("a"));
  room.may_act = false;
  room.in_fiber([&] { current = room.mirror->is_current(old); });
  CHECK(!current.ok());
}

void change_at_random(uint64_t seed) {
  Room room({}, seed);
  auto& dice = room.world.random();
  for (int i = 0; i < 6; ++i) room.widget_there("w" + std::to_string(i));
  for (int step = 0; step < 400; ++step) {
    const std::string name = "w" + std::to_string(dice.below(8));
    const std::string size = std::to_string(1 + dice.below(1000));
    const bool user = dice.below(3) == 0;
    registry::Registry& at = user ? *room.server.registry : *room.registry;
    const auto seen = at.get(room.widget(), "default", name);
    switch (dice.below(6)) {
      case 0:
        if (seen) (void)at.remove(room.widget(), "default", name);
        break;
      case 1:
        if (seen) (void)room.change(at, name, R"({"status":{"size":)" + size + "}}", true);
        break;
      case 2:
        if (!seen) {
          if (user) {
            room.widget_there(name);
          } else {
            room.widget_here(name);
          }
        }
        break;
      default:
        if (seen) (void)room.change(at, name, R"({"spec":{"size":)" + size + "}}");
    }
    if (dice.below(2) == 0) room.pass(base::microseconds(static_cast<int64_t>(dice.below(8000))));
    if (dice.below(60) == 0) {
      room.world.faults().stream_reset = 0.5;
      room.pass(base::milliseconds(20));
      room.world.faults().stream_reset = 0;
    }
  }
  CHECK_MESSAGE(room.until([&] { return room.agree(); }), "seed " << seed);
}

TEST_CASE("users and the mirror change the same objects at random, and both sides end the same") {
  for (uint64_t seed = 1; seed <= 12; ++seed) change_at_random(seed);
}

}  // namespace
