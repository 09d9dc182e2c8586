#include "control/machinehealthcheck/plan.h"

#include <doctest/doctest.h>

using namespace control;
using namespace control::machinehealthcheck;

namespace {

constexpr Time start = Time() + base::hours(24 * 365);

MachineHealthCheck a_check() {
  MachineHealthCheck check;
  check.spec.checks.node_startup_timeout_seconds = 600;
  check.spec.checks.node_conditions = {{"Ready", "False", 300}, {"Ready", "Unknown", 60}};
  check.spec.checks.machine_conditions = {{"InfrastructureReady", "False", 120}};
  return check;
}

Machine a_machine(const std::string& node) {
  Machine machine;
  machine.meta.name = "m";
  machine.meta.created = start;
  machine.status.node.name = node;
  machine.status.conditions = {{"InfrastructureReady", "True", "Ready", "", start + base::seconds(100)}};
  return machine;
}

workload::Node a_node(const std::string& ready, Time since) {
  workload::Node node;
  node.name = "n";
  node.doc = *base::parse_json(R"({"status":{"conditions":[{"type":"Ready"}]}})");
  node.doc.child("status")
      .child("conditions")
      .item(0)
      .set("status", ready)
      .set("lastTransitionTime", base::rfc3339(since));
  return node;
}

Facts facts_at(int seconds, const workload::Node* node = nullptr) {
  return {.now = start + base::seconds(seconds),
          .cluster_reachable = true,
          .node = node,
          .control_plane_initialized = start - base::hours(1),
          .infrastructure_ready = start - base::hours(2)};
}

}  // namespace

TEST_CASE("a machine without a node has until the startup timeout, counted from its infrastructure") {
  const auto check = a_check();
  const auto waiting = judge(check, a_machine(""), facts_at(400));
  CHECK_FALSE(waiting.healthy);
  CHECK_FALSE(waiting.remediate);
  CHECK(waiting.look_again == base::seconds(301));
  CHECK_FALSE(judge(check, a_machine(""), facts_at(699)).remediate);
  const auto late = judge(check, a_machine(""), facts_at(700));
  CHECK(late.remediate);
  CHECK(late.reason == "NodeStartupTimeout");
}

TEST_CASE("no machine is blamed for what it waits for") {
  const auto check = a_check();
  auto machine = a_machine("");
  machine.status.conditions[0].status = "False";
  auto only_startup = check;
  only_startup.spec.checks.machine_conditions.clear();
  CHECK_FALSE(judge(only_startup, machine, facts_at(100000)).remediate);  // no host yet
  auto facts = facts_at(100000);
  facts.infrastructure_ready = Time();
  CHECK_FALSE(judge(check, a_machine(""), facts).remediate);
  facts = facts_at(100000);
  facts.control_plane_initialized = Time();
  CHECK_FALSE(judge(check, a_machine(""), facts).remediate);
  // The clock starts when the last of them is there.
  facts = facts_at(100000);
  facts.control_plane_initialized = start + base::seconds(99500);
  CHECK_FALSE(judge(check, a_machine(""), facts).remediate);
}

TEST_CASE("a first control-plane machine that never starts is replaced, though no cluster can be asked") {
  auto machine = a_machine("");
  machine.meta.labels[std::string(api::control_plane_label)] = "";
  auto facts = facts_at(400);
  facts.control_plane_initialized = Time();
  facts.cluster_reachable = false;
  CHECK_FALSE(judge(a_check(), machine, facts).remediate);
  CHECK(judge(a_check(), machine, facts).look_again == base::seconds(301));
  facts.now = start + base::seconds(700);
  CHECK(judge(a_check(), machine, facts).reason == "NodeStartupTimeout");
  // A worker waits for the control plane instead.
  CHECK_FALSE(judge(a_check(), a_machine(""), facts).remediate);
}

TEST_CASE("startup timeout 0 never ends") {
  auto check = a_check();
  check.spec.checks.node_startup_timeout_seconds = 0;
  const auto verdict = judge(check, a_machine(""), facts_at(1000000));
  CHECK(verdict.healthy);
  CHECK_FALSE(verdict.remediate);
}

