// Access to workload clusters for reconcilers: an observed snapshot that is kept fresh in the background, and changes
// as named jobs. Nothing here suspends; fibers do the work behind it and report through on_change. Reached over the
// given Net (and so through the site's proxy) with the credentials of the Secret `<cluster>-kubeconfig`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "sys/sys.h"

namespace workload {

using base::Json;

// namespace and name of a Cluster object.
struct ClusterKey {
  std::string ns, name;
  auto operator<=>(const ClusterKey&) const = default;
};

struct Node {
  std::string name, uid, provider_id, kubelet_version;
  std::map<std::string, std::string> labels, annotations;
  bool unschedulable = false;
  Json doc;  // the whole Node
  // status.conditions[type] as (status, since); nullopt when the node does not report it.
  struct Health {
    std::string status, reason, message;
    base::Time since{};
  };
  std::optional<Health> condition(std::string_view type) const;
};

// One etcd member as the members themselves see it.
struct EtcdMember {
  std::string id, name;  // hexadecimal id; name is empty while unstarted
  std::vector<std::string> peer_urls, client_urls;
  bool learner = false;
  bool leader = false;
  bool healthy = false;  // answered its own status request
  std::string problem;   // why not
};

// A control-plane component pod of kube-system, by `component-node` name.
struct ComponentPod {
  std::string component;  // kube-apiserver, kube-controller-manager, kube-scheduler, etcd
  std::string node;
  bool ready = false;
  std::string problem;
};

struct Snapshot {
  base::Time taken{};      // of the last complete observation
  bool reachable = false;  // whether that was the most recent attempt
  base::Time last_attempt{};
  base::Time unreachable_since{};  // of the first failure in a row; zero while reachable
  std::string problem;             // why the last attempt failed
  std::vector<Node> nodes;         // sorted by name
  std::vector<ComponentPod> components;
  std::vector<EtcdMember> etcd;  // empty when etcd could not be asked
  std::string etcd_problem;
  Json kubeadm_config;  // ConfigMap kube-system/kubeadm-config, null when absent
  const Node* node(std::string_view name) const;
  const Node* node_by_provider_id(std::string_view provider_id) const;
};

enum class JobState : unsigned char { working, done, failed };
struct Job {
  JobState state = JobState::working;
  std::string step;                  // what it waits for, for a condition message
  std::optional<base::Error> error;  // of failed; while working: why the attempt before failed
  Json result;
};

struct DrainOptions {
  base::Duration retry = base::seconds(20);
  bool unreachable_node = false;  // pods that are already terminating do not block
};

class Clusters {
 public:
  // `kubeconfig` gives the current kubeconfig text of a cluster, or nullopt while there is none.
  using KubeconfigSource = std::function<std::optional<std::string>(const ClusterKey&)>;
  // etcd client identity (certificate PEM, key PEM, etcd CA PEM) of a cluster; nullopt while there is none.
  struct EtcdIdentity {
    std::string certificate_pem, key_pem, ca_pem;
  };
  using EtcdSource = std::function<std::optional<EtcdIdentity>(const ClusterKey&)>;

  Clusters(sys::Sys& sys, sys::Net& net, KubeconfigSource kubeconfig, EtcdSource etcd);
  ~Clusters();

  // Called on the loop when a snapshot changed in a way a reconciler may care about, or a job ended.
  void on_change(std::function<void(const ClusterKey&)> fn);

  // The newest snapshot; null before the first attempt. The first call starts observing (nodes and kube-system pods
  // by watch with a re-list fallback, etcd by polling).
  std::shared_ptr<const Snapshot> observe(const ClusterKey& cluster);
  void refresh(const ClusterKey& cluster);  // look again soon
  void forget(const ClusterKey& cluster);   // stops observing and drops jobs

  // Jobs: the first call starts one, later calls with the same arguments report on it; after a report of done the next
  // call starts anew. So it does after one of failed, but not at once: for some seconds it tells that failure again.
  Job drain_node(const ClusterKey& cluster, const std::string& node, const DrainOptions& options);  // cordon, evict
  Job uncordon_node(const ClusterKey& cluster, const std::string& node);
  Job delete_node(const ClusterKey& cluster, const std::string& node);  // absent is done
  Job patch_node(const ClusterKey& cluster, const std::string& node, const Json& merge_patch);
  // Creates or merge-patches objects in order (each a whole document with apiVersion, kind and metadata).
  Job apply(const ClusterKey& cluster, const std::string& id, const std::vector<Json>& objects);
  // Reads an object and merge-patches what `edit` makes of it; null from `edit`, or no such object: nothing to do. The
  // job's result is true when something was changed.
  using Edit = std::function<base::Result<Json>(const Json& object)>;
  Job change_object(const ClusterKey& cluster, const std::string& api_version, const std::string& plural,
                    const std::string& ns, const std::string& name, Edit edit);
  Job remove_object(const ClusterKey& cluster, const std::string& api_version, const std::string& plural,
                    const std::string& ns, const std::string& name);
  // When the serving certificate of the API server on a node expires; the result is RFC 3339 text.
  Job certificate_expiry(const ClusterKey& cluster, const std::string& node, uint16_t port);
  Job remove_etcd_member(const ClusterKey& cluster, const std::string& member_name);  // absent is done
  Job move_etcd_leader(const ClusterKey& cluster, const std::string& to_member_name);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace workload
