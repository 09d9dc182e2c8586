#include "control/machinedeployment/plan.h"

#include <algorithm>

namespace control::machinedeployment {

namespace {
int spec_replicas(const MachineSet& set) { return set.spec.replicas.value_or(1); }
int status_replicas(const MachineSet& set) { return set.status.replicas.value_or(0); }
int available(const MachineSet& set) { return set.status.available.value_or(0); }

// Replicas that exist or will: a set that shrinks still holds its machines, one that grows already reserves hosts.
int held(const std::vector<Ref<MachineSet>>& sets) {
  int sum = 0;
  for (const auto& set : sets) sum += std::max(spec_replicas(*set), status_replicas(*set));
  return sum;
}

class Changes {
 public:
  void set(const MachineSet& set, int replicas) {
    if (replicas == spec_replicas(set)) return;
    out_.push_back({set.meta.name, std::max(0, replicas)});
  }
  std::vector<SetScale> take() { return std::move(out_); }

 private:
  std::vector<SetScale> out_;
};
}  // namespace

bool same_template(const api::MachineSpec& a, const api::MachineSpec& b) {
  return a.version == b.version && a.failure_domain == b.failure_domain && a.bootstrap.config == b.bootstrap.config &&
         a.bootstrap.data_secret_name == b.bootstrap.data_secret_name && a.infrastructure == b.infrastructure;
}

Ref<MachineSet> find_new_set(const MachineDeployment& deployment, const std::vector<Ref<MachineSet>>& sets, Time now) {
  Ref<MachineSet> best;
  for (const auto& set : sets) {
    if (set->meta.deleting() || !same_template(set->spec.machine.spec, deployment.spec.machine.spec)) continue;
    const auto& after = deployment.spec.rollout.after;
    if (after && *after <= now && set->meta.created < *after) continue;
    if (!best || spec_replicas(*set) > spec_replicas(*best) ||
        (spec_replicas(*set) == spec_replicas(*best) && set->meta.created < best->meta.created)) {
      best = set;
    }
  }
  return best;
}

Limits rollout_limits(const MachineDeployment& deployment) {
  const int replicas = deployment.spec.replicas.value_or(1);
  const auto& rolling = deployment.spec.rollout.strategy.rolling;
  Limits out{.surge = rolling.max_surge.is_null() ? 1 : scaled(rolling.max_surge, replicas, true),
             .unavailable = rolling.max_unavailable.is_null() ? 0 : scaled(rolling.max_unavailable, replicas, false)};
  if (out.surge == 0 && out.unavailable == 0) out.unavailable = 1;  // otherwise nothing could ever move
  out.unavailable = std::min(out.unavailable, replicas);
  return out;
}

namespace {

std::vector<Ref<MachineSet>> oldest_first(std::vector<Ref<MachineSet>> sets) {
  std::stable_sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
    return a->meta.created != b->meta.created ? a->meta.created < b->meta.created : a->meta.name < b->meta.name;
  });
  return sets;
}

// How many old machines may go now, oldest set first: those that are unavailable anyway first, then the rest.
void scale_down_old(const MachineDeployment& deployment, const Limits& limits, const MachineSet& new_set,
                    std::vector<Ref<MachineSet>> old_sets, int total_spec, Changes& changes) {
  const int wanted = deployment.spec.replicas.value_or(1);
  const int new_unavailable = std::max(0, spec_replicas(new_set) - available(new_set));
  int room = total_spec - (wanted - limits.unavailable) - new_unavailable;
  if (room <= 0) return;
  old_sets = oldest_first(std::move(old_sets));
  std::vector<int> next;
  for (const auto& set : old_sets) {
    const int sick = std::clamp(spec_replicas(*set) - available(*set), 0, room);
    next.push_back(spec_replicas(*set) - sick);
    room -= sick;
  }
  // What is left of the room may take available machines, but never below what must stay available.
  int available_now = available(new_set);
  for (const auto& set : old_sets) available_now += std::min(available(*set), spec_replicas(*set));
  int spare = std::min(room, available_now - (wanted - limits.unavailable));
  for (size_t i = 0; i < old_sets.size() && spare > 0; ++i) {
    const int going = std::min(spare, next[i]);
    next[i] -= going;
    spare -= going;
  }
  for (size_t i = 0; i < old_sets.size(); ++i) changes.set(*old_sets[i], next[i]);
}

// With no rollout going on, surplus or missing replicas are the new set's alone.
void scale_steady(const MachineDeployment& deployment, const MachineSet& new_set, Changes& changes) {
  changes.set(new_set, deployment.spec.replicas.value_or(1));
}

std::vector<Ref<MachineSet>> others(const Ref<MachineSet>& new_set, const std::vector<Ref<MachineSet>>& sets) {
  std::vector<Ref<MachineSet>> out;
  for (const auto& set : sets) {
    if (set->meta.name != new_set->meta.name && !set->meta.deleting() &&
        (spec_replicas(*set) > 0 || status_replicas(*set) > 0))
      out.push_back(set);
  }
  return out;
}

}  // namespace

std::vector<SetScale> plan_rolling_update(const MachineDeployment& deployment, const Ref<MachineSet>& new_set,
                                          const std::vector<Ref<MachineSet>>& sets) {
  Changes changes;
  const int wanted = deployment.spec.replicas.value_or(1);
  const auto old_sets = others(new_set, sets);
  if (old_sets.empty() || spec_replicas(*new_set) > wanted) {
    scale_steady(deployment, *new_set, changes);
    return changes.take();
  }
  const Limits limits = rollout_limits(deployment);
  const int room = wanted + limits.surge - held(sets);
  const int grow = std::clamp(room, 0, wanted - spec_replicas(*new_set));
  if (grow > 0) changes.set(*new_set, spec_replicas(*new_set) + grow);
  int total_spec = 0;
  for (const auto& set : sets) total_spec += spec_replicas(*set);
  scale_down_old(deployment, limits, *new_set, old_sets, total_spec, changes);
  return changes.take();
}

std::vector<SetScale> plan_on_delete(const MachineDeployment& deployment, const Ref<MachineSet>& new_set,
                                     const std::vector<Ref<MachineSet>>& sets) {
  const int wanted = deployment.spec.replicas.value_or(1);
  const auto old_sets = oldest_first(others(new_set, sets));
  std::vector<int> left;
  int total = spec_replicas(*new_set);
  for (const auto& set : old_sets) {
    // Machines that somebody deleted are not made again by an old set.
    left.push_back(std::min(spec_replicas(*set), status_replicas(*set)));
    total += left.back();
  }
  Changes changes;
  int old_total = 0;
  for (size_t i = 0; i < old_sets.size(); ++i) {
    const int going = std::clamp(total - wanted, 0, left[i]);
    total -= going;
    changes.set(*old_sets[i], left[i] - going);
    old_total += left[i] - going;
  }
  changes.set(*new_set, std::max(0, wanted - old_total));
  return changes.take();
}

}  // namespace control::machinedeployment
