// What a Metal3Machine goes on taking from its template after it was made, and hosts that are kept for the next machine
// of the same owner instead of going back to everybody.
#include <algorithm>

#include "control/metal3machine/metal3machine.h"

namespace control::metal3machine {

namespace {

Ref<api::Metal3MachineTemplate> template_of(const Context& ctx, const Metal3Machine& machine) {
  const std::string& name = machine.meta.annotation(api::cloned_from_name_annotation);
  return name.empty() ? nullptr : ctx.find<api::Metal3MachineTemplate>(machine.meta.ns, name);
}

// How many machines the owner wants; 0 when it goes.
int wanted_by_owner(const Context& ctx, const Metal3Machine& machine, const Cluster& cluster) {
  const std::string& plane = machine.meta.label(api::control_plane_name_label);
  if (!plane.empty()) {
    const External owner = external(ctx, cluster.meta.ns, cluster.spec.control_plane);
    if (!owner.exists() || owner.deleting()) return 0;
    return static_cast<int>(owner.doc.path("spec.replicas").integer(1));
  }
  for (const auto& deployment : ctx.list<api::MachineDeployment>(machine.meta.ns)) {
    if (label_value(deployment->meta.name) != machine.meta.label(api::deployment_name_label)) continue;
    return deployment->meta.deleting() ? 0 : deployment->spec.replicas.value_or(1);
  }
  return 0;
}

}  // namespace

bool keeps_host(const Context& ctx, const Metal3Machine& machine, const Cluster* cluster) {
  const auto from = template_of(ctx, machine);
  if (!from || !from->spec.node_reuse || !cluster || cluster->meta.deleting()) return false;
  const std::string value = node_reuse_value(machine);
  if (value.empty()) return false;
  const auto same_owner = [&](const Ref<Machine>& one) {
    return !one->meta.deleting() &&
           one->meta.label(api::control_plane_name_label) == machine.meta.label(api::control_plane_name_label) &&
           one->meta.label(api::deployment_name_label) == machine.meta.label(api::deployment_name_label);
  };
  const auto all = machines_of(ctx, *cluster);
  const auto have = std::count_if(all.begin(), all.end(), same_owner);
  // A host that nobody will ask for again would be kept for ever: after scaling down it is free for all.
  return have < wanted_by_owner(ctx, machine, *cluster);
}

Result<void> follow_template(Context& ctx, const Metal3Machine& machine) {
  const auto from = template_of(ctx, machine);
  if (!from) return {};
  const std::string& mode = from->spec.machine.spec.automated_cleaning_mode;
  if (mode.empty() || mode == machine.spec.automated_cleaning_mode) return {};
  TRY(ctx.update(machine, [&](Metal3Machine& changed) { changed.spec.automated_cleaning_mode = mode; }));
  return {};
}

std::vector<Key> machines_of_template(Context& ctx, const api::Metal3MachineTemplate& changed) {
  std::vector<Key> keys;
  for (const auto& machine : ctx.list<Metal3Machine>(changed.meta.ns)) {
    if (machine->meta.annotation(api::cloned_from_name_annotation) == changed.meta.name)
      keys.push_back({std::string(Metal3Machine::resource), machine->meta.ns, machine->meta.name});
  }
  return keys;
}

Result<void> release_kept_hosts(Context& ctx, const Cluster& cluster) {
  for (const auto& host : ctx.list<BareMetalHost>(cluster.meta.ns)) {
    const auto& consumer = host->spec.consumer_ref;
    if (!consumer || consumer->kind != "Cluster" || consumer->name != cluster.meta.name) continue;
    TRY(ctx.update(*host, [](BareMetalHost& changed) {
      changed.spec.consumer_ref = std::nullopt;
      changed.meta.labels.erase(std::string(node_reuse_label));
    }));
  }
  return {};
}

}  // namespace control::metal3machine
