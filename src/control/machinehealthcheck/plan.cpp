#include "control/machinehealthcheck/plan.h"

#include <algorithm>

#include "base/text.h"

namespace control::machinehealthcheck {

namespace {

constexpr std::string_view remediate_annotation = "cluster.x-k8s.io/remediate-machine";

void sooner(Verdict& verdict, Duration delay) {
  if (verdict.look_again == Duration::zero() || delay < verdict.look_again) verdict.look_again = delay;
}

// A condition held since `since` for the timeout: unhealthy; shorter: not healthy, look again.
bool judge_since(Verdict& verdict, const api::UnhealthyCondition& rule, Time since, Time now,
                 std::string_view subject) {
  verdict.healthy = false;
  const auto limit = base::seconds(rule.timeout_seconds);
  if (now - since < limit) {
    sooner(verdict, limit - (now - since) + base::seconds(1));
    return false;
  }
  verdict.remediate = true;
  verdict.message = "Health check failed: Condition " + rule.type + " on " + std::string(subject) +
                    " is reporting status " + rule.status + " for more than " + base::go_duration(limit);
  return true;
}

// The first control-plane machine has nobody to wait for: when it fails, all the others wait for ever.
bool waits_for_control_plane(const Machine& machine, const Facts& facts) {
  return facts.control_plane_initialized == Time() && !machine.is_control_plane();
}

void judge_startup(Verdict& verdict, const MachineHealthCheck& check, const Machine& machine, const Facts& facts) {
  verdict.healthy = false;
  const auto limit = base::seconds(check.spec.checks.node_startup_timeout_seconds.value_or(600));
  if (limit == base::seconds(0)) {
    verdict.healthy = true;  // disabled
    return;
  }
  if (facts.infrastructure_ready == Time() || waits_for_control_plane(machine, facts)) return;
  // A machine that waits for a host does not count as starting: its clock runs from the moment it has one.
  Time start = std::max({machine.meta.created, facts.control_plane_initialized, facts.infrastructure_ready});
  const Condition* infrastructure = api::find_condition(machine.status.conditions, "InfrastructureReady");
  if (!infrastructure || infrastructure->status != "True") return;
  start = std::max(start, infrastructure->changed);
  if (facts.now - start < limit) {
    sooner(verdict, limit - (facts.now - start) + base::seconds(1));
    return;
  }
  verdict.remediate = true;
  verdict.reason = "NodeStartupTimeout";
  verdict.message = "Health check failed: Node failed to report startup in " + base::go_duration(limit);
}

void judge_conditions(Verdict& verdict, const MachineHealthCheck& check, const Machine& machine, const Facts& facts) {
  for (const auto& rule : check.spec.checks.machine_conditions) {
    const Condition* one = api::find_condition(machine.status.conditions, rule.type);
    if (!one || one->status != rule.status) continue;
    verdict.reason = "UnhealthyMachine";
    if (judge_since(verdict, rule, one->changed, facts.now, "Machine")) return;
  }
  for (const auto& rule : check.spec.checks.node_conditions) {
    const auto one = facts.node ? facts.node->condition(rule.type) : std::nullopt;
    if (!one || one->status != rule.status) continue;
    verdict.reason = "UnhealthyNode";
    if (judge_since(verdict, rule, one->since, facts.now, "Node")) return;
  }
}

}  // namespace

Verdict judge(const MachineHealthCheck& check, const Machine& machine, const Facts& facts) {
  Verdict verdict{.healthy = true};
  if (machine.meta.has_annotation(remediate_annotation)) {
    return {.healthy = false,
            .remediate = true,
            .reason = "HasRemediateAnnotation",
            .message = "Health check failed: the Machine carries the annotation " + std::string(remediate_annotation)};
  }
  const bool nothing_to_reach = facts.control_plane_initialized == Time() && machine.status.node.name.empty();
  if (!facts.cluster_reachable && !nothing_to_reach) {
    // Losing sight of a cluster is no fault of its machines: keep the last judgement, decide nothing.
    verdict.healthy = !machine.status.node.name.empty() && api::is_true(machine.status.conditions, "NodeHealthy");
    return verdict;
  }
  if (machine.status.node.name.empty()) {
    judge_startup(verdict, check, machine, facts);
    return verdict;
  }
  if (!facts.node) {
    return {.healthy = false,
            .remediate = true,
            .reason = "NodeDeleted",
            .message = "Health check failed: Node " + machine.status.node.name + " has been deleted"};
  }
  judge_conditions(verdict, check, machine, facts);
  return verdict;
}

Budget budget(const MachineHealthCheck& check, int expected, int healthy) {
  const int unhealthy = expected - healthy;
  const auto& trigger = check.spec.remediation.trigger;
  const std::string numbers = "total: " + std::to_string(expected) + ", unhealthy: " + std::to_string(unhealthy);
  const int percent = expected ? unhealthy * 100 / expected : 0;
  if (!trigger.unhealthy_in_range.empty()) {
    const auto inner = std::string_view(trigger.unhealthy_in_range).substr(1, trigger.unhealthy_in_range.size() - 2);
    const auto dash = inner.find('-');
    const auto low = base::parse_int(inner.substr(0, dash)).value_or(0);
    const auto high = dash == std::string_view::npos ? 0 : base::parse_int(inner.substr(dash + 1)).value_or(0);
    if (unhealthy >= low && unhealthy <= high) {
      return {.allowed = true, .remediations_allowed = static_cast<int>(high) - unhealthy};
    }
    return {.allowed = false,
            .message =
                "Remediation is not allowed, the number of not started or unhealthy machines does not fall within the "
                "range (" +
                numbers + ", unhealthyInRange: " + trigger.unhealthy_in_range + ")"};
  }
  const Json limit =
      trigger.unhealthy_less_than_or_equal_to.is_null() ? Json("100%") : trigger.unhealthy_less_than_or_equal_to;
  const int most = scaled(limit, expected, false);
  if (unhealthy <= most) return {.allowed = true, .remediations_allowed = most - unhealthy};
  const std::string shown = limit.is_string() ? limit.string() : limit.dump();
  return {
      .allowed = false,
      .message = "Remediation is not allowed, the number of not started or unhealthy machines exceeds maxUnhealthy (" +
                 numbers + ", maxUnhealthy: " + shown + "): " + std::to_string(percent) + "% are unhealthy, at most " +
                 std::to_string(most) + " of " + std::to_string(expected) + " may be"};
}

}  // namespace control::machinehealthcheck
