// The installed operating system of a server: cloud-init on its first start, then the node that kubeadm made of it.
#pragma once

#include <memory>
#include <string>

#include "sim/node/cloud_init.h"
#include "sim/node/kubeadm_config.h"
#include "sim/node/workload_cluster.h"

namespace sim {

class Server;

class Node {
 public:
  // Errors: not_found or corrupt (no usable config drive: the system does not come up).
  static base::Result<std::unique_ptr<Node>> from_disk(Server& server, sys::Sys& sys, const std::string& device);
  ~Node();
  void start();
  std::string state() const;                               // "cloud-init: kubeadm join", "node dev-cp-x7k2p ready"
  const std::string& name() const { return facts_.name; }  // "" before kubeadm
  void set_kubelet(bool running);

 private:
  Node(Server& server, sys::Sys& sys, std::string device, ConfigDriveContent drive);
  void run();
  base::Result<bool> resume();  // whether kubeadm had succeeded at an earlier start
  base::Result<void> first_start();
  base::Result<void> run_command(const std::string& command);
  base::Result<void> run_word(const std::vector<std::string>& words);
  base::Result<std::string> config_of(const std::vector<std::string>& words) const;
  base::Result<void> kubeadm_init(const std::string& text);
  base::Result<void> kubeadm_join(const std::string& text);
  // Waits until a cluster vouches for itself with the token; gives its CA.
  base::Result<std::string> discover(const JoinOrder& order);
  base::Result<std::string> cluster_ca_once(const JoinOrder& order);
  base::Result<void> check_token(const JoinOrder& order, const std::string& ca_pem);
  base::Result<void> join_cluster(const JoinOrder& order, const std::string& ca_pem);
  NodeFacts facts_for(const NodeRegistration& registration, bool control_plane, const std::string& version) const;
  base::Result<void> remember();  // on the disk, for later starts
  void run_kubelet();
  void console(std::string_view what, std::string_view detail = {});

  Server& server_;
  sys::Sys& sys_;
  std::string device_;
  ConfigDriveContent drive_;
  std::string state_ = "starting the operating system";
  FileTree files_;
  NodeFacts facts_;
  NodeRegistration registration_;
  std::shared_ptr<WorkloadCluster> cluster_;
  bool kubelet_ = true;
  bool ready_ = false;
};

}  // namespace sim
