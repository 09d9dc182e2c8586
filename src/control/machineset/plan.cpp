#include "control/machineset/plan.h"

#include <algorithm>
#include <cmath>

namespace control::machineset {

namespace {
constexpr std::string_view delete_annotation = "cluster.x-k8s.io/delete-machine";
constexpr std::string_view remediate_annotation = "cluster.x-k8s.io/remediate-machine";

bool is_false(const Machine& machine, std::string_view type) {
  const Condition* found = api::find_condition(machine.status.conditions, type);
  return found && found->status == "False";
}

double age_days(const Machine& machine, Time now) {
  return std::chrono::duration<double>(now - machine.meta.created).count() / 86400;
}
}  // namespace

double delete_priority(const Machine& machine, std::string_view order, Time now) {
  if (machine.meta.deleting()) return 100;
  if (machine.meta.has_annotation(delete_annotation)) return 80;
  if (machine.status.node.name.empty() || is_false(machine, "NodeHealthy") ||
      is_false(machine, "HealthCheckSucceeded")) {
    return 50;
  }
  constexpr double decay_days = 10;
  const double oldest = 50 * (1 - std::exp(-age_days(machine, now) / decay_days));
  if (order == "Oldest") return oldest;
  if (order == "Newest") return 50 - oldest;
  return 20;
}

ScalePlan plan_scale(const api::MachineSetSpec& spec, const std::vector<Ref<Machine>>& machines, Time now) {
  std::vector<Ref<Machine>> alive;
  for (const auto& machine : machines) {
    if (!machine->meta.deleting()) alive.push_back(machine);
  }
  const int wanted = spec.replicas.value_or(1);
  const int surplus = static_cast<int>(alive.size()) - wanted;
  if (surplus <= 0) return {.create = -surplus};
  std::stable_sort(alive.begin(), alive.end(), [&](const auto& a, const auto& b) {
    const double first = delete_priority(*a, spec.deletion.order, now),
                 second = delete_priority(*b, spec.deletion.order, now);
    return first != second ? first > second
                           : a->meta.name < b->meta.name;  // names break ties, so a replay chooses the same
  });
  alive.resize(static_cast<size_t>(surplus));
  return {.create = 0, .remove = std::move(alive)};
}

std::vector<Ref<Machine>> plan_remediation(const std::vector<Ref<Machine>>& machines, int in_flight_max) {
  std::vector<Ref<Machine>> candidates;
  int in_flight = 0;
  for (const auto& machine : machines) {
    const Condition* owner = api::find_condition(machine->status.conditions, "OwnerRemediated");
    if (owner && owner->reason == "MachineDeleting")
      ++in_flight;
    else if (!machine->meta.deleting() && is_false(*machine, "HealthCheckSucceeded") && owner &&
             owner->status == "False") {
      candidates.push_back(machine);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    const bool first = a->meta.has_annotation(remediate_annotation),
               second = b->meta.has_annotation(remediate_annotation);
    if (first != second) return first;
    return a->meta.created != b->meta.created ? a->meta.created > b->meta.created : a->meta.name < b->meta.name;
  });
  const auto room = static_cast<size_t>(std::max(0, in_flight_max - in_flight));
  if (candidates.size() > room) candidates.resize(room);
  return candidates;
}

}  // namespace control::machineset
