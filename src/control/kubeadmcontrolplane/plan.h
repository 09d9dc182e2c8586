// The decisions of a kubeadm control plane, pure: quorum, what to do next, which machine goes.
#pragma once

#include "api/kubeadm.h"
#include "control/contract.h"

namespace control::kubeadmcontrolplane {

using api::KubeadmControlPlane;

// One control-plane machine with what is known of it.
struct Member {
  Ref<Machine> machine;
  std::vector<std::string> outdated;           // why it is to be replaced; empty: up to date
  std::vector<std::string> unhealthy;          // components that are not fine, with the reason
  const workload::EtcdMember* etcd = nullptr;  // null: no member, or etcd could not be asked
  bool marked_unhealthy = false;               // by a health check that asks the owner to act
};

// Whether etcd keeps its quorum when `leaving` (may be empty) is removed: healthy voters of the target cluster are a
// majority of it. A learner in progress counts as unsafe. `why` says what is missing.
struct Quorum {
  bool safe = true;
  std::string why;
};
Quorum quorum_after_removal(const std::vector<workload::EtcdMember>& members, std::string_view leaving);
// Whether a member may be added: all present ones healthy enough that the larger cluster still has a majority.
Quorum quorum_after_adding(const std::vector<workload::EtcdMember>& members);

enum class Action : unsigned char { none, init, scale_up, scale_down };
struct Step {
  Action action = Action::none;
  Ref<Machine> machine;              // of scale_down
  std::vector<std::string> blocked;  // why a wanted step cannot be taken now
};
struct Situation {
  int replicas = 1;
  int surge = 1;  // rollout.strategy.rollingUpdate.maxSurge, 0 or 1
  bool initialized = false;
  bool etcd_known = false;  // a fresh member list
  std::vector<Member> members;
  std::vector<workload::EtcdMember> etcd;
  std::vector<std::string> domains;  // failure domains that control-plane machines may be in
};
// A machine that is outdated or one too many and has no server yet goes first; nothing has to be safe for that.
Step next_step(const Situation& situation);

// Reasons not to add or remove a machine now: one is deleting, one has no Node yet, components are not healthy.
std::vector<std::string> preflight(const Situation& situation, const Machine* leaving);

// Whether a machine may be replaced now, and as which attempt in a row. `replaced` is what the machine itself was made
// for (null: it replaced no failed one); only a replacement that fails within minHealthyPeriodSeconds is a retry.
struct Retry {
  int count = 0;
  std::string blocked;  // which limit of spec.remediation forbids it; empty: none
};
Retry next_retry(const std::optional<api::LastRemediation>& replaced, const api::ControlPlaneRemediation& limits,
                 Time now);

// The machine that goes first: outdated and marked by the user, marked, outdated and unhealthy, outdated, any. Of those
// one outside the known failure domains, else in the domain with the most machines; the oldest.
Ref<Machine> choose_for_removal(const std::vector<Member>& members, const std::vector<std::string>& domains = {});

}  // namespace control::kubeadmcontrolplane
