#include "etcd/replica.h"

#include <doctest/doctest.h>

#include <map>

#include "etcd/sim_etcd.h"
#include "etcd/snapshot.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace etcd {
namespace {

using base::Json;
using base::milliseconds;
using base::seconds;
using store::Key;

store::Sealer master() { return *store::Sealer::parse("00000001 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"); }

// One process: a replica and the store over it.
struct Process {
  sys::Sys* sys = nullptr;
  Replica* replica = nullptr;
  std::unique_ptr<store::Store> store;
  std::string failure;
  std::map<uint64_t, std::string> events;  // what a watch heard, by revision

  bool ready() const { return store != nullptr; }
  bool leads() const { return store && replica->leads(); }
};

struct Cluster {
  sys::SimWorld world;
  SimEtcd etcd{world.loop(), world.random()};
  std::map<std::string, Process> processes;
  int starts = 0;

  explicit Cluster(uint64_t seed) : world(seed) {}
  ~Cluster() {
    for (auto& [name, process] : processes) process.store.reset();
  }

  void start(const std::string& name) {
    Process& p = processes[name];
    p = {};
    p.sys = &world.process(name, name);
    ReplicaOptions options;
    options.self = {name + "-" + std::to_string(++starts), "https://" + name};
    auto api = etcd.client(p.sys->loop, name);
    sys::spawn(p.sys->loop, "open", [&p, api, options] {
      for (;;) {
        auto opened = open_replica(*p.sys, api, master(), options);
        if (!opened) {
          p.failure = opened.error().text();
          if (!sys::sleep(p.sys->loop, seconds(1))) return;
          continue;
        }
        p.replica = opened->get();
        auto store = store::Store::open(p.sys->loop, std::move(*opened));
        if (!store) {
          p.failure = store.error().text();
          return;
        }
        p.store = std::move(*store);
        p.store->subscribe(true, [&p](const store::Event& event) {
          p.events[event.revision] = std::to_string(static_cast<int>(event.type)) + event.object->bytes();
        });
        p.replica->run_for_leader();
        return;
      }
    });
  }
  void kill(const std::string& name) {
    Process& p = processes[name];
    world.kill(*p.sys);
    p.store.reset();
    p = {};
  }
  Process* leader() {
    Process* found = nullptr;
    for (auto& [name, process] : processes) {
      if (!process.leads()) continue;
      REQUIRE_MESSAGE(found == nullptr, "two processes lead");
      found = &process;
    }
    return found;
  }
  bool run(
      base::Duration span, const std::function<bool()>& done = [] { return false; }) {
    const auto until = world.loop().now() + span;
    bool over = false;
    world.loop().after(span, [] {});
    return world.loop().run_until([&] {
      leader();  // never two
      over = world.loop().now() >= until;
      return done() || over;
    }) && !over;
  }
  Process& wait_for_leader() {
    REQUIRE(run(seconds(60), [&] { return leader() != nullptr; }));
    return *leader();
  }
};

Key key_of(const std::string& name) { return {"widgets", "a", name}; }
Json doc_of(int64_t value) { return Json::object({{"metadata", Json::object({})}, {"value", value}}); }

uint64_t put(Process& p, const Key& key, Json doc) {
  const auto current = p.store->get(key);
  const auto written = p.store->put(key, std::move(doc), current ? current->revision : 0);
  REQUIRE(written.ok());
  return (*written)->revision;
}

// -1: nothing yet, 0: lost, 1: durable.
std::shared_ptr<int> outcome_of(Process& p, uint64_t revision) {
  auto outcome = std::make_shared<int>(-1);
  p.store->when_durable(revision, [outcome](Result<void> result) { *outcome = result ? 1 : 0; });
  return outcome;
}

}  // namespace

