// The objects that kubeadm, kubelet and the controllers of a cluster make, as documents.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "sim/node/kubeadm_config.h"

namespace sim {

struct NodeFacts {
  std::string name, address, version;  // version "v1.32.0"
  std::string machine_id, system_uuid, boot_id;
  std::string arch = "amd64";
  int cpus = 128;
  int64_t memory_kib = 0;
  bool control_plane = false;
};

base::Json node_object(const NodeFacts& facts, const NodeRegistration& registration);
// The status as kubelet reports it. `ready` false: the network plugin is not up yet.
base::Json node_status(const NodeFacts& facts, bool ready, const base::Json& old_status, base::Time now);
// Sets the conditions of a node that no kubelet reports for to Unknown, as the node lifecycle controller does.
base::Json silent_node_status(const base::Json& old_status, base::Time now);

// kube-apiserver, kube-controller-manager, kube-scheduler or etcd on a node.
base::Json static_pod(const std::string& component, const NodeFacts& facts, const std::string& node_uid);
base::Json running_pod_status(const std::string& container, const std::string& image, const std::string& address,
                              bool ready, base::Time now);
const std::vector<std::string>& control_plane_components();
std::string image_of(const std::string& component, const std::string& version);

base::Json kubeadm_config_map(const InitOrder& order);
base::Json cluster_info_map(const std::string& kubeconfig);
base::Json kube_proxy_daemon_set(const InitOrder& order);
base::Json coredns_config_map();
base::Json coredns_deployment(const InitOrder& order);
base::Json lease_object(const std::string& node, base::Time now, int64_t seconds);

}  // namespace sim
