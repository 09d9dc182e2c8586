#include "control/machinedeployment/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace control;
using namespace control::machinedeployment;

namespace {

constexpr Time now = Time() + base::hours(24 * 365);

// A set with its machines: the Machines there are, and how many of them are available.
struct Given {
  std::string name;
  int spec = 0, status = 0, available = 0;
  int age_days = 1;
};

Ref<MachineSet> made(const Given& given) {
  MachineSet set;
  set.meta.name = given.name;
  set.meta.created = now - base::hours(24 * given.age_days);
  set.spec.replicas = given.spec;
  set.status.replicas = given.status;
  set.status.available = given.available;
  return std::make_shared<const MachineSet>(std::move(set));
}

MachineDeployment deployment(int replicas, Json surge = 1, Json unavailable = 0) {
  MachineDeployment out;
  out.spec.replicas = replicas;
  out.spec.rollout.strategy.rolling = {std::move(surge), std::move(unavailable)};
  return out;
}

std::string text(const std::vector<SetScale>& plan) {
  std::string out;
  for (const auto& one : plan) out += (out.empty() ? "" : " ") + one.name + "=" + std::to_string(one.replicas);
  return out;
}

// The last one given is the new set.
std::string rolled(const MachineDeployment& deployment, const std::vector<Given>& given) {
  std::vector<Ref<MachineSet>> sets;
  for (const auto& one : given) sets.push_back(made(one));
  return text(plan_rolling_update(deployment, sets.back(), sets));
}
std::string on_delete(const MachineDeployment& deployment, const std::vector<Given>& given) {
  std::vector<Ref<MachineSet>> sets;
  for (const auto& one : given) sets.push_back(made(one));
  return text(plan_on_delete(deployment, sets.back(), sets));
}

}  // namespace

TEST_CASE("templates are the same when they make the same machine") {
  api::MachineSpec a;
  a.version = "v1.33.0";
  a.bootstrap.config = {"g", "K", "b"};
  a.infrastructure = {"g", "K", "i"};
  CHECK(same_template(a, a));
  auto b = a;
  b.min_ready_seconds = 5;
  b.deletion.drain_timeout_seconds = 5;
  b.taints = {{"k", "v", "NoSchedule", "Always"}};
  b.provider_id = "x";
  CHECK(same_template(a, b));
  const std::function<void(api::MachineSpec&)> changes[] = {
      [](api::MachineSpec& one) { one.version = "v1.33.1"; },
      [](api::MachineSpec& one) { one.failure_domain = "z"; },
      [](api::MachineSpec& one) { one.bootstrap.config.name = "c"; },
      [](api::MachineSpec& one) { one.bootstrap.data_secret_name = "s"; },
      [](api::MachineSpec& one) { one.infrastructure.name = "j"; },
  };
  for (const auto& change : changes) {
    auto other = a;
    change(other);
    CHECK_FALSE(same_template(a, other));
  }
}

TEST_CASE("the present set: same template, most replicas, then oldest; younger than rollout.after") {
  auto wanted = deployment(3);
  const auto found = [&](const std::vector<Given>& given) {
    std::vector<Ref<MachineSet>> sets;
    for (const auto& one : given) sets.push_back(made(one));
    const auto set = find_new_set(wanted, sets, now);
    return set ? set->meta.name : "";
  };
  CHECK(found({}) == "");
  CHECK(found({{.name = "a", .spec = 1}, {.name = "b", .spec = 2}}) == "b");
  CHECK(found({{.name = "a", .spec = 1, .age_days = 1}, {.name = "b", .spec = 1, .age_days = 2}}) == "b");
  wanted.spec.rollout.after = now - base::hours(36);
  CHECK(found({{.name = "a", .spec = 1, .age_days = 1}, {.name = "b", .spec = 1, .age_days = 2}}) == "a");
  CHECK(found({{.name = "b", .spec = 1, .age_days = 2}}) == "");
  wanted.spec.rollout.after = now + base::hours(1);  // not yet
  CHECK(found({{.name = "b", .spec = 1, .age_days = 2}}) == "b");
  wanted.spec.machine.spec.version = "v1.34.0";
  CHECK(found({{.name = "b", .spec = 1}}) == "");
}

TEST_CASE("limits: surge rounds up, unavailable down, never both nothing") {
  const auto limits = [](int replicas, Json surge, Json unavailable) {
    const auto out = rollout_limits(deployment(replicas, std::move(surge), std::move(unavailable)));
    return std::pair(out.surge, out.unavailable);
  };
  CHECK(limits(10, "25%", "25%") == std::pair(3, 2));
  CHECK(limits(3, Json(), Json()) == std::pair(1, 0));
  CHECK(limits(3, 0, 0) == std::pair(0, 1));
  CHECK(limits(3, "0%", "10%") == std::pair(0, 1));
  CHECK(limits(2, 1, 5) == std::pair(1, 2));
}

TEST_CASE("rolling update, step by step") {
  const auto wanted = deployment(3);
  CHECK(rolled(wanted, {{.name = "new", .spec = 0}}) == "new=3");
  CHECK(rolled(wanted, {{.name = "new", .spec = 5, .status = 5, .available = 5}}) == "new=3");
  CHECK(rolled(wanted, {{"old", 3, 3, 3}, {"new", 0, 0, 0}}) == "new=1");
  CHECK(rolled(wanted, {{"old", 3, 3, 3}, {"new", 1, 1, 0}}) == "");  // waits for the new one
  CHECK(rolled(wanted, {{"old", 3, 3, 3}, {"new", 1, 1, 1}}) == "old=2");
  CHECK(rolled(wanted, {{"old", 2, 3, 3}, {"new", 1, 1, 1}}) == "");  // a host is still held
  CHECK(rolled(wanted, {{"old", 2, 2, 2}, {"new", 1, 1, 1}}) == "new=2");
  CHECK(rolled(wanted, {{"old", 1, 1, 1}, {"new", 3, 3, 3}}) == "old=0");
  CHECK(rolled(wanted, {{"old", 0, 0, 0}, {"new", 3, 3, 3}}) == "");
}

