#include "store/store.h"

#include <doctest/doctest.h>

#include "store/manual_engine.h"
#include "sys/sim/sim.h"

namespace store {
namespace {

struct Fixture {
  sys::SimWorld world{1};
  ManualEngine* engine = nullptr;
  std::unique_ptr<Store> store;

  explicit Fixture(Limits limits = {}, Engine::Loaded loaded = {}) {
    auto made = std::make_unique<ManualEngine>(std::move(loaded));
    engine = made.get();
    auto opened = Store::open(world.loop(), std::move(made), limits);
    REQUIRE(opened.ok());
    store = std::move(*opened);
  }
  void pass() {  // whatever the loop has to do is done
    bool over = false;
    world.loop().after(base::seconds(1), [&] { over = true; });
    world.loop().run_until([&] { return over; });
  }
  Ref put(const std::string& name, int value, const std::string& ns = "default") {
    const Key key{"widgets.example.com", ns, name};
    const Ref current = store->get(key);
    auto result = store->put(key, widget(ns, name, value), current ? current->revision : 0);
    REQUIRE(result.ok());
    return *result;
  }
  static Json widget(const std::string& ns, const std::string& name, int value) {
    return Json::object(
        {{"metadata", Json::object({{"name", name}, {"namespace", ns}, {"uid", "uid-" + name}})}, {"value", value}});
  }
};

Key key_of(const std::string& name, const std::string& ns = "default") { return {"widgets.example.com", ns, name}; }

std::string names(const std::vector<Ref>& refs) {
  std::string out;
  for (const auto& ref : refs) {
    out += ref->key.ns + "/" + ref->key.name + "=" + std::to_string(ref->doc()["value"].integer()) + " ";
  }
  return out;
}

std::string text_of(const Event& event) {
  static const char* types[] = {"added ", "modified ", "deleted "};
  return types[static_cast<size_t>(event.type)] + event.object->key.name + "=" +
         std::to_string(event.object->doc()["value"].integer()) + ";";
}

}  // namespace

TEST_CASE("a write is seen at once and stamped with its revision") {
  Fixture f;
  CHECK(f.store->revision() == 1);  // "0" means "any" to clients
  const Ref a = f.put("a", 1);
  CHECK(a->revision == 2);
  CHECK(a->create_revision == 2);
  CHECK(a->doc()["metadata"]["resourceVersion"].string() == "2");
  CHECK(f.store->get(key_of("a")) == a);
  CHECK(f.store->find_uid("uid-a") == a);
  CHECK(f.store->revision() == 2);
  CHECK(f.store->durable_revision() == 1);
  const Ref b = f.put("a", 2);
  CHECK(b->create_revision == 2);
  CHECK(a->doc()["value"].integer() == 1);  // versions never change
  f.engine->succeed(2);
  CHECK(f.store->durable_revision() == 3);
  REQUIRE(f.engine->records.size() == 2);
  CHECK(f.engine->records[0].previous_revision == 0);
  CHECK(f.engine->records[1].previous_revision == 2);
  CHECK(f.engine->records[1].doc == b->bytes());
}

TEST_CASE("writes compare the revision the caller saw") {
  Fixture f;
  const Ref a = f.put("a", 1);
  const auto code = [&](uint64_t expect) {
    auto result = f.store->put(key_of("a"), Fixture::widget("default", "a", 9), expect);
    REQUIRE(!result.ok());
    return result.error().code;
  };
  CHECK(code(0) == base::Code::already_exists);
  CHECK(code(a->revision + 1) == base::Code::conflict);
  CHECK(f.store->put(key_of("b"), Fixture::widget("default", "b", 1), 7).error().code == base::Code::conflict);
  CHECK(f.store->remove(key_of("a"), a->revision + 1).error().code == base::Code::conflict);
  CHECK(f.store->remove(key_of("b"), 1).error().code == base::Code::not_found);
  CHECK(f.engine->records.size() == 1);
}

TEST_CASE("an object above the limit is refused and leaves no trace") {
  Fixture f({.object_bytes_max = 200});
  Json big = Fixture::widget("default", "big", 1);
  big.set("text", std::string(200, 'x'));
  CHECK(f.store->put(key_of("big"), big, 0).error().code == base::Code::too_large);
  CHECK(f.store->get(key_of("big")) == nullptr);
  CHECK(f.put("small", 1)->revision == 2);
}

TEST_CASE("lists are sorted by namespace and name and know their namespace") {
  Fixture f;
  f.put("b", 1, "two");
  f.put("b", 2, "one");
  f.put("a", 3, "two");
  f.put("c", 4, "onex");
  CHECK(names(f.store->list("widgets.example.com")) == "one/b=2 onex/c=4 two/a=3 two/b=1 ");
  CHECK(names(f.store->list("widgets.example.com", "one")) == "one/b=2 ");
  CHECK(f.store->list("widgets.example.com", "three").empty());
  CHECK(f.store->list("gadgets").empty());
  CHECK(f.store->resources() == std::vector<std::string>{"widgets.example.com"});
}

TEST_CASE("a list at a past revision is what a list then gave") {
  Fixture f;
  std::map<uint64_t, std::string> then;
  const auto remember = [&] { then[f.store->revision()] = names(f.store->list("widgets.example.com")); };
  remember();
  f.put("a", 1), remember();
  f.put("b", 1), remember();
  f.put("a", 2), remember();
  f.engine->succeed(2);
  REQUIRE(f.store->remove(key_of("a"), f.store->get(key_of("a"))->revision).ok());
  remember();
  f.put("a", 3), remember();
  f.put("c", 1), remember();
  for (int round = 0; round < 2; ++round) {
    for (const auto& [revision, text] : then) {
      auto list = f.store->list_at("widgets.example.com", {}, revision);
      REQUIRE(list.ok());
      CHECK(names(*list) == text);
    }
    f.engine->succeed(f.engine->waiting.size());
  }
  CHECK(f.store->list_at("widgets.example.com", {}, 99).error().code == base::Code::timeout);
}

TEST_CASE("the past ends at the compacted revision") {
  Fixture f({.history_events_max = 3});
  for (int i = 0; i < 5; ++i) f.put("a", i);
  f.engine->succeed(5);
  CHECK(f.store->compacted_revision() == 3);
  CHECK(f.store->history("widgets.example.com", 2).error().code == base::Code::expired);
  CHECK(f.store->list_at("widgets.example.com", {}, 2).error().code == base::Code::expired);
  CHECK(f.store->history("widgets.example.com", 3)->size() == 3);
  CHECK(names(*f.store->list_at("widgets.example.com", {}, 3)) == "default/a=1 ");
}

TEST_CASE("the history is bounded in bytes too") {
  Fixture f({.history_bytes_max = 1000});
  for (int i = 0; i < 50; ++i) f.put("a", i);
  f.engine->succeed(50);
  const auto events = f.store->history("widgets.example.com", f.store->compacted_revision());
  size_t bytes = 0;
  for (const auto& event : *events) bytes += event.object->bytes().size();
  CHECK(bytes <= 1000);
  CHECK(events->size() >= 2);
}

TEST_CASE("the past of large objects is kept to the letter") {
  Fixture f;
  const auto text = [](int i) {
    std::string out;
    for (int n = 0; n < 400; ++n) out += "line " + std::to_string(n * i) + " with \"quotes\" and \n ends, ";
    return out;
  };
  for (int i = 1; i <= 5; ++i) {
    const auto current = f.store->get(key_of("a"));
    REQUIRE(f.store->put(key_of("a"), Json::object({{"text", text(i)}}), current ? current->revision : 0).ok());
  }
  f.engine->succeed(5);
  const auto events = *f.store->history("widgets.example.com", f.store->compacted_revision());
  REQUIRE(events.size() == 5);
  for (int i = 1; i <= 5; ++i) {
    const auto& event = events[size_t(i) - 1];
    CHECK(event.object->doc()["text"].string() == text(i));
    CHECK((event.previous ? event.previous->doc()["text"].string() : "") == (i == 1 ? "" : text(i - 1)));
    CHECK(event.object->doc()["metadata"]["resourceVersion"].string() == std::to_string(event.revision));
  }
}

TEST_CASE("documents that rest are decoded again when they are read, and none goes that somebody holds") {
  Fixture f({.decoded_bytes_max = 300});
  const Ref held = f.put("held", 1);
  f.put("rests", 2);
  f.engine->succeed(2);
  const Json* const still = &held->doc()["value"];
  // What shares a document's members keeps their place, so that they are not made there again.
  const Json shared = f.store->get(key_of("rests"))->doc();
  for (int i = 0; i < 20; ++i) f.put("other-" + std::to_string(i), i);
  f.engine->succeed(20);
  f.pass();
  CHECK(&held->doc()["value"] == still);
  const Ref rests = f.store->get(key_of("rests"));
  CHECK(rests->uid() == "uid-rests");
  CHECK(&rests->doc().members() != &shared.members());
  CHECK(rests->doc() == shared);
  CHECK(rests->doc().dump() == rests->bytes());
  CHECK(f.store->find_uid("uid-rests") == rests);
}

TEST_CASE("what is asked of objects that rest is answered whatever their texts begin with") {
  Fixture f({.decoded_bytes_max = 0});
  const auto named = [](const char* text) { return *base::parse_json(text); };
  REQUIRE(f.store->put(key_of("a"), named(R"({"apiVersion":"v1","metadata":{"labels":{"app":"x"}}})"), 0).ok());
  REQUIRE(f.store->put(key_of("b"), named(R"({"kind":"K","apiVersion":"v1"})"), 0).ok());
  REQUIRE(f.store->put(key_of("c"), named(R"({"apiVersion":"v1beta1"})"), 0).ok());
  f.engine->succeed(3);
  f.pass();
  CHECK(f.store->get(key_of("a"))->labels()["app"].string() == "x");
  CHECK(f.store->get(key_of("a"))->is_of("v1"));
  CHECK(f.store->get(key_of("b"))->is_of("v1"));
  CHECK(!f.store->get(key_of("c"))->is_of("v1"));
  CHECK(!f.store->get(key_of("c"))->is_of("v1beta"));
  CHECK(f.store->get(key_of("c"))->is_of("v1beta1"));
}

TEST_CASE("watches hear durable changes only, the runtime hears them at once") {
  Fixture f;
  std::string live, durable;
  f.store->subscribe(false, [&](const Event& event) { live += text_of(event); });
  const auto watch = f.store->subscribe(true, [&](const Event& event) { durable += text_of(event); });
  f.put("a", 1);
  f.put("a", 2);
  CHECK(live == "added a=1;modified a=2;");
  CHECK(durable.empty());
  CHECK(f.store->history("widgets.example.com", 1)->empty());
  f.engine->succeed(1);
  CHECK(durable == "added a=1;");
  CHECK(f.store->history("widgets.example.com", 1)->size() == 1);
  f.store->unsubscribe(watch);
  f.engine->succeed(1);
  CHECK(durable == "added a=1;");
}

TEST_CASE("a deleted event carries the last state, stamped with the removal") {
  Fixture f;
  const Ref a = f.put("a", 7);
  std::vector<Event> events;
  f.store->subscribe(false, [&](const Event& event) { events.push_back(event); });
  const Ref gone = *f.store->remove(key_of("a"), a->revision);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::deleted);
  CHECK(events[0].object->doc()["value"].integer() == 7);
  CHECK(events[0].object->doc()["metadata"]["resourceVersion"].string() == std::to_string(gone->revision));
  CHECK(events[0].previous == a);
  CHECK(f.store->get(key_of("a")) == nullptr);
  CHECK(f.store->find_uid("uid-a") == nullptr);
  CHECK(f.engine->records.back().doc.empty());
}

