// The store against a model that is as simple as can be: maps of what is assumed and of what is durable, and a copy of
// the state at every revision.
#include <doctest/doctest.h>

#include <random>

#include "store/manual_engine.h"
#include "sys/sim/sim.h"

namespace store {
namespace {

using State = std::map<Key, std::pair<uint64_t, int64_t>>;  // revision and value

State state_of(const std::vector<Ref>& refs) {
  State out;
  for (const auto& ref : refs) out[ref->key] = {ref->revision, ref->doc["value"].integer()};
  return out;
}

// What somebody knows who only hears events.
struct Replica {
  State state;
  void apply(const Event& event) {
    const Key& key = event.object->key;
    CHECK(state.count(key) == (event.type == EventType::added ? 0u : 1u));
    if (event.previous) CHECK(state[key].second == event.previous->doc["value"].integer());
    if (event.type == EventType::deleted) {
      state.erase(key);
    } else {
      state[key] = {event.object->revision, event.object->doc["value"].integer()};
    }
  }
};

class Run {
 public:
  explicit Run(uint64_t seed) : random_(seed) {
    auto engine = std::make_unique<ManualEngine>();
    engine_ = engine.get();
    store_ = std::move(*Store::open(world_.loop(), std::move(engine), {.history_events_max = 200}));
    store_->subscribe(false, [this](const Event& event) { live_.apply(event); });
    store_->subscribe(true, [this](const Event& event) { watch_.apply(event); });
    past_[store_->revision()] = {};
  }

  void step() {
    const auto dice = random_() % 100;
    if (dice < 60) {
      put();
    } else if (dice < 75) {
      remove();
    } else if (dice < 98) {
      const size_t count = engine_->waiting.empty() ? 0 : random_() % (engine_->waiting.size() + 1);
      engine_->succeed(count);
    } else {
      engine_->fail_all();
      assumed_ = durable();
    }
    check();
  }

 private:
  Key some_key() {
    return {random_() % 4 ? "widgets" : "gadgets", random_() % 2 ? "a" : "b", std::to_string(random_() % 8)};
  }

  // The durable state is the remembered one of the durable revision.
  State durable() {
    for (auto at = past_.upper_bound(store_->durable_revision()); at != past_.end();) at = past_.erase(at);
    return past_.rbegin()->second;
  }

  void put() {
    const Key key = some_key();
    const auto had = assumed_.find(key);
    const int64_t value = static_cast<int64_t>(random_() % 1000);
    Json doc = Json::object({{"metadata", Json::object({{"uid", key.text()}})}, {"value", value}});
    auto put = store_->put(key, std::move(doc), had == assumed_.end() ? 0 : had->second.first);
    REQUIRE(put.ok());
    assumed_[key] = {(*put)->revision, value};
    past_[(*put)->revision] = assumed_;
  }

  void remove() {
    const Key key = some_key();
    const auto had = assumed_.find(key);
    if (had == assumed_.end()) return;
    auto removed = store_->remove(key, had->second.first);
    REQUIRE(removed.ok());
    assumed_.erase(key);
    past_[(*removed)->revision] = assumed_;
  }

  void check() {
    State now = state_of(store_->list("widgets"));
    now.merge(state_of(store_->list("gadgets")));
    CHECK(now == assumed_);
    CHECK(live_.state == assumed_);
    const auto durable_now = past_.upper_bound(store_->durable_revision());
    CHECK(watch_.state == std::prev(durable_now)->second);
    for (const auto& [key, value] : assumed_) CHECK(store_->find_uid(key.text())->key == key);
    check_past();
  }

  void check_past() {
    auto at = past_.lower_bound(store_->compacted_revision());
    if (at == past_.end()) return;
    std::advance(at, static_cast<std::ptrdiff_t>(random_() % static_cast<uint64_t>(std::distance(at, past_.end()))));
    State expected = at->second;
    std::erase_if(expected, [](const auto& entry) { return entry.first.resource != "widgets"; });
    const auto list = store_->list_at("widgets", {}, at->first);
    REQUIRE(list.ok());
    CHECK(state_of(*list) == expected);
    if (at->first > store_->durable_revision()) return;
    // The history from there on leads to the durable state.
    Replica replica{expected};
    const auto history = store_->history("widgets", at->first);
    REQUIRE(history.ok());
    for (const auto& event : *history) replica.apply(event);
    State durable_widgets = watch_.state;
    std::erase_if(durable_widgets, [](const auto& entry) { return entry.first.resource != "widgets"; });
    CHECK(replica.state == durable_widgets);
  }

  std::mt19937_64 random_;
  sys::SimWorld world_{1};
  ManualEngine* engine_ = nullptr;
  std::unique_ptr<Store> store_;
  State assumed_;
  std::map<uint64_t, State> past_;
  Replica live_, watch_;
};

}  // namespace

TEST_CASE("random writes, confirmations and failures agree with a model") {
  const uint64_t first = std::random_device()();
  for (uint64_t seed = first; seed < first + 20; ++seed) {
    CAPTURE(seed);
    Run run(seed);
    for (int i = 0; i < 400; ++i) run.step();
  }
}

TEST_CASE("a simulated disk keeps what was durable when the process ended") {
  sys::SimWorld world(5);
  const auto disk = make_sim_disk();
  const auto open = [&](sys::Sys& sys) {
    return std::move(*Store::open(sys.loop, make_sim_engine(sys.loop, disk, base::milliseconds(10))));
  };
  sys::Sys& first = world.process("manager", "disk");
  auto store = open(first);
  const auto put = [&](const char* name) {
    return (*store->put({"widgets", "a", name}, Json::object({{"value", 1}}), 0))->revision;
  };
  put("one");
  const uint64_t two = put("two");
  CHECK(store->durable_revision() == 1);
  REQUIRE(world.loop().run_until([&] { return store->durable_revision() == two; }));
  REQUIRE(store->remove({"widgets", "a", "one"}, 2).ok());
  REQUIRE(world.loop().run_until([&] { return store->durable_revision() == two + 1; }));
  put("three");
  store.reset();
  world.kill(first);
  store = open(world.process("manager", "disk"));
  CHECK(store->list("widgets").size() == 1);
  CHECK(store->get("widgets", "a", "two")->revision == two);
  CHECK(store->revision() == two + 1);
}

}  // namespace store
