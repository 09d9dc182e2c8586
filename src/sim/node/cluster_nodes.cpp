// What kubelets and the node lifecycle controller do in a workload cluster.
#include <algorithm>
#include <set>

#include "api/kinds.h"
#include "sim/node/workload_cluster.h"

namespace sim {

using base::Code;
using base::Json;
using base::Result;

namespace {

constexpr const char* unreachable = "node.kubernetes.io/unreachable";
constexpr const char* not_ready = "node.kubernetes.io/not-ready";

// Returns the node with or without the taints of an unreachable node; other taints stay.
Json with_unreachable_taint(Json node, bool wanted, base::Time now) {
  Json::Array taints;
  for (const auto& taint : node.path("spec.taints").items()) {
    const std::string& key = taint["key"].string();
    if (key != unreachable && key != not_ready) taints.push_back(taint);
  }
  if (wanted) {
    for (const char* effect : {"NoSchedule", "NoExecute"}) {
      Json taint = Json::object({{"key", unreachable}, {"effect", effect}});
      taints.push_back(taint.set("timeAdded", base::rfc3339(now)));
    }
  }
  Json& spec = node.child("spec");
  if (taints.empty()) {
    spec.erase("taints");
  } else {
    spec.set("taints", std::move(taints));
  }
  return node;
}

}  // namespace

Json WorkloadCluster::node(const std::string& name) const {
  const auto found = store_->get("nodes", "", name);
  return found ? found->doc() : Json();
}

std::string WorkloadCluster::version_for_join() const {
  const auto map = store_->get("configmaps", "kube-system", "kubeadm-config");
  if (!map) return {};
  const std::string& text = map->doc()["data"]["ClusterConfiguration"].string();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    constexpr std::string_view key = "kubernetesVersion:";
    if (line.starts_with(key)) {
      std::string version;
      for (const char c : line.substr(key.size())) {
        if (c != ' ' && c != '"' && c != '\'') version += c;
      }
      return version;
    }
    at = end + 1;
  }
  return {};
}

Result<void> WorkloadCluster::register_node(const NodeFacts& facts, const NodeRegistration& registration) {
  if (!available()) return base::unavailable("the API does not answer");
  TRY(put(node_object(facts, registration)));
  TRY(beat(facts, true));
  if (!facts.control_plane) return {};
  const std::string uid = node(facts.name).path("metadata.uid").string();
  for (const auto& component : control_plane_components()) {
    TRY(put(static_pod(component, facts, uid)));
    TRY(change("pods", "kube-system", component + "-" + facts.name, true, [&](Json pod) {
      return pod.set("status", running_pod_status(component, image_of(component, facts.version), facts.address, true,
                                                  loop_.now()));
    }));
  }
  return {};
}

Result<void> WorkloadCluster::beat(const NodeFacts& facts, bool with_status) {
  const auto part = nodes_.find(facts.name);
  if (part == nodes_.end()) return base::unavailable("the node is not in the cluster");
  if (!available()) return base::unavailable("the API does not answer");
  const base::Time now = loop_.now();
  const bool was_silent = now - part->second.last_beat > site_.pace.scaled(site_.durations.node_grace);
  part->second.last_beat = now;

  const Json lease = lease_object(facts.name, now, 40);
  auto renewed = change("leases.coordination.k8s.io", "kube-node-lease", facts.name, false,
                        [&](Json current) { return current.set("spec", lease["spec"]); });
  if (!renewed && renewed.error().code == Code::not_found) renewed = put(lease);
  TRY(std::move(renewed));
  if (!with_status && !was_silent) return {};

  TRY(change("nodes", "", facts.name, true,
             [&](Json current) { return current.set("status", node_status(facts, true, current["status"], now)); }));
  TRY(change("nodes", "", facts.name, false,
             [&](Json current) { return with_unreachable_taint(current, false, now); }));
  if (!facts.control_plane) return {};
  for (const auto& component : control_plane_components()) {
    const auto pod = store_->get("pods", "kube-system", component + "-" + facts.name);
    if (!pod || pod->doc().path("status.containerStatuses").at(0)["ready"].boolean()) continue;
    TRY(change("pods", "kube-system", component + "-" + facts.name, true, [&](Json current) {
      return current.set("status",
                         running_pod_status(component, image_of(component, facts.version), facts.address, true, now));
    }));
  }
  return {};
}

void WorkloadCluster::watch_nodes() {
  loop_.after(site_.pace.scaled(base::seconds(5)), [this] { watch_nodes(); });
  if (!available()) return;
  const auto grace = site_.pace.scaled(site_.durations.node_grace);
  const base::Time now = loop_.now();
  for (const auto& [name, part] : nodes_) {
    if (now - part.last_beat > grace) mark_silent(name);
  }
  const auto silent = silent_since_;
  for (const auto& [name, since] : silent) {
    if (now - since > grace) mark_silent(name);
  }
  collect_pods();
  remove_expired_tokens();
}

void WorkloadCluster::mark_silent(const std::string& name) {
  const Json found = node(name);
  if (found.is_null()) {
    silent_since_.erase(name);
    return;
  }
  for (const auto& condition : found.path("status.conditions").items()) {
    if (condition["type"].string() == "Ready" && condition["status"].string() == "Unknown") return;
  }
  const base::Time now = loop_.now();
  site_.log.add(name_, "node is silent", name);
  const auto marked = change("nodes", "", name, true, [&](Json current) {
    return current.set("status", silent_node_status(current["status"], now));
  });
  const auto tainted =
      change("nodes", "", name, false, [&](Json current) { return with_unreachable_taint(current, true, now); });
  if (!marked || !tainted) site_.log.add(name_, "node cannot be marked", name);
  for (const auto& component : control_plane_components()) {
    (void)change("pods", "kube-system", component + "-" + name, true, [&](Json current) {
      const Json& one = current.path("status.containerStatuses").at(0);
      return current.set("status", running_pod_status(component, one["image"].string(),
                                                      current.path("status.hostIP").string(), false, now));
    });
  }
}

// Pods of nodes that are gone are removed, as the pod garbage collector does.
void WorkloadCluster::collect_pods() {
  std::set<std::string> nodes;
  for (const auto& entry : store_->list("nodes")) nodes.insert(entry->key.name);
  const meta::Kind* kind = registry_->scheme().by_resource("pods");
  for (const auto& pod : store_->list("pods")) {
    const std::string& on = pod->doc().path("spec.nodeName").string();
    if (on.empty() || nodes.count(on) != 0) continue;
    if (auto removed = registry_->remove(*kind, pod->key.ns, pod->key.name); !removed) {
      site_.log.add(name_, "pod cannot be removed", pod->key.name);
    }
  }
}

}  // namespace sim