TEST_CASE("a subscriber may write: its events come after the present one reached everybody") {
  Fixture f;
  std::string seen;
  f.store->subscribe(false, [&](const Event& event) {
    if (event.object->key.name == "a") f.put("b", 1);
    seen += "1:" + text_of(event);
  });
  f.store->subscribe(false, [&](const Event& event) { seen += "2:" + text_of(event); });
  f.put("a", 1);
  CHECK(seen == "1:added a=1;2:added a=1;1:added b=1;2:added b=1;");
}

TEST_CASE("waiters are called in order once their revision is durable") {
  Fixture f;
  std::string order;
  const auto wait = [&](uint64_t revision, const std::string& name) {
    f.store->when_durable(revision, [&order, name](Result<void> result) { order += name + (result.ok() ? "+" : "-"); });
  };
  const Ref a = f.put("a", 1), b = f.put("b", 1);
  wait(b->revision, "b");
  wait(a->revision, "a");
  wait(a->revision - 1, "past");
  CHECK(order == "past+");
  f.engine->succeed(1);
  CHECK(order == "past+a+");
  f.engine->succeed(1);
  CHECK(order == "past+a+b+");
}

TEST_CASE("a failing engine rolls everything assumed back") {
  Fixture f;
  f.put("a", 1);
  f.put("kept", 1);
  f.engine->succeed(2);
  const std::string before = names(f.store->list("widgets.example.com"));
  const uint64_t durable = f.store->durable_revision();
  std::string live, watched;
  f.store->subscribe(false, [&](const Event& event) { live += text_of(event); });
  f.store->subscribe(true, [&](const Event& event) { watched += text_of(event); });

  f.put("a", 2);
  const Ref lost = f.put("new", 1);
  REQUIRE(f.store->remove(key_of("kept"), f.store->get(key_of("kept"))->revision).ok());
  std::string answers;
  f.store->when_durable(lost->revision, [&](Result<void> result) {
    answers += result.ok() ? "ok" : result.error().message;
    CHECK(f.store->get(key_of("new")) == nullptr);  // already rolled back
  });
  live.clear();
  f.engine->fail_all();

  CHECK(answers == "disk full");
  CHECK(names(f.store->list("widgets.example.com")) == before);
  CHECK(live == "added kept=1;deleted new=1;modified a=1;");
  CHECK(watched.empty());
  CHECK(f.store->revision() == durable);
  CHECK(f.store->find_uid("uid-kept") != nullptr);
  CHECK(f.store->find_uid("uid-new") == nullptr);
  f.store->when_durable(lost->revision, [&](Result<void> result) { answers += result.ok() ? "ok" : " still lost"; });
  CHECK(answers == "disk full still lost");

  // It goes on when the engine does, with numbers nobody has seen.
  const Ref next = f.put("a", 3);
  CHECK(next->revision > lost->revision);
  f.engine->succeed(1);
  CHECK(f.store->durable_revision() == next->revision);
  CHECK(watched == "modified a=3;");
}