TEST_CASE("one process leads and writes, the others follow with the same revisions") {
  Cluster c(1);
  for (const char* name : {"a", "b", "c"}) c.start(name);
  Process& leader = c.wait_for_leader();
  put(leader, key_of("x"), doc_of(1));
  put(leader, key_of("y"), doc_of(2));
  put(leader, key_of("x"), doc_of(3));
  const auto current = leader.store->get(key_of("y"));
  const uint64_t last = (*leader.store->remove(key_of("y"), current->revision))->revision;
  REQUIRE(c.run(seconds(10), [&] {
    for (auto& [name, p] : c.processes) {
      if (!p.ready() || p.store->durable_revision() != last) return false;
    }
    return true;
  }));
  for (auto& [name, p] : c.processes) {
    CHECK(p.events == leader.events);
    CHECK(p.events.size() == 4);
    CHECK(p.store->get(key_of("x"))->doc()["value"].integer() == 3);
    CHECK(p.store->get(key_of("y")) == nullptr);
    CHECK(p.replica->leader()->identity == leader.replica->leader()->identity);
    if (&p == &leader) continue;
    const auto refused = p.store->put(key_of("z"), doc_of(1), 0);
    CHECK(refused.error().code == base::Code::unavailable);
  }
}

TEST_CASE("a process that starts later reads everything, in pages, and Secrets are sealed in etcd") {
  Cluster c(2);
  c.start("a");
  Process& a = c.wait_for_leader();
  uint64_t last = 0;
  for (int i = 0; i < 1203; ++i) last = put(a, key_of("w" + std::to_string(i)), doc_of(i));
  last = put(a, {"secrets", "a", "s"}, Json::object({{"metadata", Json::object({})}, {"data", "hidden-word"}}));
  REQUIRE(c.run(seconds(30), [&] { return a.store->durable_revision() == last; }));
  for (const auto& item : c.etcd.all("/ingot/")) CHECK(item.value.find("hidden-word") == std::string::npos);
  c.start("b");
  Process& b = c.processes["b"];
  REQUIRE(c.run(seconds(10), [&] { return b.ready(); }));
  CHECK(b.store->durable_revision() == last);
  CHECK(b.store->list("widgets").size() == 1203);
  CHECK(b.store->get("secrets", "a", "s")->doc()["data"].string() == "hidden-word");
}

TEST_CASE("when the leader dies another one goes on, and revisions never repeat") {
  Cluster c(3);
  c.start("a");
  c.start("b");
  Process& first = c.wait_for_leader();
  const std::string dead = &first == &c.processes["a"] ? "a" : "b";
  const uint64_t one = put(first, key_of("x"), doc_of(1));
  auto kept = outcome_of(first, one);
  REQUIRE(c.run(seconds(5), [&] { return *kept == 1; }));
  put(first, key_of("lost"), doc_of(1));  // never leaves the process
  c.kill(dead);
  Process& second = c.wait_for_leader();
  CHECK(second.store->get(key_of("x"))->revision == one);
  CHECK(second.store->get(key_of("lost")) == nullptr);
  CHECK(put(second, key_of("x"), doc_of(2)) > one + term_gap / 2);
}

TEST_CASE("a leader that resigns is followed at once") {
  Cluster c(4);
  c.start("a");
  c.start("b");
  Process& first = c.wait_for_leader();
  const auto before = c.world.loop().now();
  bool resigned = false;
  sys::spawn(first.sys->loop, "resign", [&] {
    first.replica->resign();
    resigned = true;
  });
  REQUIRE(c.run(seconds(30), [&] { return resigned && c.leader() && c.leader() != &first; }));
  CHECK(c.world.loop().now() - before < seconds(3));
}

