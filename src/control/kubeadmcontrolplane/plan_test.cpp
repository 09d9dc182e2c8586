#include "control/kubeadmcontrolplane/plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"

using namespace control;
using namespace control::kubeadmcontrolplane;

namespace {

constexpr Time now = Time() + base::hours(24 * 365);

workload::EtcdMember etcd(const std::string& name, bool healthy = true, bool learner = false) {
  return {.id = "id-" + name, .name = name, .learner = learner, .healthy = healthy};
}

struct Given {
  std::string name;
  int age_days = 1;
  bool outdated = false;
  std::vector<std::string> unhealthy = {};
  bool has_node = true;
  bool marked = false;  // by the user, for deletion
  bool deleting = false;
  std::string domain = {};
  bool started = true;  // its server has the image
};

// Machines whose nodes and etcd members carry the machine's name.
Situation situation(int replicas, const std::vector<Given>& given, int surge = 1) {
  Situation out{.replicas = replicas, .surge = surge, .initialized = true, .etcd_known = true};
  for (const auto& one : given) {
    Machine machine;
    machine.meta.name = one.name;
    machine.spec.failure_domain = one.domain;
    machine.meta.created = now - base::hours(24 * one.age_days);
    if (one.deleting) machine.meta.deletion = now;
    if (one.marked) machine.meta.annotations["cluster.x-k8s.io/delete-machine"] = "";
    if (one.has_node) machine.status.node.name = one.name;
    machine.status.initialization.infrastructure_provisioned = one.started;
    Member member{.machine = std::make_shared<const Machine>(std::move(machine)), .unhealthy = one.unhealthy};
    if (one.outdated) member.outdated = {"Version v1.32.0, v1.33.0 required"};
    out.members.push_back(std::move(member));
    if (one.has_node) out.etcd.push_back(etcd(one.name, one.unhealthy.empty()));
  }
  return out;
}

std::string text(const Step& step) {
  const char* const names[] = {"none", "init", "up", "down"};
  std::string out = names[static_cast<size_t>(step.action)];
  if (step.machine) out += " " + step.machine->meta.name;
  if (!step.blocked.empty()) out += ": " + base::join(step.blocked, "; ");
  return out;
}

std::string next(const Situation& given) { return text(next_step(given)); }

}  // namespace

TEST_CASE("quorum after a removal, by size and health") {
  // For each number of members and of unhealthy ones among those that stay: whether a removal is safe.
  for (int members = 1; members <= 7; ++members) {
    for (int sick = 0; sick < members; ++sick) {
      std::vector<workload::EtcdMember> all = {etcd("leaving", false)};
      for (int i = 1; i < members; ++i) all.push_back(etcd("m" + std::to_string(i), i > sick));
      const int stay = members - 1, healthy = stay - sick;
      CAPTURE(members);
      CAPTURE(sick);
      CHECK(quorum_after_removal(all, "leaving").safe == (stay > 0 && healthy >= stay / 2 + 1));
    }
  }
}

TEST_CASE("quorum: the reasons") {
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), etcd("c", false)}, "a").why ==
        "etcd would have 1 healthy of 2 voting members, 2 are needed; unhealthy: c");
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), etcd("c", false)}, "c").safe);
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), etcd("c", true, true)}, "a").why ==
        "etcd member c is still a learner");
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), etcd("c", true, true)}, "c").safe);
  auto unstarted = etcd("", false);
  unstarted.id = "8e9e05c52164694d";
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), unstarted}, "a").why ==
        "etcd would have 1 healthy of 2 voting members, 2 are needed; unhealthy: (unstarted 8e9e05c52164694d)");
  // A machine that never became a member takes nothing away.
  CHECK(quorum_after_removal({etcd("a"), etcd("b"), unstarted}, "").safe);
}

