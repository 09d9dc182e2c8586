// A workload cluster that simulated nodes form: its API state (which belongs to the cluster and lives as long as etcd
// has a quorum), its etcd membership, and what kube-controller-manager does for nodes and bootstrap tokens. The API is
// answered by every control-plane node that is up, and at the control plane endpoint by one of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "registry/housekeeping.h"
#include "registry/registry.h"
#include "server/server.h"
#include "sim/node/bootstrap_token.h"
#include "sim/node/cloud_init.h"
#include "sim/node/etcd_gateway.h"
#include "sim/node/etcd_members.h"
#include "sim/node/kube_objects.h"
#include "sim/site.h"

namespace sim {

// What cloud-init put under /etc/kubernetes/pki of a control-plane node.
struct ClusterPki {
  std::string ca_certificate, ca_key, etcd_certificate, etcd_key;
  std::string front_proxy_certificate, front_proxy_key, sa_public, sa_key;
  std::string fingerprint() const;  // of the CA: what names a cluster in the rack
};
// Checks that all are there and that each key belongs to its certificate. Errors: invalid, naming the file.
base::Result<ClusterPki> read_pki(const FileTree& files);

class WorkloadCluster : public std::enable_shared_from_this<WorkloadCluster> {
 public:
  static base::Result<std::shared_ptr<WorkloadCluster>> create(Site& site, const InitOrder& order, ClusterPki pki);
  ~WorkloadCluster();

  const std::string& name() const { return name_; }
  const ClusterPki& pki() const { return pki_; }
  const sys::Address& endpoint() const { return endpoint_; }
  registry::Registry& registry() { return *registry_; }
  EtcdMembers& etcd() { return etcd_; }
  bool available() const;  // etcd has a quorum and an API server is up

  // A node's part in the cluster while its server runs. Control-plane nodes bring up an API server and an etcd member
  // on `node_sys`, which must outlive the part (leave() when the server goes down).
  base::Result<void> enter(const NodeFacts& facts, sys::Sys& node_sys);
  void leave(const std::string& node);
  bool in(const std::string& node) const { return nodes_.count(node) != 0; }
  // An etcd member for a new control-plane node. Errors as EtcdMembers::add.
  base::Result<void> add_etcd_member(const NodeFacts& facts);

  // As kubelet: registers the Node and its static pods; posts its status. Errors: unavailable without an API.
  base::Result<void> register_node(const NodeFacts& facts, const NodeRegistration& registration);
  base::Result<void> beat(const NodeFacts& facts, bool with_status);
  base::Json node(const std::string& name) const;  // null when absent
  std::string version_for_join() const;            // of the kubeadm-config ConfigMap

 private:
  // A server process on a node, with a loop of its own: ending it ends its fibers at once.
  struct Process {
    explicit Process(sys::Sys& node)
        : loop(node.loop), sys{loop, node.random, node.keys, node.net, node.disk, node.offload} {}
    ~Process() { loop.shut(); }
    sys::Loop loop;
    sys::Sys sys;
    std::unique_ptr<server::ApiServer> api;
    std::unique_ptr<EtcdGateway> etcd;
  };
  struct Part {  // of one node, while it is up
    NodeFacts facts;
    sys::Sys* sys = nullptr;
    std::unique_ptr<Process> api, etcd;
    base::Time last_beat{};
  };

  WorkloadCluster(Site& site, const InitOrder& order, ClusterPki pki);
  base::Result<void> create_objects(const InitOrder& order);
  base::Result<void> put(const base::Json& object);  // create, or nothing when it exists
  // Changes an object through the API; an absent one is not_found.
  base::Result<void> change(std::string_view resource, std::string_view ns, std::string_view object, bool status,
                            const std::function<base::Json(base::Json)>& edit);
  base::Result<sys::TlsServer> serving_identity(const NodeFacts& facts, bool etcd);
  std::unique_ptr<Process> start_api(const Part& part,
                                     const sys::Address& at);  // null after a failure, which is logged
  std::unique_ptr<Process> start_etcd(const Part& part);
  void changed(const std::string& what);  // membership or who is up: endpoints are looked at soon
  void refresh();
  void place_endpoint();
  std::optional<server::User> user_of(std::string_view token) const;
  void watch_nodes();  // the node lifecycle controller's round
  void mark_silent(const std::string& node);
  void collect_pods();
  void watch_tokens();
  void sign_cluster_info();
  void remove_expired_tokens();

  Site& site_;
  std::string name_;
  sys::Address endpoint_;
  ClusterPki pki_;
  sys::Loop loop_;  // of the cluster's controllers
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<registry::Housekeeping> housekeeping_;
  sys::Sys sys_;
  EtcdMembers etcd_;
  std::map<std::string, Part> nodes_;
  std::map<std::string, base::Time> silent_since_;  // nodes that were up once and are not now
  std::string endpoint_owner_;
  std::unique_ptr<Process> endpoint_api_;
  store::Subscription subscription_ = 0;
  bool was_available_ = false;
  bool refresh_posted_ = false, signing_posted_ = false;
};

// The access rules of a cluster that kubeadm set up, as far as nodes and administrators need them.
bool workload_access_allowed(const server::User& user, const server::Attributes& attributes);

// All clusters of a rack, by the fingerprint of their CA.
class WorkloadClusters {
 public:
  std::shared_ptr<WorkloadCluster> find(const std::string& fingerprint) const;
  void add(std::shared_ptr<WorkloadCluster> cluster);
  std::vector<std::shared_ptr<WorkloadCluster>> all() const;  // by name
  void clear() { clusters_.clear(); }

 private:
  std::map<std::string, std::shared_ptr<WorkloadCluster>> clusters_;
};

}  // namespace sim
