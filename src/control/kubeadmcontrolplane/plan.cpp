#include "control/kubeadmcontrolplane/plan.h"

#include <algorithm>

#include "base/text.h"

namespace control::kubeadmcontrolplane {

namespace {

constexpr std::string_view delete_annotation = "cluster.x-k8s.io/delete-machine";

size_t majority(size_t voters) { return voters / 2 + 1; }

Quorum judge(const std::vector<workload::EtcdMember>& members, std::string_view leaving, size_t joining) {
  size_t voters = joining, healthy = 0;
  std::vector<std::string> sick;
  for (const auto& member : members) {
    if (!leaving.empty() && member.name == leaving) continue;
    if (member.learner) return {false, "etcd member " + member.name + " is still a learner"};
    ++voters;
    if (member.healthy)
      ++healthy;
    else
      sick.push_back(member.name.empty() ? "(unstarted " + member.id + ")" : member.name);
  }
  if (voters > 0 && healthy >= majority(voters)) return {};
  return {false, "etcd would have " + std::to_string(healthy) + " healthy of " + std::to_string(voters) +
                     " voting members, " + std::to_string(majority(voters)) + " are needed" +
                     (sick.empty() ? "" : "; unhealthy: " + base::join(sick, ", "))};
}

}  // namespace

Quorum quorum_after_removal(const std::vector<workload::EtcdMember>& members, std::string_view leaving) {
  return judge(members, leaving, 0);
}

Quorum quorum_after_adding(const std::vector<workload::EtcdMember>& members) {
  // The new member counts as unhealthy until it has caught up; a lone first member has to take that risk.
  if (members.size() <= 1) return judge(members, "", 0);
  return judge(members, "", 1);
}

std::vector<std::string> preflight(const Situation& situation, const Machine* leaving) {
  std::vector<std::string> why;
  for (const auto& member : situation.members) {
    const auto& machine = *member.machine;
    if (machine.meta.deleting()) {
      why.push_back("Machine " + machine.meta.name + " is being deleted");
      continue;
    }
    if (leaving && machine.meta.name == leaving->meta.name) continue;
    if (machine.status.node.name.empty()) {
      const Condition* ready = api::find_condition(machine.status.conditions, "Ready");
      why.push_back(
          "Machine " + machine.meta.name + " has no Node yet" +
          (ready && !ready->message.empty() ? " (" + base::replace_all(ready->message, "\n", "; ") + ")" : ""));
      continue;
    }
    for (const auto& problem : member.unhealthy) why.push_back("Machine " + machine.meta.name + ": " + problem);
  }
  return why;
}

Retry next_retry(const std::optional<api::LastRemediation>& replaced, const api::ControlPlaneRemediation& limits,
                 Time now) {
  if (!replaced) return {};
  const auto since = now - replaced->time;
  if (since >= base::seconds(limits.min_healthy_period_seconds.value_or(3600))) return {};
  Retry out{.count = replaced->retry_count.value_or(0) + 1};
  const auto period = base::seconds(limits.retry_period_seconds.value_or(0));
  if (limits.max_retry && out.count > *limits.max_retry)
    out.blocked = "spec.remediation.maxRetry (" + std::to_string(*limits.max_retry) + ") is reached";
  else if (since < period)
    out.blocked = "Machine " + replaced->machine + " was replaced " + base::human_duration(since) +
                  " ago, spec.remediation.retryPeriodSeconds asks for " + base::human_duration(period);
  return out;
}

Ref<Machine> choose_for_removal(const std::vector<Member>& members, const std::vector<std::string>& domains) {
  // How crowded the machine's failure domain is; one that is not among them is worse than any.
  const auto crowd = [&](const Member& member) {
    const std::string& domain = member.machine->spec.failure_domain;
    if (domains.empty()) return size_t{0};
    if (std::find(domains.begin(), domains.end(), domain) == domains.end()) return members.size() + 1;
    return static_cast<size_t>(std::count_if(members.begin(), members.end(), [&](const Member& one) {
      return !one.machine->meta.deleting() && one.machine->spec.failure_domain == domain;
    }));
  };
  const auto rank = [](const Member& member) {
    const bool outdated = !member.outdated.empty(), marked = member.machine->meta.has_annotation(delete_annotation);
    if (outdated && marked) return 0;
    if (marked) return 1;
    if (outdated && !member.unhealthy.empty()) return 2;
    if (outdated) return 3;
    return 4;
  };
  const Member* best = nullptr;
  for (const auto& member : members) {
    if (member.machine->meta.deleting()) continue;
    const auto order = [&](const Member& one) {
      return std::tuple(rank(one), members.size() + 1 - crowd(one), one.machine->meta.created, one.machine->meta.name);
    };
    if (!best || order(member) < order(*best)) best = &member;
  }
  return best ? best->machine : nullptr;
}

namespace {

Step scale_up(const Situation& situation) {
  Step step{.action = Action::scale_up, .blocked = preflight(situation, nullptr)};
  if (!situation.etcd_known)
    step.blocked.push_back("the etcd members are not known yet");
  else if (const auto quorum = quorum_after_adding(situation.etcd); !quorum.safe)
    step.blocked.push_back(quorum.why);
  return step;
}

Step scale_down(const Situation& situation) {
  Step step{.action = Action::scale_down, .machine = choose_for_removal(situation.members, situation.domains)};
  if (!step.machine) return {};
  step.blocked = preflight(situation, step.machine.get());
  if (!situation.etcd_known) {
    step.blocked.push_back("the etcd members are not known yet");
  } else if (const auto quorum = quorum_after_removal(situation.etcd, step.machine->status.node.name); !quorum.safe) {
    step.blocked.push_back(quorum.why);
  }
  return step;
}

// A machine that never got as far as a server with our image on it: no Node, no etcd member, nothing to lose.
bool not_started(const Machine& machine) {
  return !machine.meta.deleting() && machine.status.node.name.empty() && machine.spec.provider_id.empty() &&
         !machine.status.initialization.infrastructure_provisioned.value_or(false);
}

// Such a machine goes at once when it is outdated or one too many. If it stayed, all other steps would wait for its
// Node, and it perhaps for a host that nobody adds.
Ref<Machine> needless(const Situation& situation, int alive, bool outdated) {
  const bool surplus = alive > situation.replicas + (outdated ? situation.surge : 0);
  if (alive < 2) return nullptr;  // a control plane without machines would be initialized anew
  for (const auto& member : situation.members) {
    if (not_started(*member.machine) && (surplus || !member.outdated.empty())) return member.machine;
  }
  return nullptr;
}

}  // namespace

Step next_step(const Situation& situation) {
  int alive = 0;
  bool outdated = false;
  for (const auto& member : situation.members) {
    if (member.machine->meta.deleting()) continue;
    ++alive;
    outdated = outdated || !member.outdated.empty();
  }
  if (situation.members.empty()) return {.action = Action::init};
  if (!situation.initialized) {
    if (alive == 0) return {};  // the failed first machine goes, then another one starts
    Step step;
    if (situation.replicas > alive)
      step.blocked.push_back("waiting for the first control-plane machine to be initialized");
    return step;
  }
  if (auto machine = needless(situation, alive, outdated)) return {.action = Action::scale_down, .machine = machine};
  if (outdated) return alive < situation.replicas + situation.surge ? scale_up(situation) : scale_down(situation);
  if (alive < situation.replicas) return scale_up(situation);
  if (alive > situation.replicas) return scale_down(situation);
  return {};
}

}  // namespace control::kubeadmcontrolplane