TEST_CASE("quorum: a new member counts as unhealthy until it has caught up") {
  CHECK(quorum_after_adding({etcd("a")}).safe);
  CHECK_FALSE(quorum_after_adding({etcd("a", false)}).safe);
  CHECK(quorum_after_adding({etcd("a"), etcd("b")}).safe);
  CHECK_FALSE(quorum_after_adding({etcd("a"), etcd("b", false)}).safe);
  CHECK(quorum_after_adding({etcd("a"), etcd("b"), etcd("c")}).safe);
  CHECK_FALSE(quorum_after_adding({etcd("a"), etcd("b"), etcd("c", false)}).safe);
  CHECK(quorum_after_adding({etcd("a"), etcd("b"), etcd("c"), etcd("d"), etcd("e", false)}).safe);
  CHECK_FALSE(quorum_after_adding({etcd("a"), etcd("b", true, true)}).safe);
}

TEST_CASE("the first machine, and nothing more before it is initialized") {
  Situation fresh{.replicas = 3};
  CHECK(next(fresh) == "init");
  auto starting = situation(3, {{.name = "a", .has_node = false}});
  starting.initialized = false;
  starting.etcd_known = false;
  CHECK(next(starting) == "none: waiting for the first control-plane machine to be initialized");
  starting.replicas = 1;
  CHECK(next(starting) == "none");
  auto failed = situation(3, {{.name = "a", .has_node = false, .deleting = true}});
  failed.initialized = false;
  CHECK(next(failed) == "none");
}

TEST_CASE("scaling, one machine at a time") {
  CHECK(next(situation(3, {{"a"}})) == "up");
  CHECK(next(situation(3, {{"a"}, {"b"}})) == "up");
  CHECK(next(situation(3, {{"a"}, {"b"}, {"c"}})) == "none");
  CHECK(next(situation(1, {{"a", 1}, {"b", 3}, {"c", 2}})) == "down b");
  CHECK(next(situation(3, {{"a"}, {.name = "b", .has_node = false}})) == "up: Machine b has no Node yet");
  CHECK(next(situation(1, {{"a"}, {"b"}, {.name = "c", .deleting = true}})) == "down a: Machine c is being deleted");
}

TEST_CASE("a needless machine without a server goes first and holds nothing up") {
  const auto pending = [](const char* name, bool outdated = false) {
    return Given{.name = name, .age_days = 0, .outdated = outdated, .has_node = false, .started = false};
  };
  CHECK(next(situation(1, {{"a"}, {"b"}, pending("c")})) == "down c");
  CHECK(next(situation(1, {{"a"}, {"b"}, {"d", 1, false, {"Pod etcd-d is not ready"}}, pending("c")})) == "down c");
  CHECK(next(situation(3, {{"a", 1, true}, {"b", 1, true}, pending("c", true)})) == "down c");
  CHECK(next(situation(3, {{"a", 1, true}, {"b", 1, true}, {"d", 1, true}, pending("c")})) ==
        "down a: Machine c has no Node yet");
  CHECK(next(situation(1, {{"a", 1, true}, {"b", 1, true}, pending("c")})) == "down c");
  CHECK(next(situation(3, {{"a"}, {"b"}, pending("c")})) == "none");
  CHECK(next(situation(1, {pending("c", true)})) ==
        "up: Machine c has no Node yet; etcd would have 0 healthy of 0 "
        "voting members, 1 are needed");
}

TEST_CASE("what stalls a step is said, with the machine and its component") {
  CHECK(next(situation(3, {{"a"}, {.name = "b", .unhealthy = {"Pod etcd-b is not ready"}}})) ==
        "up: Machine b: Pod etcd-b is not ready; etcd would have 1 healthy of 3 voting members, 2 are needed; "
        "unhealthy: b");
  auto blind = situation(3, {{"a"}});
  blind.etcd_known = false;
  CHECK(next(blind) == "up: the etcd members are not known yet");
  blind = situation(1, {{"a", 1}, {"b", 2}});
  blind.etcd_known = false;
  CHECK(next(blind) == "down b: the etcd members are not known yet");
  Situation waiting = situation(3, {{"a"}, {.name = "b", .has_node = false}});
  Machine stuck = *waiting.members[1].machine;
  stuck.status.conditions = {{"Ready", "False", "NotReady", "* Infrastructure: no host\n* Bootstrap: waits"}};
  waiting.members[1].machine = std::make_shared<const Machine>(std::move(stuck));
  CHECK(next(waiting) == "up: Machine b has no Node yet (* Infrastructure: no host; * Bootstrap: waits)");
}