TEST_CASE("a leader that is cut off stops before another one can lead, and takes back what it assumed") {
  Cluster c(5);
  c.start("a");
  c.start("b");
  Process& first = c.wait_for_leader();
  const std::string name = &first == &c.processes["a"] ? "a" : "b";
  std::string roles;
  bool taken_back = false;
  first.replica->on_change([&] {
    roles += first.replica->leads() ? "leads;" : "follows;";
    taken_back = first.store->get(key_of("x")) == nullptr;  // at the second call
  });
  c.etcd.set_reachable(name, false);
  const uint64_t lost = put(first, key_of("x"), doc_of(1));
  auto outcome = outcome_of(first, lost);
  REQUIRE(c.run(seconds(9) + milliseconds(500), [&] { return !first.leads() && *outcome != -1; }));
  CHECK(*outcome == 0);
  CHECK(roles.starts_with("follows;follows;"));
  CHECK(taken_back);
  Process& second = c.wait_for_leader();
  CHECK(&second != &first);
  const uint64_t two = put(second, key_of("x"), doc_of(2));
  c.etcd.set_reachable(name, true);
  first.replica->on_change(nullptr);
  REQUIRE(c.run(seconds(10), [&] { return first.store->durable_revision() == two; }));
  CHECK(first.store->get(key_of("x"))->doc()["value"].integer() == 2);
}

TEST_CASE("a write whose answer is lost is found out, not repeated") {
  Cluster c(6);
  c.start("a");
  Process& a = c.wait_for_leader();
  c.etcd.faults().answer_lost = 1;
  const uint64_t one = put(a, key_of("x"), doc_of(1));
  auto outcome = outcome_of(a, one);
  c.run(milliseconds(2500));
  c.etcd.faults().answer_lost = 0;
  REQUIRE(c.run(seconds(5), [&] { return *outcome == 1; }));
  CHECK(a.leads());
  // The next write fits onto it.
  outcome = outcome_of(a, put(a, key_of("x"), doc_of(2)));
  REQUIRE(c.run(seconds(5), [&] { return *outcome == 1; }));
}

TEST_CASE("a write that etcd refuses is rolled back, and the leader goes on") {
  Cluster c(7);
  c.start("a");
  Process& a = c.wait_for_leader();
  c.etcd.refuse(1, {.code = base::Code::too_large, .message = "etcdserver: mvcc: database space exceeded"});
  auto outcome = outcome_of(a, put(a, key_of("x"), doc_of(1)));
  REQUIRE(c.run(seconds(5), [&] { return *outcome == 0; }));
  CHECK(a.store->get(key_of("x")) == nullptr);
  outcome = outcome_of(a, put(a, key_of("x"), doc_of(2)));
  REQUIRE(c.run(seconds(5), [&] { return *outcome == 1; }));
}

TEST_CASE("an object that etcd cannot hold is refused before it is assumed") {
  Cluster c(8);
  c.start("a");
  Process& a = c.wait_for_leader();
  Json big = doc_of(1);
  std::string noise;
  while (noise.size() < 2u << 20) noise += c.world.random().token(32);
  big.set("noise", noise);
  CHECK(a.store->put(key_of("big"), big, 0).error().code == base::Code::too_large);
  CHECK(a.store->get(key_of("big")) == nullptr);
  big.set("noise", std::string(2u << 20, 'x'));  // compresses well
  auto outcome = outcome_of(a, put(a, key_of("big"), big));
  REQUIRE(c.run(seconds(5), [&] { return *outcome == 1; }));
}

TEST_CASE("a follower that was away longer than etcd remembers gets to the present state") {
  Cluster c(9);
  c.start("a");
  Process& a = c.wait_for_leader();
  c.start("b");
  Process& b = c.processes["b"];
  put(a, key_of("stays"), doc_of(1));
  put(a, key_of("goes"), doc_of(1));
  const uint64_t before = put(a, key_of("again"), doc_of(1));
  REQUIRE(c.run(seconds(10), [&] { return b.ready() && b.store->durable_revision() == before; }));
  c.etcd.set_reachable("b", false);
  c.run(seconds(5));
  REQUIRE(a.store->remove(key_of("goes"), a.store->get(key_of("goes"))->revision).ok());
  REQUIRE(a.store->remove(key_of("again"), before).ok());
  put(a, key_of("again"), doc_of(2));
  const uint64_t last = put(a, key_of("new"), doc_of(1));
  REQUIRE(c.run(seconds(10), [&] { return a.store->durable_revision() == last; }));
  c.etcd.compact(c.etcd.revision());
  const auto epoch = b.store->epoch();
  c.etcd.set_reachable("b", true);
  REQUIRE(c.run(seconds(20), [&] { return b.store->durable_revision() == last; }));
  CHECK(b.store->epoch() > epoch);
  CHECK(b.store->history("widgets", before).error().code == base::Code::expired);
  CHECK(b.store->list("widgets").size() == 3);
  CHECK(b.store->get(key_of("again"))->create_revision > before);
  for (const auto& entry : a.store->list("widgets")) CHECK(b.store->get(entry->key)->bytes() == entry->bytes());
  // And it follows on.
  const uint64_t next = put(a, key_of("new"), doc_of(2));
  REQUIRE(c.run(seconds(10), [&] { return b.store->durable_revision() == next; }));
}

