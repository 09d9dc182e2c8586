// Taking a machine down: hooks, drain, volumes, infrastructure, bootstrap, Node, in that order, each with a reason a
// user can read. What is skipped and when follows Cluster API's isDeleteNodeAllowed rules.
#include <algorithm>

#include "control/machine/machine.h"

namespace control::machine {

NodeDeletion node_deletion_allowed(const Cluster* cluster, bool control_plane_deleting, const Machine& machine,
                                   size_t other_control_plane_machines) {
  if (!cluster || cluster->meta.deleting()) return {false, "the cluster is being deleted"};
  if (machine.status.node.name.empty()) return {false, "the machine has no Node"};
  if (control_plane_deleting) return {false, "the control plane is being deleted"};
  if (other_control_plane_machines == 0) return {false, "no other control-plane machine would be left"};
  return {true, ""};
}

namespace {

constexpr std::string_view pre_drain = "pre-drain.delete.hook.machine.cluster.x-k8s.io";
constexpr std::string_view pre_terminate = "pre-terminate.delete.hook.machine.cluster.x-k8s.io";

std::string hooks(const Machine& machine, std::string_view prefix) {
  std::string out;
  for (const auto& [key, value] : machine.meta.annotations) {
    if (!key.starts_with(prefix)) continue;
    out += (out.empty() ? "" : ", ") + key;
  }
  return out;
}

void deleting(Scope& scope, std::string_view reason, const std::string& message) {
  api::set_condition(scope.status.conditions, condition("Deleting", true, reason, message), scope.ctx.now());
}

bool timed_out(const Scope& scope, std::optional<int32_t> seconds, std::optional<Time> start) {
  return seconds.value_or(0) > 0 && start && scope.ctx.now() - *start >= base::seconds(*seconds);
}

NodeDeletion allowed(const Scope& scope) {
  if (!scope.cluster) return {false, "the cluster is gone"};
  const External control_plane = external(scope.ctx, scope.machine.meta.ns, scope.cluster->spec.control_plane);
  size_t others = 0;
  for (const auto& one : machines_of(scope.ctx, *scope.cluster)) {
    if (one->is_control_plane() && !one->meta.deleting() && one->meta.name != scope.machine.meta.name) ++others;
  }
  return node_deletion_allowed(scope.cluster.get(), control_plane.exists() && control_plane.deleting(), scope.machine,
                               others);
}

// Each step returns true when the machine may go on to the next.
bool wait_for_hook(Scope& scope, std::string_view prefix, std::string_view reason, std::optional<Time>& since) {
  const std::string waiting = hooks(scope.machine, prefix);
  if (waiting.empty()) return true;
  if (!since) since = scope.ctx.now();
  deleting(scope, reason, "Waiting for hooks to be removed: " + waiting);
  return false;
}

bool drain(Scope& scope) {
  const auto& machine = scope.machine;
  if (machine.meta.has_annotation("machine.cluster.x-k8s.io/exclude-node-draining")) return true;
  if (machine.status.deletion.pre_terminate_start) return true;
  if (!scope.infrastructure.exists() || scope.infrastructure.deleting()) return true;
  if (timed_out(scope, machine.spec.deletion.drain_timeout_seconds, machine.status.deletion.drain_start)) return true;
  if (!scope.node) return true;  // the Node is gone: nothing runs there
  if (!scope.status.deletion.drain_start) scope.status.deletion.drain_start = scope.ctx.now();
  const auto ready = scope.node->condition("Ready");
  const auto job = scope.clusters.drain_node(cluster_key(*scope.cluster), scope.node->name,
                                             {.unreachable_node = ready && ready->status == "Unknown"});
  if (job.state == workload::JobState::done) return true;
  const bool moving = job.state == workload::JobState::working && !job.step.empty();
  const std::string why = job.error && !moving ? job.error->text() : job.step;
  deleting(scope, "DrainingNode",
           "Drain of Node " + scope.node->name + " in progress" + (why.empty() ? "" : ": " + why));
  scope.again_in(base::seconds(20));
  return false;
}

bool wait_for_volumes(Scope& scope) {
  const auto& machine = scope.machine;
  if (machine.meta.has_annotation("machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach")) return true;
  if (machine.status.deletion.pre_terminate_start || !scope.node) return true;
  if (!scope.infrastructure.exists() || scope.infrastructure.deleting()) return true;
  if (timed_out(scope, machine.spec.deletion.volume_detach_timeout_seconds,
                machine.status.deletion.volume_detach_start)) {
    return true;
  }
  const auto ready = scope.node->condition("Ready");
  if (ready && ready->status == "Unknown") return true;  // an unreachable node never reports a detach
  const auto& attached = scope.node->doc.path("status.volumesAttached");
  if (attached.empty()) return true;
  if (!scope.status.deletion.volume_detach_start) scope.status.deletion.volume_detach_start = scope.ctx.now();
  deleting(scope, "WaitingForVolumeDetach",
           "Waiting for " + std::to_string(attached.size()) + " volumes to be detached from Node " + scope.node->name +
               ", first " + attached.at(0)["name"].string());
  scope.again_in(base::seconds(20));
  return false;
}

Result<bool> remove_external(Scope& scope, const External& object, std::string_view reason) {
  if (!object.exists()) return true;
  if (!object.deleting()) TRY(scope.ctx.remove_document(object.resource, object.doc));
  const Json& progress =
      object.condition("Deleting").is_null() ? object.condition("Ready") : object.condition("Deleting");
  const std::string& detail = progress["message"].string();
  deleting(scope, reason, "Waiting for " + object.text + " to be deleted" + (detail.empty() ? "" : ": " + detail));
  return false;
}

bool delete_node(Scope& scope) {
  const int32_t limit = scope.machine.spec.deletion.node_deletion_timeout_seconds.value_or(10);
  const auto job = scope.clusters.delete_node(cluster_key(*scope.cluster), scope.machine.status.node.name);
  if (job.state == workload::JobState::done) return true;
  if (limit > 0 && job.state == workload::JobState::failed &&
      scope.ctx.now() - *scope.machine.meta.deletion >= base::seconds(limit)) {
    return true;  // the cluster may be gone for good; the Node is not worth waiting for ever
  }
  deleting(scope, "DeletingNode",
           "Waiting for Node " + scope.machine.status.node.name + " to be deleted" +
               (job.error ? ": " + job.error->text() : std::string()));
  scope.again_in(base::seconds(2));
  return false;
}

// True when everything is gone and the finalizer may be dropped.
Result<bool> take_down(Scope& scope, const NodeDeletion& node) {
  auto& progress = scope.status.deletion;
  if (node.allowed) {
    if (!wait_for_hook(scope, pre_drain, "WaitingForPreDrainHook", progress.pre_drain_start)) return false;
    if (!drain(scope)) return false;
    if (!wait_for_volumes(scope)) return false;
  }
  if (!wait_for_hook(scope, pre_terminate, "WaitingForPreTerminateHook", progress.pre_terminate_start)) return false;
  if (!TRY(remove_external(scope, scope.infrastructure, "WaitingForInfrastructureDeletion"))) return false;
  if (scope.machine.spec.bootstrap.config &&
      !TRY(remove_external(scope, scope.bootstrap, "WaitingForBootstrapDeletion"))) {
    return false;
  }
  return !node.allowed || delete_node(scope);
}

}  // namespace

Result<Outcome> reconcile_delete(Scope& scope) {
  if (!scope.machine.meta.has_finalizer(finalizer)) return Outcome::done();
  auto gone = take_down(scope, allowed(scope));
  if (gone && *gone) {
    TRY(scope.ctx.update(scope.machine, [](Machine& changed) { changed.meta.remove_finalizer(finalizer); }));
    return Outcome::done();
  }
  report(scope);
  TRY(scope.ctx.update_status(scope.machine, [&](api::MachineStatus& status) { status = scope.status; }));
  if (!gone) return std::move(gone).error();
  return Outcome::after(scope.look_again);
}

}  // namespace control::machine
