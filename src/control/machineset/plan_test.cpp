#include "control/machineset/plan.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace control;
using namespace control::machineset;

namespace {

constexpr Time now = Time() + base::hours(24 * 365);

struct Given {
  std::string name;
  int age_days = 1;
  std::string node = "node";
  std::vector<std::pair<std::string, std::string>> conditions = {};  // type, status
  std::vector<std::string> annotations = {};
  bool deleting = false;
  std::string owner_reason = {};  // of OwnerRemediated=False
};

Ref<Machine> made(const Given& given) {
  Machine machine;
  machine.meta.name = given.name;
  machine.meta.created = now - base::hours(24 * given.age_days);
  if (given.deleting) machine.meta.deletion = now;
  for (const auto& key : given.annotations) machine.meta.annotations[key] = "";
  machine.status.node.name = given.node;
  for (const auto& [type, status] : given.conditions) machine.status.conditions.push_back({type, status, "Why", ""});
  if (!given.owner_reason.empty()) {
    machine.status.conditions.push_back({"OwnerRemediated", "False", given.owner_reason, ""});
  }
  return std::make_shared<const Machine>(std::move(machine));
}

std::vector<Ref<Machine>> all_of(const std::vector<Given>& given) {
  std::vector<Ref<Machine>> out;
  for (const auto& one : given) out.push_back(made(one));
  return out;
}

std::string names(const std::vector<Ref<Machine>>& machines) {
  std::string out;
  for (const auto& machine : machines) out += (out.empty() ? "" : " ") + machine->meta.name;
  return out;
}

api::MachineSetSpec spec(std::optional<int> replicas, const std::string& order = "Random") {
  api::MachineSetSpec out;
  if (replicas) out.replicas = *replicas;
  out.deletion.order = order;
  return out;
}

const std::string remediate = "cluster.x-k8s.io/remediate-machine";

}  // namespace

TEST_CASE("as many machines are made as are missing; those being deleted are replaced at once") {
  CHECK(plan_scale(spec(3), {}, now).create == 3);
  CHECK(plan_scale(spec(std::nullopt), {}, now).create == 1);
  CHECK(plan_scale(spec(3), all_of({{"a"}, {"b"}, {.name = "c", .deleting = true}}), now).create == 1);
  const auto exact = plan_scale(spec(2), all_of({{"a"}, {"b"}}), now);
  CHECK(exact.create == 0);
  CHECK(exact.remove.empty());
}

TEST_CASE("surplus machines go: marked, then unhealthy, then by order; never one that goes already") {
  const std::vector<Given> given = {
      {.name = "e-fine"},
      {.name = "d-sick", .conditions = {{"NodeHealthy", "False"}}},
      {.name = "c-checked", .conditions = {{"HealthCheckSucceeded", "False"}}},
      {.name = "b-nodeless", .node = ""},
      {.name = "f-marked", .annotations = {"cluster.x-k8s.io/delete-machine"}},
      {.name = "a-going", .deleting = true},
      {.name = "g-fine"},
  };
  const char* const expected[] = {"",
                                  "f-marked",
                                  "f-marked b-nodeless",
                                  "f-marked b-nodeless c-checked",
                                  "f-marked b-nodeless c-checked d-sick",
                                  "f-marked b-nodeless c-checked d-sick e-fine",
                                  "f-marked b-nodeless c-checked d-sick e-fine g-fine"};
  for (int surplus = 0; surplus <= 6; ++surplus) {
    const auto plan = plan_scale(spec(6 - surplus), all_of(given), now);
    CHECK(plan.create == 0);
    CHECK(names(plan.remove) == expected[surplus]);
  }
}

TEST_CASE("order decides among healthy machines; the same machines give the same answer in any sequence") {
  std::vector<Given> given = {
      {.name = "a", .age_days = 5}, {.name = "b", .age_days = 50}, {.name = "c", .age_days = 1}};
  const auto first = [&](const char* order) { return names(plan_scale(spec(2, order), all_of(given), now).remove); };
  for (int turn = 0; turn < 3; ++turn) {
    CHECK(first("Oldest") == "b");
    CHECK(first("Newest") == "c");
    CHECK(first("Random") == "a");
    CHECK(first("") == "a");
    std::rotate(given.begin(), given.begin() + 1, given.end());
  }
}

TEST_CASE("health outranks age whatever the order") {
  const auto old_fine = made({.name = "a", .age_days = 3000});
  const auto new_sick = made({.name = "b", .age_days = 0, .node = ""});
  for (const char* order : {"Oldest", "Newest", "Random"}) {
    CAPTURE(order);
    CHECK(delete_priority(*new_sick, order, now) >= delete_priority(*old_fine, order, now));
    CHECK(delete_priority(*old_fine, order, now) <= 50);
    CHECK(delete_priority(*old_fine, order, now) >= 0);
  }
}

TEST_CASE("unhealthy machines are replaced up to the limit, asked-for first, then newest") {
  const std::vector<std::pair<std::string, std::string>> failed = {{"HealthCheckSucceeded", "False"}};
  const std::vector<Given> given = {
      {.name = "fine"},
      {.name = "old", .age_days = 9, .conditions = failed, .owner_reason = "WaitingForRemediation"},
      {.name = "new", .age_days = 1, .conditions = failed, .owner_reason = "WaitingForRemediation"},
      {.name = "asked",
       .age_days = 20,
       .conditions = failed,
       .annotations = {remediate},
       .owner_reason = "RemediationDeferred"},
      {.name = "unmarked", .conditions = failed},  // the health check has not asked its owner yet
      {.name = "gone", .conditions = failed, .deleting = true, .owner_reason = "WaitingForRemediation"},
  };
  CHECK(names(plan_remediation(all_of(given), 0)) == "");
  CHECK(names(plan_remediation(all_of(given), 1)) == "asked");
  CHECK(names(plan_remediation(all_of(given), 10)) == "asked new old");
  auto busy = given;
  busy.push_back({.name = "busy", .conditions = failed, .deleting = true, .owner_reason = "MachineDeleting"});
  CHECK(names(plan_remediation(all_of(busy), 1)) == "");
  CHECK(names(plan_remediation(all_of(busy), 3)) == "asked new");
}