TEST_CASE("conditions of the node, held for the timeout") {
  const auto check = a_check();
  const auto good = a_node("True", start);
  CHECK(judge(check, a_machine("n"), facts_at(10000, &good)).healthy);
  const auto bad = a_node("False", start + base::seconds(1000));
  const auto waiting = judge(check, a_machine("n"), facts_at(1200, &bad));
  CHECK_FALSE(waiting.healthy);
  CHECK_FALSE(waiting.remediate);
  CHECK(waiting.look_again == base::seconds(101));
  const auto done = judge(check, a_machine("n"), facts_at(1300, &bad));
  CHECK(done.remediate);
  CHECK(done.reason == "UnhealthyNode");
  CHECK(done.message == "Health check failed: Condition Ready on Node is reporting status False for more than 5m0s");
  const auto unknown = a_node("Unknown", start + base::seconds(1000));
  CHECK(judge(check, a_machine("n"), facts_at(1060, &unknown)).remediate);
}

TEST_CASE("conditions of the machine") {
  auto machine = a_machine("n");
  machine.status.conditions[0] = {"InfrastructureReady", "False", "Why", "", start + base::seconds(1000)};
  const auto node = a_node("True", start);
  CHECK_FALSE(judge(a_check(), machine, facts_at(1119, &node)).remediate);
  CHECK(judge(a_check(), machine, facts_at(1120, &node)).reason == "UnhealthyMachine");
}

TEST_CASE("a node that went is a failure; a cluster out of sight is none") {
  CHECK(judge(a_check(), a_machine("n"), facts_at(10)).reason == "NodeDeleted");
  auto facts = facts_at(100000);
  facts.cluster_reachable = false;
  auto machine = a_machine("n");
  CHECK_FALSE(judge(a_check(), machine, facts).remediate);
  CHECK_FALSE(judge(a_check(), machine, facts).healthy);
  machine.status.conditions.push_back({"NodeHealthy", "True", "Ready", "", start});
  CHECK(judge(a_check(), machine, facts).healthy);
  CHECK_FALSE(judge(a_check(), a_machine(""), facts).remediate);
}

TEST_CASE("the annotation asks for replacement at once") {
  auto machine = a_machine("n");
  machine.meta.annotations["cluster.x-k8s.io/remediate-machine"] = "";
  const auto node = a_node("True", start);
  const auto verdict = judge(a_check(), machine, facts_at(1, &node));
  CHECK(verdict.remediate);
  CHECK(verdict.reason == "HasRemediateAnnotation");
}

TEST_CASE("budget") {
  struct Row {
    Json most;
    std::string range;
    int expected, healthy;
    bool allowed;
    int more;
  };
  const Row rows[] = {
      {Json(), "", 3, 0, true, 0},      {Json(), "", 3, 2, true, 2},       {Json(), "", 0, 0, true, 0},
      {"40%", "", 10, 6, true, 0},      {"40%", "", 10, 5, false, 0},      {"40%", "", 4, 3, true, 0},
      {"40%", "", 2, 1, false, 0},  // rounded down: none of two
      {2, "", 10, 8, true, 0},          {2, "", 10, 7, false, 0},          {0, "", 10, 10, true, 0},
      {0, "", 10, 9, false, 0},         {Json(), "[2-4]", 9, 8, false, 0}, {Json(), "[2-4]", 9, 7, true, 2},
      {Json(), "[2-4]", 9, 5, true, 0}, {Json(), "[2-4]", 9, 4, false, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.most.dump());
    CAPTURE(row.range);
    CAPTURE(row.healthy);
    MachineHealthCheck check;
    check.spec.remediation.trigger.unhealthy_less_than_or_equal_to = row.most;
    check.spec.remediation.trigger.unhealthy_in_range = row.range;
    const auto out = budget(check, row.expected, row.healthy);
    CHECK(out.allowed == row.allowed);
    CHECK(out.remediations_allowed == row.more);
    CHECK(out.message.empty() == row.allowed);
  }
  MachineHealthCheck check;
  check.spec.remediation.trigger.unhealthy_less_than_or_equal_to = "40%";
  CHECK(budget(check, 10, 5).message ==
        "Remediation is not allowed, the number of not started or unhealthy machines exceeds maxUnhealthy (total: 10, "
        "unhealthy: 5, maxUnhealthy: 40%): 50% are unhealthy, at most 4 of 10 may be");
}