TEST_CASE("owners find their children through every change") {
  Fixture f;
  const auto child = [](const std::string& name, std::initializer_list<Json> owners) {
    Json doc = Fixture::widget("default", name, 1);
    doc.child("metadata").set("ownerReferences", Json::array(owners));
    return doc;
  };
  const Json x = Json::object({{"uid", "x"}}), y = Json::object({{"uid", "y"}});
  REQUIRE(f.store->put(key_of("b"), child("b", {x, y}), 0).ok());
  REQUIRE(f.store->put(key_of("a"), child("a", {x}), 0).ok());
  CHECK(names(f.store->owned_by("x")) == "default/a=1 default/b=1 ");
  CHECK(names(f.store->owned_by("y")) == "default/b=1 ");
  f.engine->succeed(2);
  REQUIRE(f.store->put(key_of("b"), child("b", {y}), f.store->get(key_of("b"))->revision).ok());
  CHECK(names(f.store->owned_by("x")) == "default/a=1 ");
  REQUIRE(f.store->remove(key_of("a"), f.store->get(key_of("a"))->revision).ok());
  CHECK(f.store->owned_by("x").empty());
  f.engine->fail_all();
  CHECK(names(f.store->owned_by("x")) == "default/a=1 default/b=1 ");
}

TEST_CASE("what was stored is there after opening") {
  Engine::Loaded loaded{.revision = 40, .objects = {}};
  const Json doc = Fixture::widget("default", "a", 5);
  loaded.objects.push_back(
      {.revision = 17, .key = key_of("a"), .previous_revision = 0, .create_revision = 3, .doc = doc.dump()});
  Fixture f({}, loaded);
  const Ref a = f.store->get(key_of("a"));
  REQUIRE(a);
  CHECK(a->revision == 17);
  CHECK(a->create_revision == 3);
  CHECK(f.store->revision() == 40);
  CHECK(f.store->history("widgets.example.com", 39).error().code == base::Code::expired);
  CHECK(f.put("b", 1)->revision == 41);
}

TEST_CASE("the memory engine is durable at once") {
  sys::SimWorld world(1);
  auto store = std::move(*Store::open(world.loop(), make_memory_engine(world.loop())));
  std::string order;
  store->subscribe(true, [&](const Event& event) { order += "durable " + event.object->key.name + ";"; });
  store->subscribe(false, [&](const Event& event) { order += "live " + event.object->key.name + ";"; });
  REQUIRE(store->put(key_of("a"), Fixture::widget("default", "a", 1), 0).ok());
  CHECK(order == "live a;durable a;");
  CHECK(store->durable_revision() == store->revision());
}

}  // namespace store