TEST_CASE("a consistent read on a follower waits for what was acknowledged elsewhere") {
  Cluster c(10);
  c.start("a");
  Process& a = c.wait_for_leader();
  c.start("b");
  Process& b = c.processes["b"];
  REQUIRE(c.run(seconds(10), [&] { return b.ready(); }));
  int reads = 0;
  for (int i = 0; i < 20; ++i) {
    auto outcome = outcome_of(a, put(a, key_of("x"), doc_of(i)));
    REQUIRE(c.run(seconds(5), [&] { return *outcome == 1; }));
    for (int reader = 0; reader < 3; ++reader) {
      sys::spawn(b.sys->loop, "read", [&, i] {
        REQUIRE(b.replica->catch_up(seconds(5)).ok());
        CHECK(b.store->get(key_of("x"))->doc()["value"].integer() >= i);
        ++reads;
      });
    }
  }
  REQUIRE(c.run(seconds(10), [&] { return reads == 60; }));
  c.etcd.set_reachable("b", false);
  bool failed = false;
  sys::spawn(b.sys->loop, "read", [&] { failed = !b.replica->catch_up(seconds(5)).ok(); });
  REQUIRE(c.run(seconds(10), [&] { return failed; }));
}

TEST_CASE("a process with another key file is told so") {
  Cluster c(11);
  c.start("a");
  c.wait_for_leader();
  sys::Sys& other = c.world.process("z", "z");
  std::string why;
  sys::spawn(other.loop, "open", [&] {
    auto opened = open_replica(other, c.etcd.client(other.loop, "z"), store::Sealer::generate(other.random), {});
    why = opened ? "opened" : opened.error().text();
  });
  REQUIRE(c.run(seconds(5), [&] { return !why.empty(); }));
  CHECK(why.find("--store-key") != std::string::npos);
}

// Logs that several processes append to, whoever leads, while everything goes wrong: what was acknowledged is there in
// the end, nothing is there twice, and one revision is one change in every process.
namespace {

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : c_(seed), random_(c_.world.random()) {
    for (const char* name : {"a", "b", "c"}) c_.start(name);
  }

  void run() {
    c_.wait_for_leader();
    for (int i = 0; i < 600; ++i) step();
    heal();
    Process& leader = c_.wait_for_leader();
    auto last = outcome_of(leader, put(leader, key_of("last"), doc_of(1)));
    REQUIRE(c_.run(seconds(60), [&] { return *last == 1; }));
    const uint64_t end = leader.store->durable_revision();
    REQUIRE(c_.run(seconds(60), [&] {
      for (auto& [name, p] : c_.processes) {
        if (!p.ready() || p.store->durable_revision() != end) return false;
      }
      return true;
    }));
    for (auto& [name, p] : c_.processes) check(p, leader);
  }
  size_t acknowledged() const { return acknowledged_.size(); }
  int64_t attempts() const { return last_id_; }

