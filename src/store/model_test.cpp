// The store against a model that is as simple as can be: maps of what is assumed and of what is durable, and a copy of
// the state at every revision.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "store/manual_engine.h"
#include "sys/sim/sim.h"

namespace store {
namespace {

using State = std::map<Key, std::pair<uint64_t, int64_t>>;  // revision and value

State state_of(const std::vector<Ref>& refs) {
  State out;
  for (const auto& ref : refs) out[ref->key] = {ref->revision, ref->doc()["value"].integer()};
  return out;
}

// What somebody knows who only hears events.
struct Replica {
  State state;
  void apply(const Event& event) {
    const Key& key = event.object->key;
    CHECK(state.count(key) == (event.type == EventType::added ? 0u : 1u));
    if (event.previous) CHECK(state[key].second == event.previous->doc()["value"].integer());
    if (event.type == EventType::deleted) {
      state.erase(key);
    } else {
      state[key] = {event.object->revision, event.object->doc()["value"].integer()};
    }
  }
};

class Run {
 public:
  explicit Run(uint64_t seed) : random_(seed) {
    auto engine = std::make_unique<ManualEngine>();
    engine_ = engine.get();
    store_ = std::move(*Store::open(
        world_.loop(), std::move(engine),
        {.history_events_max = 200, .decoded_bytes_max = seed % 2 == 0 ? 500u : Limits().decoded_bytes_max}));
    store_->subscribe(false, [this](const Event& event) { live_.apply(event); });
    store_->subscribe(true, [this](const Event& event) { watch_.apply(event); });
    durable_ = store_->revision();
    past_[durable_] = {};
  }

  void step() {
    world_.loop().post([this] { ++turns_; });
    world_.loop().run_until([this, wanted = turns_ + 1] { return turns_ == wanted; });
    const auto dice = random_() % 100;
    if (dice < 60) {
      put();
    } else if (dice < 75) {
      remove();
    } else if (dice < 85) {
      learn();
    } else if (dice < 98) {
      const size_t count = engine_->waiting.empty() ? 0 : random_() % (engine_->waiting.size() + 1);
      engine_->succeed(count);
      confirm(count);
    } else {
      engine_->fail_all();
      lose_from(0);
    }
    check();
  }

 private:
  Key some_key() {
    return {random_() % 4 ? "widgets" : "gadgets", random_() % 2 ? "a" : "b", std::to_string(random_() % 8)};
  }

  // What happened after the durable state: writes that the engine has not answered, and foreign changes behind them.
  struct Change {
    uint64_t revision;
    Key key;
    int64_t value;  // gone: removed
    bool foreign;
  };
  static constexpr int64_t gone = -1;

  void happened(Change change) {
    changes_.push_back(std::move(change));
    rebuild();
  }

  // The engine answered that many writes; foreign changes count as soon as nothing assumed is before them.
  void confirm(size_t writes) {
    size_t count = 0;
    for (; count < changes_.size() && (changes_[count].foreign || writes > 0); ++count) {
      if (!changes_[count].foreign) --writes;
    }
    for (size_t i = 0; i < count; ++i) durable_ = changes_[i].revision;
    base_ = count == 0 ? base_ : past_[durable_];
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  void lose_from(size_t index) {
    size_t at = 0;
    std::erase_if(changes_, [&](const Change& change) { return at++ >= index && !change.foreign; });
    rebuild();
    confirm(0);
  }

  void rebuild() {
    past_.erase(past_.upper_bound(durable_), past_.end());
    assumed_ = base_;
    for (const auto& change : changes_) {
      if (change.value == gone) {
        assumed_.erase(change.key);
      } else {
        assumed_[change.key] = {change.revision, change.value};
      }
      past_[change.revision] = assumed_;
    }
  }

  // Somebody else changes or removes an object.
  void learn() {
    const Key key = some_key();
    const int64_t value = random_() % 4 == 0 ? gone : static_cast<int64_t>(random_() % 1000);
    const size_t waiting = engine_->waiting.size();
    const auto mine = std::find_if(changes_.begin(), changes_.end(),
                                   [&](const Change& change) { return !change.foreign && change.key == key; });
    store_->learn({.key = key, .doc = value == gone ? Json() : doc(key, value)});
    if (mine != changes_.end()) {
      const auto index = static_cast<size_t>(mine - changes_.begin());
      // Some engines answer for what was lost, with whatever they know; this one does it half of the time.
      const auto lost = static_cast<size_t>(
          std::count_if(mine, changes_.end(), [](const Change& change) { return !change.foreign; }));
      const bool answers = random_() % 2 == 0;
      std::vector<std::function<void(Result<void>)>> withdrawn(
          engine_->waiting.end() - static_cast<std::ptrdiff_t>(lost), engine_->waiting.end());
      engine_->waiting.resize(waiting - lost);
      lose_from(index);
      if (answers && index == 0) {
        for (const auto& done : withdrawn) done({});
      }
    }
    const auto had = assumed_.find(key);
    if (value == gone && had == assumed_.end()) return;
    const Ref now = store_->get(key);
    uint64_t revision = now ? now->revision : 0;
    if (value == gone) revision = store_->revision();
    happened({revision, key, value, true});
    confirm(0);
  }

  static Json doc(const Key& key, int64_t value) {
    return Json::object({{"metadata", Json::object({{"uid", key.text()}})}, {"value", value}});
  }

  void put() {
    const Key key = some_key();
    const auto had = assumed_.find(key);
    const int64_t value = static_cast<int64_t>(random_() % 1000);
    auto put = store_->put(key, doc(key, value), had == assumed_.end() ? 0 : had->second.first);
    REQUIRE(put.ok());
    happened({(*put)->revision, key, value, false});
  }

  void remove() {
    const Key key = some_key();
    const auto had = assumed_.find(key);
    if (had == assumed_.end()) return;
    auto removed = store_->remove(key, had->second.first);
    REQUIRE(removed.ok());
    happened({(*removed)->revision, key, gone, false});
  }

  void check() {
    State now = state_of(store_->list("widgets"));
    now.merge(state_of(store_->list("gadgets")));
    CHECK(now == assumed_);
    CHECK(live_.state == assumed_);
    CHECK(store_->durable_revision() == durable_);
    CHECK(watch_.state == base_);
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
  int turns_ = 0;
  ManualEngine* engine_ = nullptr;
  std::unique_ptr<Store> store_;
  State assumed_, base_;  // base_: the durable one
  uint64_t durable_ = 0;
  std::vector<Change> changes_;
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