TEST_CASE("the unhealthy machine itself may go when the others keep the quorum") {
  CHECK(next(situation(1, {{"a"}, {"b"}, {.name = "c", .age_days = 9, .unhealthy = {"gone"}}})) == "down c");
  CHECK(next(situation(1, {{.name = "a", .age_days = 9}, {"b"}, {.name = "c", .unhealthy = {"gone"}}})) ==
        "down a: Machine c: gone; etcd would have 1 healthy of 2 voting members, 2 are needed; unhealthy: c");
}

TEST_CASE("a machine in the most crowded failure domain goes, before that one in none of them") {
  const auto chosen = [](const std::vector<Given>& given, const std::vector<std::string>& domains) {
    return choose_for_removal(situation(1, given).members, domains)->meta.name;
  };
  const Given a1{.name = "a1", .age_days = 1, .domain = "a"}, a2{.name = "a2", .age_days = 2, .domain = "a"},
      b9{.name = "b9", .age_days = 9, .domain = "b"}, x1{.name = "x1", .age_days = 1, .domain = "x"},
      gone{.name = "b8", .deleting = true, .domain = "b"};
  CHECK(chosen({a1, a2, b9}, {"a", "b"}) == "a2");
  CHECK(chosen({a1, a2, b9, x1}, {"a", "b"}) == "x1");
  CHECK(chosen({a1, b9, gone}, {"a", "b"}) == "b9");  // equally crowded: the oldest
  CHECK(chosen({a1, a2, b9}, {}) == "b9");
  Given outdated = b9;
  outdated.outdated = true;
  CHECK(chosen({a1, a2, outdated}, {"a", "b"}) == "b9");  // being outdated counts more
}

TEST_CASE("which machine goes") {
  const auto chosen = [](const std::vector<Given>& given) {
    const auto machine = choose_for_removal(situation(1, given).members);
    return machine ? machine->meta.name : "";
  };
  CHECK(chosen({}) == "");
  CHECK(chosen({{.name = "a", .deleting = true}}) == "");
  const Given fine{.name = "e", .age_days = 9}, outdated{.name = "d", .outdated = true},
      sick{.name = "c", .outdated = true, .unhealthy = {"x"}}, marked{.name = "b", .marked = true},
      both{.name = "a", .outdated = true, .marked = true};
  CHECK(chosen({fine, outdated, sick, marked, both}) == "a");
  CHECK(chosen({fine, outdated, sick, marked}) == "b");
  CHECK(chosen({fine, outdated, sick}) == "c");
  CHECK(chosen({fine, outdated}) == "d");
  CHECK(chosen({fine, {.name = "f", .age_days = 10}}) == "f");
  CHECK(chosen({{"y", 3}, {"x", 3}}) == "x");
}

TEST_CASE("rolling upgrade: one more, then one less, until none is outdated") {
  const auto old = [](const char* name, int age) { return Given{.name = name, .age_days = age, .outdated = true}; };
  CHECK(next(situation(3, {old("a", 9), old("b", 8), old("c", 7)})) == "up");
  CHECK(next(situation(3, {old("a", 9), old("b", 8), old("c", 7), {.name = "n", .has_node = false}})) ==
        "down a: Machine n has no Node yet");
  CHECK(next(situation(3, {old("a", 9), old("b", 8), old("c", 7), {"n"}})) == "down a");
  CHECK(next(situation(3, {old("b", 8), old("c", 7), {"n"}})) == "up");
  CHECK(next(situation(3, {{"n"}, {"o"}, {"p"}, old("c", 7)})) == "down c");
  CHECK(next(situation(3, {{"n"}, {"o"}, {"p"}})) == "none");
  // Without a spare host: one less first.
  CHECK(next(situation(3, {old("a", 9), old("b", 8), old("c", 7)}, 0)) == "down a");
  CHECK(next(situation(3, {old("b", 8), old("c", 7)}, 0)) == "up");
  // A single one is never taken away before another is there.
  CHECK(next(situation(1, {old("a", 9)})) == "up");
}

