#include "control/metal3machine/node.h"

namespace control::metal3machine {

namespace {

constexpr std::string_view uuid_label = "metal3.io/uuid";

std::string host_prefix(const BareMetalHost& host) { return "metal3://" + host.meta.ns + "/" + host.meta.name + "/"; }

// The Node of this host: by provider id, by the uuid label, or by the name that the config drive gave it.
const workload::Node* find_node(const workload::Snapshot& snapshot, const Metal3Machine& machine,
                                const BareMetalHost& host) {
  if (const auto* node = snapshot.node_by_provider_id(provider_id(machine, host))) return node;
  for (const auto& node : snapshot.nodes) {
    const auto uuid = node.labels.find(std::string(uuid_label));
    if (uuid != node.labels.end() && uuid->second == host.meta.uid) return &node;
  }
  for (const auto& node : snapshot.nodes) {
    const auto hostname = node.labels.find("kubernetes.io/hostname");
    if (node.name == host.meta.name || (hostname != node.labels.end() && hostname->second == host.meta.name))
      return &node;
  }
  return nullptr;
}

// The Node has the id of another machine on this very host, one that is no more.
bool is_stale(Context& ctx, const workload::Node& node, const Metal3Machine& machine, const BareMetalHost& host) {
  const std::string prefix = host_prefix(host);
  if (!node.provider_id.starts_with(prefix)) return false;
  const std::string owner = node.provider_id.substr(prefix.size());
  return owner != machine.meta.name && !ctx.find<Metal3Machine>(machine.meta.ns, owner);
}

}  // namespace

std::string provider_id(const Metal3Machine& machine, const BareMetalHost& host) {
  return host_prefix(host) + machine.meta.name;
}

Result<std::string> link_node(Context& ctx, workload::Clusters& clusters, const Cluster& cluster,
                              const Metal3Machine& machine, const BareMetalHost& host) {
  if (!cluster.status.initialization.control_plane_initialized.value_or(false)) return std::string();
  const auto snapshot = clusters.observe(cluster_key(cluster));
  if (!snapshot || !snapshot->reachable) return std::string();
  const auto* node = find_node(*snapshot, machine, host);
  const std::string id = provider_id(machine, host);
  if (!node || node->provider_id == id) return std::string();
  if (!node->provider_id.empty()) {
    return "node: Node " + node->name + " already has spec.providerID " + node->provider_id + ", not " + id +
           (is_stale(ctx, *node, machine, host)
                ? "; an earlier machine on this host left it behind. Next: delete the Node and restart the kubelet of "
                  "the server, or delete the Machine"
                : ". Next: delete the Node if it is stale, or remove provider-id from its kubelet arguments");
  }
  const auto job = clusters.patch_node(cluster_key(cluster), node->name,
                                       Json::object({{"spec", Json::object({{"providerID", id}})}}));
  if (job.state == workload::JobState::failed)
    return base::Error(*job.error).context("setting the provider id of Node " + node->name);
  return std::string();
}

bool remove_stale_node(Context& ctx, workload::Clusters& clusters, const Cluster& cluster, const Metal3Machine& machine,
                       const BareMetalHost& host) {
  if (!cluster.status.initialization.control_plane_initialized.value_or(false)) return true;
  const auto snapshot = clusters.observe(cluster_key(cluster));
  if (!snapshot) return true;
  for (const auto& node : snapshot->nodes) {
    if (is_stale(ctx, node, machine, host))
      return clusters.delete_node(cluster_key(cluster), node.name).state == workload::JobState::done;
  }
  return true;
}

}  // namespace control::metal3machine
