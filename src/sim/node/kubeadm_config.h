// kubeadm's configuration files (kubeadm.k8s.io v1beta3 and v1beta4) as far as the simulated kubeadm acts on them.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "sys/net.h"

namespace sim {

struct NodeTaint {
  std::string key, value, effect;
};

struct NodeRegistration {
  std::string name;  // empty: the host name
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<NodeTaint> taints;
  bool taints_given = false;  // an empty list takes the control plane's default taint away
  std::string provider_id;
  std::vector<std::pair<std::string, std::string>> kubelet_arguments;
};

struct InitOrder {
  NodeRegistration node;
  base::Json cluster;        // the ClusterConfiguration document
  std::string cluster_text;  // the same as kubeadm stores it in the ConfigMap
  std::string cluster_name, version;
  sys::Address endpoint;  // controlPlaneEndpoint
};

struct JoinOrder {
  NodeRegistration node;
  sys::Address endpoint;  // discovery.bootstrapToken.apiServerEndpoint
  std::string discovery_token, tls_token;
  std::vector<std::string> ca_hashes;
  bool skip_ca_check = false;
  bool control_plane = false;
};

// Errors: invalid, in kubeadm's manner.
base::Result<InitOrder> parse_init(const std::string& text);
base::Result<JoinOrder> parse_join(const std::string& text);

}  // namespace sim