namespace {

// A control plane in which every allowed step is taken; members fail and recover by a fixed pattern.
void play(int replicas, int surge, unsigned pattern) {
  std::vector<Given> given;
  for (int i = 0; i < replicas; ++i) given.push_back({.name = "old" + std::to_string(i), .age_days = 9 - i});
  for (auto& one : given) one.outdated = true;
  int born = 0;
  for (int turn = 0; turn < 200; ++turn) {
    for (size_t i = 0; i < given.size(); ++i) {
      const bool sick = pattern != 0 && (static_cast<unsigned>(turn) / 3 + i) % pattern == 0;
      given[i].unhealthy = sick ? std::vector<std::string>{"sick"} : std::vector<std::string>{};
    }
    const Situation now_is = situation(replicas, given, surge);
    const Step step = next_step(now_is);
    if (step.action == Action::none) break;
    if (!step.blocked.empty()) continue;
    if (step.action == Action::scale_up) given.push_back({.name = "new" + std::to_string(born++), .age_days = 0});
    if (step.action == Action::scale_down) {
      REQUIRE(step.machine);
      CHECK(quorum_after_removal(now_is.etcd, step.machine->meta.name).safe);
      std::erase_if(given, [&](const Given& one) { return one.name == step.machine->meta.name; });
    }
    const auto healthy =
        std::count_if(given.begin(), given.end(), [](const Given& one) { return one.unhealthy.empty(); });
    CHECK(static_cast<size_t>(healthy) >= given.size() / 2 + 1);
    CHECK(static_cast<int>(given.size()) <= replicas + surge);
    CHECK(static_cast<int>(given.size()) >= std::min(replicas, replicas + surge - 1));
  }
  CHECK(given.size() == static_cast<size_t>(replicas));
  CHECK(std::none_of(given.begin(), given.end(), [](const Given& one) { return one.outdated; }));
}

}  // namespace

TEST_CASE("a whole rolling upgrade ends, and no step on the way costs the quorum") {
  for (const int replicas : {1, 3, 5}) {
    for (const unsigned pattern : {0u, 7u, 11u}) {
      CAPTURE(replicas);
      CAPTURE(pattern);
      play(replicas, 1, pattern);
      if (replicas >= 3) play(replicas, 0, pattern);
    }
  }
}

TEST_CASE("a replacement that fails soon is a retry, within the limits of spec.remediation") {
  const Time now = Time() + base::hours(24 * 365);
  const auto retry = [&](std::optional<int> seconds_ago, int count, const api::ControlPlaneRemediation& limits) {
    std::optional<api::LastRemediation> replaced;
    if (seconds_ago)
      replaced = api::LastRemediation{.machine = "m", .time = now - base::seconds(*seconds_ago), .retry_count = count};
    return next_retry(replaced, limits, now);
  };
  CHECK(retry(std::nullopt, 0, {.max_retry = 0}).blocked.empty());  // the first failure is no retry
  CHECK(retry(60, 0, {}).count == 1);
  CHECK(retry(60, 4, {}).count == 5);
  CHECK(retry(3600, 4, {}).count == 0);  // healthy for long enough: a new trouble
  CHECK(retry(60, 0, {.max_retry = 1}).blocked.empty());
  CHECK(retry(60, 1, {.max_retry = 1}).blocked == "spec.remediation.maxRetry (1) is reached");
  CHECK(retry(3600, 1, {.max_retry = 1}).blocked.empty());
  CHECK(retry(60, 1, {.retry_period_seconds = 61}).blocked.find("retryPeriodSeconds") != std::string::npos);
  CHECK(retry(61, 1, {.retry_period_seconds = 61}).blocked.empty());
  CHECK(retry(50, 1, {.min_healthy_period_seconds = 50}).count == 0);
}
