// Changes that others made: how the store takes them in beside its own assumed writes.
#include <doctest/doctest.h>

#include "store/manual_engine.h"
#include "sys/sim/sim.h"

namespace store {
namespace {

// A manual engine that keeps the store it feeds, and can refuse writes.
struct FedEngine : ManualEngine {
  using ManualEngine::ManualEngine;
  void attach(Store& store) override { fed = &store; }
  Result<void> may_write() const override { return refusal; }
  Store* fed = nullptr;
  Result<void> refusal;
};

Key key_of(const std::string& name) { return {"widgets", "a", name}; }
Json doc_of(int value) { return Json::object({{"metadata", Json::object({})}, {"value", value}}); }

struct Fixture {
  sys::SimWorld world{1};
  FedEngine* engine = nullptr;
  std::unique_ptr<Store> store;
  std::string live, watched;

  Fixture() {
    auto made = std::make_unique<FedEngine>();
    engine = made.get();
    store = std::move(*Store::open(world.loop(), std::move(made)));
    store->subscribe(false, [this](const Event& event) { live += text_of(event); });
    store->subscribe(true, [this](const Event& event) { watched += text_of(event); });
  }
  static std::string text_of(const Event& event) {
    static const char* types[] = {"+", "~", "-"};
    return types[static_cast<size_t>(event.type)] + event.object->key.name +
           std::to_string(event.object->doc()["value"].integer()) + "@" + std::to_string(event.revision) + " ";
  }
  Ref put(const std::string& name, int value) {
    const Ref current = store->get(key_of(name));
    auto result = store->put(key_of(name), doc_of(value), current ? current->revision : 0);
    REQUIRE(result.ok());
    return *result;
  }
  std::string waited(uint64_t revision) {
    std::string out = "waits";
    store->when_durable(revision, [&](Result<void> result) { out = result ? "durable" : result.error().message; });
    store->when_durable(revision, [](Result<void>) {});
    return out;
  }
};

}  // namespace

TEST_CASE("the engine is given the store, and what it learns reaches everybody at once") {
  Fixture f;
  REQUIRE(f.engine->fed == f.store.get());
  f.store->learn({.key = key_of("x"), .doc = doc_of(1)});
  f.store->learn({.key = key_of("x"), .doc = doc_of(2)});
  f.store->learn({.key = key_of("x"), .doc = Json()});
  f.store->learn({.key = key_of("never seen"), .doc = Json()});
  CHECK(f.live == "+x1@2 ~x2@3 -x2@4 ");
  CHECK(f.watched == f.live);
  CHECK(f.store->durable_revision() == 4);
  CHECK(f.store->history("widgets", 1)->size() == 3);
  CHECK(f.engine->records.empty());
}

TEST_CASE("a foreign change is durable after the assumed writes before it") {
  Fixture f;
  const Ref mine = f.put("mine", 1);
  f.store->learn({.key = key_of("x"), .doc = doc_of(1)});
  CHECK(f.live == "+mine1@2 +x1@3 ");
  CHECK(f.watched.empty());
  CHECK(f.waited(3) == "waits");
  f.engine->succeed(1);
  CHECK(f.watched == "+mine1@2 +x1@3 ");
  CHECK(f.waited(3) == "durable");
  CHECK(f.store->durable_revision() == 3);
}

TEST_CASE("a failed write does not take a foreign change along") {
  Fixture f;
  const Ref mine = f.put("mine", 1);
  f.store->learn({.key = key_of("x"), .doc = doc_of(1)});
  f.put("later", 1);
  f.engine->fail_all();
  CHECK(f.live == "+mine1@2 +x1@3 +later1@4 -later1@5 -mine1@6 ");
  CHECK(f.watched == "+x1@3 ");
  CHECK(f.waited(2) == "disk full");
  CHECK(f.waited(3) == "durable");
  CHECK(f.waited(4) == "disk full");
  CHECK(f.store->revision() == 3);
  CHECK(f.put("next", 1)->revision == 7);
}

TEST_CASE("an assumed write of the same key is rolled back, with what came after it") {
  Fixture f;
  f.put("before", 1);
  f.put("x", 1);
  f.put("after", 1);
  std::string lost;
  f.store->when_durable(3, [&](Result<void> result) { lost = result ? "kept" : result.error().message; });
  f.live.clear();
  f.store->learn({.key = key_of("x"), .doc = doc_of(9)});
  CHECK(f.live == "-after1@5 -x1@6 +x9@7 ");
  CHECK(lost == "widgets/a/x was changed elsewhere at the same time");
  CHECK(f.watched.empty());  // the write before it is not durable yet
  f.engine->succeed(1);
  CHECK(f.watched == "+before1@2 +x9@7 ");
  // The engine's answers for the lost writes do not count, whatever they say.
  f.engine->succeed(1);
  f.engine->fail_all();
  CHECK(f.watched == "+before1@2 +x9@7 ");
  CHECK(f.store->get(key_of("after")) == nullptr);
  CHECK(f.store->revision() == 7);
}

TEST_CASE("a numbered change ends everything assumed: the sequence is somebody else's") {
  Fixture f;
  f.put("mine", 1);
  f.put("other", 1);
  f.store->learn({.key = key_of("x"), .doc = doc_of(1), .revision = 1000});
  CHECK(f.watched == "+x1@1000 ");
  CHECK(f.store->get(key_of("mine")) == nullptr);
  CHECK(f.store->durable_revision() == 1000);
  CHECK(f.waited(2) == "widgets/a/mine was changed elsewhere at the same time");
  f.store->learn({.key = key_of("x"), .doc = doc_of(2), .revision = 1000});  // known
  f.store->learn({.key = key_of("x"), .doc = doc_of(2), .revision = 999});
  CHECK(f.watched == "+x1@1000 ");
  f.store->learn({.key = key_of("unknown"), .doc = Json(), .revision = 1001});
  CHECK(f.store->durable_revision() == 1001);
  f.store->skip_to(5000);
  CHECK(f.put("mine", 2)->revision == 5001);
}

TEST_CASE("a write that was given up and turns out to be kept counts again") {
  Fixture f;
  f.put("mine", 1);
  f.put("second", 1);
  f.store->roll_back(base::unavailable("no answer"));
  CHECK(f.live == "+mine1@2 +second1@3 -second1@4 -mine1@5 ");
  CHECK(f.waited(2) == "no answer");
  f.store->learn({.key = key_of("mine"), .doc = doc_of(1), .revision = 2, .create_revision = 2});
  CHECK(f.watched == "+mine1@2 ");
  CHECK(f.waited(2) == "durable");
  CHECK(f.waited(3) == "no answer");
  f.engine->succeed(2);  // too late, not asked any more
  CHECK(f.store->durable_revision() == 2);
}

TEST_CASE("an engine can refuse writes before anything is assumed") {
  Fixture f;
  f.store->learn({.key = key_of("x"), .doc = doc_of(1)});
  f.engine->refusal = base::unavailable("another process writes");
  CHECK(f.store->put(key_of("y"), doc_of(1), 0).error().message == "another process writes");
  CHECK(f.store->remove(key_of("x"), 2).error().message == "another process writes");
  CHECK(f.live == "+x1@2 ");
  f.engine->refusal = {};
  CHECK(f.put("y", 1)->revision == 3);
}

}  // namespace store