TEST_CASE("rolling update without spare hosts") {
  const auto wanted = deployment(3, 0, 1);
  CHECK(rolled(wanted, {{"old", 3, 3, 3}, {"new", 0, 0, 0}}) == "old=2");
  CHECK(rolled(wanted, {{"old", 2, 3, 2}, {"new", 0, 0, 0}}) == "");
  CHECK(rolled(wanted, {{"old", 2, 2, 2}, {"new", 0, 0, 0}}) == "new=1");
}

TEST_CASE("unavailable old machines go first, the oldest set's before others'") {
  CHECK(rolled(deployment(4), {{"older", 2, 2, 1, 9}, {"old", 2, 2, 1, 5}, {"new", 1, 1, 1, 1}}) == "older=1");
  CHECK(rolled(deployment(4, 2), {{"older", 2, 2, 2, 9}, {"old", 2, 2, 0, 5}, {"new", 2, 2, 2, 1}}) == "old=0");
}

TEST_CASE("fewer replicas in the middle of a rollout take old machines first") {
  CHECK(rolled(deployment(1), {{"old", 2, 2, 2}, {"new", 1, 1, 1}}) == "old=0");
  CHECK(rolled(deployment(0), {{"old", 2, 2, 2}, {"new", 0, 0, 0}}) == "old=0");
}

TEST_CASE("OnDelete: the new set fills the gap that people make") {
  const auto wanted = deployment(3);
  CHECK(on_delete(wanted, {{"old", 3, 3, 3}, {"new", 0, 0, 0}}) == "");
  CHECK(on_delete(wanted, {{"old", 3, 2, 2}, {"new", 0, 0, 0}}) == "old=2 new=1");
  CHECK(on_delete(wanted, {{"old", 2, 2, 2}, {"new", 1, 1, 0}}) == "");
  CHECK(on_delete(wanted, {{"old", 0, 0, 0}, {"new", 1, 1, 0}}) == "new=3");
  CHECK(on_delete(deployment(5), {{"old", 3, 3, 3}, {"new", 0, 0, 0}}) == "new=2");
}

TEST_CASE("OnDelete: fewer replicas shrink old sets before the new one") {
  CHECK(on_delete(deployment(1), {{"old", 3, 3, 3}, {"new", 0, 0, 0}}) == "old=1");
  CHECK(on_delete(deployment(2), {{"older", 2, 2, 2, 9}, {"old", 1, 1, 1, 5}, {"new", 1, 1, 1, 1}}) == "older=0");
  CHECK(on_delete(deployment(1), {{"old", 1, 1, 1}, {"new", 2, 2, 2}}) == "old=0 new=1");
}

namespace {

// Sets whose machines come and go as their replicas say, one event at a time in random order.
class Rollout {
 public:
  Rollout(unsigned seed, int replicas, int surge, int unavailable)
      : random_(seed), wanted_(deployment(replicas, surge, unavailable)), replicas_(replicas) {
    sets_.push_back({"old1", replicas / 2, replicas / 2, replicas / 2, 9});
    sets_.push_back({"old2", replicas - replicas / 2, replicas - replicas / 2, replicas - replicas / 2, 5});
    sets_.push_back({"new", 0, 0, 0, 1});
    limits_ = rollout_limits(wanted_);
  }

  bool done() const {
    return sets_[0].status + sets_[1].status == 0 && sets_[2].spec == replicas_ && sets_[2].available == replicas_;
  }

  void step() {
    const auto choice = random_() % 4;
    Given& set = sets_[random_() % sets_.size()];
    if (choice == 0) plan();
    if (choice == 1 && set.status < set.spec) ++set.status;
    if (choice == 2 && set.available < set.status && set.status <= set.spec) ++set.available;
    if (choice == 3 && set.status > set.spec) {  // unavailable machines are deleted first
      if (set.available == set.status) --set.available;
      --set.status;
    }
  }

 private:
  void plan() {
    std::vector<Ref<MachineSet>> sets;
    for (const auto& one : sets_) sets.push_back(made(one));
    for (const auto& change : plan_rolling_update(wanted_, sets.back(), sets)) {
      for (auto& set : sets_) {
        if (set.name == change.name) set.spec = change.replicas;
      }
    }
    int held = 0, stays = 0;
    for (const auto& set : sets_) {
      held += std::max(set.spec, set.status);
      stays += std::min(set.spec, set.available);
    }
    CHECK(held <= replicas_ + limits_.surge);
    CHECK(stays >= replicas_ - limits_.unavailable);
  }

  std::mt19937 random_;
  MachineDeployment wanted_;
  int replicas_;
  Limits limits_;
  std::vector<Given> sets_;
};

}  // namespace

TEST_CASE("any rolling update ends and keeps its limits on the way") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    const int replicas = static_cast<int>(seed % 6) + 1, surge = static_cast<int>(seed / 6 % 3),
              unavailable = static_cast<int>(seed / 18 % 3);
    CAPTURE(replicas);
    CAPTURE(surge);
    CAPTURE(unavailable);
    Rollout rollout(seed, replicas, surge, unavailable);
    int steps = 0;
    for (; steps < 5000 && !rollout.done(); ++steps) rollout.step();
    CHECK(rollout.done());
  }
}
