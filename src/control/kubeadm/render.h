// kubeadm configuration and cloud-init user-data, rendered from a KubeadmConfig and its Cluster. Pure.
#pragma once

#include "api/kubeadm.h"
#include "control/kubeadm/certificates.h"

namespace control::kubeadm {

struct Input {
  const api::KubeadmConfigSpec& spec;
  const Cluster& cluster;
  std::string version;  // Kubernetes version of the machine, "v1.32.0"
  bool control_plane = false;
};

struct Discovery {
  std::string token;         // abcdef.0123456789abcdef
  std::string ca_cert_hash;  // sha256:...
};

// A file to write on the machine.
struct File {
  std::string path, owner, permissions, content, encoding;
  bool append = false;
};

// kubeadm's API: v1beta4 from Kubernetes 1.31 on, v1beta3 before.
std::string_view kubeadm_api_version(std::string_view kubernetes_version);

// /run/kubeadm/kubeadm.yaml: ClusterConfiguration and InitConfiguration.
std::string init_yaml(const Input& input);
// /run/kubeadm/kubeadm-join-config.yaml.
std::string join_yaml(const Input& input, const Discovery& discovery);

// The ClusterConfiguration that a running cluster keeps in kube-system/kubeadm-config, with what machines that join
// from now on are to find: version, images, feature gates, settings of API server, controller manager, scheduler and
// etcd. What kubeadm itself put there (networking, endpoint, paths) stays as it is.
Json updated_cluster_configuration(const Json& stored, const Input& input);

// CA certificates and keys under certificatesDir, keys with mode 0600.
std::vector<File> certificate_files(const api::KubeadmConfigSpec& spec, const Certificates& certificates);

// The whole cloud-init document, with the jinja header that makes {{ ds.meta_data.x }} work. `user_files` are
// spec.files with Secret contents already resolved.
std::string cloud_init(const api::KubeadmConfigSpec& spec, const std::vector<File>& files,
                       const std::string& kubeadm_command);

// "kubeadm init --config ... && echo success > ...": the last command of the bootstrap, with the sentinel file.
std::string init_command(const api::KubeadmConfigSpec& spec);
std::string join_command(const api::KubeadmConfigSpec& spec);

}  // namespace control::kubeadm
