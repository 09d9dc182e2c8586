// Linking a Machine to its Node and keeping the Node's labels, annotations and taints as the Machine wants them.
#include <algorithm>

#include "base/text.h"
#include "control/machine/machine.h"

namespace control::machine {

namespace {

bool is_domain(std::string_view domain, std::string_view wanted) {
  return domain == wanted || (domain.size() > wanted.size() && domain.ends_with(wanted) &&
                              domain[domain.size() - wanted.size() - 1] == '.');
}

// Labels of the Machine that belong on its Node: the domains that kubelets may not set themselves.
bool synced_label(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return false;
  const auto domain = key.substr(0, slash);
  return domain == "node-role.kubernetes.io" || is_domain(domain, "node-restriction.kubernetes.io") ||
         is_domain(domain, "node.cluster.x-k8s.io");
}

bool synced_annotation(std::string_view key) {
  const size_t slash = key.find('/');
  return slash != std::string_view::npos && is_domain(key.substr(0, slash), "node.cluster.x-k8s.io");
}

std::vector<std::string> names(std::string_view list) {
  std::vector<std::string> out;
  for (const auto one : base::split(list, ',')) {
    if (!one.empty()) out.emplace_back(one);
  }
  return out;
}

// Wanted values plus null for those that an earlier pass set and that are no longer wanted.
Json map_change(const std::map<std::string, std::string>& have, const std::map<std::string, std::string>& want,
                std::string_view set_before) {
  Json change = Json::object();
  for (const auto& [key, value] : want) {
    const auto found = have.find(key);
    if (found == have.end() || found->second != value) change.set(key, value);
  }
  for (const auto& key : names(set_before)) {
    if (!want.count(key) && have.count(key)) change.set(key, nullptr);
  }
  return change;
}

std::string joined_keys(const std::map<std::string, std::string>& all) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : all) keys.push_back(key);
  return base::join(keys, ",");
}

std::string annotation_of(const workload::Node& node, const char* key) {
  const auto found = node.annotations.find(key);
  return found == node.annotations.end() ? std::string() : found->second;
}

Json wanted_taints(const Scope& scope, const workload::Node& node, bool& changed) {
  const auto owned = names(annotation_of(node, "cluster.x-k8s.io/taints-from-machine"));
  Json::Array out;
  for (const auto& taint : node.doc.path("spec.taints").items()) {
    const std::string id = taint["key"].string() + ":" + taint["effect"].string();
    const bool ours = std::find(owned.begin(), owned.end(), id) != owned.end();
    const bool wanted = std::any_of(scope.machine.spec.taints.begin(), scope.machine.spec.taints.end(),
                                    [&](const api::MachineTaint& t) { return t.key + ":" + t.effect == id; });
    // The bootstrap provider's taint keeps pods away until the labels are in place; this pass puts them there.
    const bool uninitialized = taint["key"].string() == "node.cluster.x-k8s.io/uninitialized";
    if (uninitialized || (ours && !wanted)) {
      changed = true;
      continue;
    }
    out.push_back(taint);
  }
  for (const auto& taint : scope.machine.spec.taints) {
    if (taint.propagation != "Always") continue;
    const bool there = std::any_of(out.begin(), out.end(), [&](const Json& t) {
      return t["key"].string() == taint.key && t["effect"].string() == taint.effect &&
             t["value"].string() == taint.value;
    });
    if (there) continue;
    changed = true;
    Json added = Json::object({{"key", taint.key}, {"effect", taint.effect}});
    if (!taint.value.empty()) added.set("value", taint.value);
    out.push_back(std::move(added));
  }
  return out;
}

Json node_change(const Scope& scope, const workload::Node& node) {
  const auto& machine = scope.machine;
  std::map<std::string, std::string> labels, annotations;
  for (const auto& [key, value] : machine.meta.labels) {
    if (synced_label(key)) labels[key] = value;
  }
  for (const auto& [key, value] : machine.meta.annotations) {
    if (synced_annotation(key)) annotations[key] = value;
  }
  const Json label_change =
      map_change(node.labels, labels, annotation_of(node, "cluster.x-k8s.io/labels-from-machine"));
  auto kept = annotations;
  kept["cluster.x-k8s.io/cluster-name"] = machine.spec.cluster_name;
  kept["cluster.x-k8s.io/cluster-namespace"] = machine.meta.ns;
  kept["cluster.x-k8s.io/machine"] = machine.meta.name;
  kept["cluster.x-k8s.io/labels-from-machine"] = joined_keys(labels);
  kept["cluster.x-k8s.io/annotations-from-machine"] = joined_keys(annotations);
  std::vector<std::string> taint_ids;
  for (const auto& taint : machine.spec.taints) {
    if (taint.propagation == "Always") taint_ids.push_back(taint.key + ":" + taint.effect);
  }
  kept["cluster.x-k8s.io/taints-from-machine"] = base::join(taint_ids, ",");
  if (const auto* owner = machine.meta.controller()) {
    kept["cluster.x-k8s.io/owner-kind"] = owner->kind;
    kept["cluster.x-k8s.io/owner-name"] = owner->name;
  }
  const Json annotation_change =
      map_change(node.annotations, kept, annotation_of(node, "cluster.x-k8s.io/annotations-from-machine"));
  Json change = Json::object();
  if (!label_change.empty()) change.child("metadata").set("labels", label_change);
  if (!annotation_change.empty()) change.child("metadata").set("annotations", annotation_change);
  bool taints_changed = false;
  const Json taints = wanted_taints(scope, node, taints_changed);
  if (taints_changed) {
    change.child("spec").set("taints", taints);
    // Taints are one list: do not overwrite what somebody else changed meanwhile.
    change.child("metadata").set("resourceVersion", node.doc.path("metadata.resourceVersion").string());
  }
  return change;
}

}  // namespace

Result<void> reconcile_node(Scope& scope) {
  if (!scope.node) return {};
  scope.status.node.name = scope.node->name;
  scope.status.node_info = scope.node->doc.path("status.nodeInfo");
  const Json change = node_change(scope, *scope.node);
  if (change.empty() || !scope.workload->reachable) return {};
  const auto job = scope.clusters.patch_node(cluster_key(*scope.cluster), scope.node->name, change);
  if (job.state == workload::JobState::failed && job.error->code != base::Code::conflict) {
    return base::Error(*job.error).context("updating Node " + scope.node->name);
  }
  return {};
}

}  // namespace control::machine
