// Keeps one workload cluster's Snapshot fresh: nodes and kube-system pods by list and watch, the rest by looking again.
// Runs in fibers of its own; lives until stop().
#pragma once

#include <functional>
#include <memory>

#include "sys/fiber.h"
#include "workload/clusters.h"
#include "workload/etcd.h"
#include "workload/kube_client.h"

namespace workload {

class Observer : public std::enable_shared_from_this<Observer> {
 public:
  struct Sources {
    std::function<std::optional<std::string>()> kubeconfig;
    std::function<std::optional<Clusters::EtcdIdentity>()> etcd;
    std::function<void()> changed;
  };
  Observer(sys::Loop& loop, sys::Net& net, Sources sources);
  void start();
  void stop();
  void refresh();
  std::shared_ptr<const Snapshot> snapshot() const { return snapshot_; }
  // The client the observer uses now; null while the cluster has no kubeconfig. Calls park.
  std::shared_ptr<KubeClient> client();
  std::vector<std::string> control_plane_addresses() const;

 private:
  using Objects = std::map<std::string, Json>;  // by name, sorted
  void run();
  base::Result<void> look();
  base::Result<std::string> list(const std::string& path, Objects& into);
  void follow(const std::string& path, const std::string& revision, Objects& objects);
  void publish(bool reachable, const std::string& problem);
  void read_etcd(Snapshot& next);
  bool settled() const;  // each control-plane node has a healthy etcd member

  sys::Loop& loop_;
  sys::Net& net_;
  Sources sources_;
  sys::Signal wake_;
  bool stopped_ = false;
  std::string kubeconfig_;  // the text the client was made from
  std::shared_ptr<KubeClient> client_;
  Objects nodes_, pods_;
  Json kubeadm_config_;
  std::vector<EtcdMember> etcd_;
  std::string etcd_problem_;
  std::string published_;  // what the last on_change was about, to tell whether anything moved
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<sys::Fiber> fibers_, watches_;
};

}  // namespace workload