 private:
  void step() {
    auto& faults = c_.etcd.faults();
    const auto dice = random_.below(100);
    if (dice < 55) {
      raise();
    } else if (dice < 60) {
      const double level = random_.below(2) ? 0.1 : 0;
      faults.request_lost = faults.answer_lost = faults.late = faults.watch_broken = level;
    } else if (dice < 64) {
      c_.etcd.set_reachable(some(), random_.below(3) != 0);
    } else if (dice < 66) {
      c_.etcd.set_quorum(random_.below(3) != 0);
    } else if (dice < 69) {
      const auto name = some();
      if (c_.processes[name].sys != nullptr) {
        note(c_.processes[name]);
        c_.kill(name);
      } else {
        c_.start(name);
      }
    } else if (dice < 70) {
      c_.etcd.compact(c_.etcd.revision() - static_cast<int64_t>(random_.below(20)));
    } else {
      c_.run(milliseconds(static_cast<int64_t>(random_.below(random_.below(20) == 0 ? 15'000 : 300))));
    }
  }

  std::string some() { return std::string(1, static_cast<char>('a' + random_.below(3))); }

  void raise() {
    Process* leader = c_.leader();
    if (!leader) {
      // Time passes, and the worst is over at some time.
      if (random_.below(8) == 0) heal();
      c_.run(seconds(1));
      return;
    }
    const std::string name = "k" + std::to_string(random_.below(5));
    const auto current = leader->store->get(key_of(name));
    if (random_.below(10) == 0 && current) {  // something that comes and goes, beside the counters
      const auto side = leader->store->get(key_of("side"));
      if (side) {
        REQUIRE(leader->store->remove(key_of("side"), side->revision).ok());
      } else {
        put(*leader, key_of("side"), doc_of(1));
      }
    }
    Json doc = current ? current->doc() : doc_of(0);
    const int64_t id = ++last_id_;
    doc.child("log").push(id);
    const uint64_t revision = put(*leader, key_of(name), std::move(doc));
    const auto ask = [this, leader, revision, name, id] {
      leader->store->when_durable(revision, [this, name, id](Result<void> result) {
        if (result) acknowledged_[id] = name;
      });
    };
    if (random_.below(3) != 0) return ask();
    // Some ask late, when the write may have been taken back and others may have written.
    leader->sys->loop.after(milliseconds(static_cast<int64_t>(random_.below(20'000))), ask);
  }

  void heal() {
    c_.etcd.faults() = {};
    c_.etcd.set_quorum(true);
    for (const char* name : {"a", "b", "c"}) {
      c_.etcd.set_reachable(name, true);
      if (c_.processes[name].sys == nullptr) c_.start(name);
    }
  }

  // One revision is one change, whoever tells it. After a resync a process tells deletions under other numbers.
  void note(const Process& p) {
    for (const auto& [revision, what] : p.events) {
      if (what.front() == '2') continue;
      const auto [known, fresh] = history_.emplace(revision, what.substr(1));
      CHECK((fresh || known->second == what.substr(1)));
    }
  }

  void check(const Process& p, const Process& leader) {
    note(p);
    const auto mine = p.store->list("widgets"), theirs = leader.store->list("widgets");
    REQUIRE(mine.size() == theirs.size());
    for (size_t i = 0; i < mine.size(); ++i) CHECK(mine[i]->bytes() == theirs[i]->bytes());
    std::map<int64_t, std::string> kept;
    for (const auto& entry : mine) {
      for (const auto& id : entry->doc()["log"].items()) {
        CHECK_MESSAGE(kept.emplace(id.integer(), entry->key.name).second, "a write was done twice");
      }
    }
    for (const auto& [id, name] : acknowledged_) CHECK_MESSAGE(kept[id] == name, "an acknowledged write is lost");
  }

  Cluster c_;
  sys::Random& random_;
  int64_t last_id_ = 0;
  std::map<int64_t, std::string> acknowledged_;  // and the object it is in
  std::map<uint64_t, std::string> history_;
};

}  // namespace

TEST_CASE("no acknowledged write is lost and no revision stands for two, whatever fails") {
  const char* given = std::getenv("INGOT_SEED");
  const uint64_t first = given ? std::strtoull(given, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + (given ? 1 : 40); ++seed) {
    CAPTURE(seed);
    Chaos chaos(seed);
    chaos.run();
    CHECK(chaos.acknowledged() > 30);
    CHECK(chaos.acknowledged() < static_cast<size_t>(chaos.attempts()));  // some did fail
  }
}

}  // namespace etcd
