#include "workload/clusters.h"

#include <algorithm>

#include "crypto/x509.h"
#include "workload/drain.h"
#include "workload/etcd.h"
#include "workload/observer.h"

namespace workload {

std::optional<Node::Health> Node::condition(std::string_view type) const {
  for (const auto& one : doc.path("status.conditions").items()) {
    if (one["type"].string() != type) continue;
    return Health{one["status"].string(), one["reason"].string(), one["message"].string(),
                  base::parse_rfc3339(one["lastTransitionTime"].string()).value_or(base::Time())};
  }
  return std::nullopt;
}

const Node* Snapshot::node(std::string_view name) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& one) { return one.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

const Node* Snapshot::node_by_provider_id(std::string_view provider_id) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const Node& one) { return one.provider_id == provider_id; });
  return found == nodes.end() ? nullptr : &*found;
}

namespace {
constexpr base::Duration failed_job_rest = base::seconds(10);
}

struct Clusters::State : std::enable_shared_from_this<Clusters::State> {
  State(sys::Sys& s, sys::Net& n, KubeconfigSource k, EtcdSource e)
      : sys(s), net(n), kubeconfig(std::move(k)), etcd(std::move(e)) {}

  struct Running {
    Job job;
    sys::Fiber fiber;
    bool reported = false;    // a failure that somebody was told
    base::Time rest_until{};  // before that a failed job is not started again
  };
  struct Cluster {
    std::shared_ptr<Observer> observer;
    std::map<std::string, std::shared_ptr<Running>> jobs;
  };
  using Work = std::function<base::Result<Json>(KubeClient& client, Cluster& cluster,
                                                const std::function<void(std::string)>& step)>;

  sys::Sys& sys;
  sys::Net& net;
  KubeconfigSource kubeconfig;
  EtcdSource etcd;
  std::function<void(const ClusterKey&)> changed = [](const ClusterKey&) {};
  std::map<ClusterKey, Cluster> clusters;

  Cluster& open(const ClusterKey& key) {
    auto& cluster = clusters[key];
    if (!cluster.observer) {
      const std::weak_ptr<State> weak = weak_from_this();
      cluster.observer =
          std::make_shared<Observer>(sys.loop, net,
                                     Observer::Sources{.kubeconfig =
                                                           [weak, key] {
                                                             const auto self = weak.lock();
                                                             return self ? self->kubeconfig(key) : std::nullopt;
                                                           },
                                                       .etcd =
                                                           [weak, key] {
                                                             const auto self = weak.lock();
                                                             return self ? self->etcd(key) : std::nullopt;
                                                           },
                                                       .changed =
                                                           [weak, key] {
                                                             if (const auto self = weak.lock()) self->changed(key);
                                                           }});
      cluster.observer->start();
    }
    return cluster;
  }

  Job run(const ClusterKey& key, const std::string& id, Work work) {
    auto& cluster = open(key);
    std::optional<base::Error> before;
    if (const auto known = cluster.jobs.find(id); known != cluster.jobs.end()) {
      Running& last = *known->second;
      const Job job = last.job;
      const bool over = job.state == JobState::failed && last.reported && sys.loop.now() >= last.rest_until;
      last.reported = true;
      if (job.state == JobState::done) cluster.jobs.erase(known);  // reported: the next call starts anew
      if (!over) return job;
      before = job.error;
    }
    auto running = std::make_shared<Running>();
    running->job.error = std::move(before);
    cluster.jobs[id] = running;
    running->fiber =
        sys::spawn(sys.loop, "workload job", [weak = weak_from_this(), running, key, work = std::move(work)] {
          const auto self = weak.lock();
          if (!self || !self->clusters.count(key)) return;
          const auto observer = self->clusters[key].observer;
          const auto client = observer->client();
          auto result = client ? work(*client, self->clusters[key],
                                      [running](std::string step) { running->job.step = std::move(step); })
                               : base::Result<Json>(base::unavailable("the cluster has no kubeconfig yet"));
          if (result) {
            running->job.state = JobState::done;
            running->job.error.reset();
            running->job.result = std::move(*result);
          } else {
            if (result.error().code == base::Code::cancelled) return;
            // A cluster that refuses at once would otherwise be asked as fast as its failures can be told.
            if (result.error().code != base::Code::conflict)
              running->rest_until = self->sys.loop.now() + failed_job_rest;
            running->job.state = JobState::failed;
            running->job.error = std::move(result).error();
          }
          self->changed(key);
        });
    return running->job;
  }

  void forget(const ClusterKey& key) {
    const auto found = clusters.find(key);
    if (found == clusters.end()) return;
    found->second.observer->stop();
    for (auto& [id, running] : found->second.jobs) running->fiber.cancel();
    clusters.erase(found);
  }
};

Clusters::Clusters(sys::Sys& sys, sys::Net& net, KubeconfigSource kubeconfig, EtcdSource etcd)
    : state_(std::make_shared<State>(sys, net, std::move(kubeconfig), std::move(etcd))) {}

Clusters::~Clusters() {
  while (!state_->clusters.empty()) state_->forget(state_->clusters.begin()->first);
}

void Clusters::on_change(std::function<void(const ClusterKey&)> fn) { state_->changed = std::move(fn); }
std::shared_ptr<const Snapshot> Clusters::observe(const ClusterKey& cluster) {
  return state_->open(cluster).observer->snapshot();
}
void Clusters::refresh(const ClusterKey& cluster) { state_->open(cluster).observer->refresh(); }
void Clusters::forget(const ClusterKey& cluster) { state_->forget(cluster); }

namespace {

std::string node_path(const std::string& node) { return "/api/v1/nodes/" + node; }

// /api/v1/... or /apis/G/V/... of a whole document; the plural is the lower-case kind with an s, as for every kind that
// is applied here.
std::string collection_path(const std::string& api_version, const std::string& plural, const std::string& ns) {
  std::string path = (api_version.find('/') == std::string::npos ? "/api/" : "/apis/") + api_version;
  if (!ns.empty()) path += "/namespaces/" + ns;
  return path + "/" + plural;
}

std::string plural_of(const std::string& kind) {
  std::string out;
  for (const char c : kind) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out + "s";
}

base::Result<void> apply_one(KubeClient& client, const Json& doc) {
  const std::string path = collection_path(doc["apiVersion"].string(), plural_of(doc["kind"].string()),
                                           doc.path("metadata.namespace").string());
  auto patched = client.merge_patch(path + "/" + doc.path("metadata.name").string(), doc);
  if (patched) return {};
  if (patched.error().code != base::Code::not_found) return std::move(patched).error();
  auto created = client.create(path, doc);
  if (!created) return std::move(created).error();
  return {};
}

}  // namespace

Job Clusters::drain_node(const ClusterKey& cluster, const std::string& node, const DrainOptions& options) {
  auto& loop = state_->sys.loop;
  return state_->run(cluster, "drain/" + node,
                     [&loop, node, options](KubeClient& client, auto&, const auto& step) -> base::Result<Json> {
                       TRY(drain(loop, client, node, options, step));
                       return Json();
                     });
}

Job Clusters::uncordon_node(const ClusterKey& cluster, const std::string& node) {
  return state_->run(cluster, "uncordon/" + node, [node](KubeClient& client, auto&, const auto&) {
    return client.merge_patch(node_path(node), Json::object({{"spec", Json::object({{"unschedulable", nullptr}})}}));
  });
}

Job Clusters::delete_node(const ClusterKey& cluster, const std::string& node) {
  return state_->run(cluster, "delete/" + node, [node](KubeClient& client, auto&, const auto&) -> base::Result<Json> {
    auto removed = client.remove(node_path(node));
    if (!removed && removed.error().code == base::Code::not_found) return Json();
    return removed;
  });
}

Job Clusters::patch_node(const ClusterKey& cluster, const std::string& node, const Json& merge_patch) {
  return state_->run(cluster, "patch/" + node + "/" + merge_patch.dump(),
                     [node, merge_patch](KubeClient& client, auto&, const auto&) {
                       return client.merge_patch(node_path(node), merge_patch);
                     });
}

Job Clusters::apply(const ClusterKey& cluster, const std::string& id, const std::vector<Json>& objects) {
  return state_->run(cluster, "apply/" + id, [objects](KubeClient& client, auto&, const auto&) -> base::Result<Json> {
    for (const auto& doc : objects) {
      auto done = apply_one(client, doc);
      if (!done)
        return std::move(done).error().context(doc["kind"].string() + " " + doc.path("metadata.name").string());
    }
    return Json();
  });
}

Job Clusters::change_object(const ClusterKey& cluster, const std::string& api_version, const std::string& plural,
                            const std::string& ns, const std::string& name, Edit edit) {
  const std::string path = collection_path(api_version, plural, ns) + "/" + name;
  return state_->run(cluster, "change/" + path,
                     [path, edit = std::move(edit)](KubeClient& client, auto&, const auto&) -> base::Result<Json> {
                       const auto found = client.get(path);
                       if (!found && found.error().code == base::Code::not_found) return Json(false);
                       if (!found) return found.error();
                       const Json patch = TRY(edit(*found));
                       if (patch.is_null()) return Json(false);
                       TRY(client.merge_patch(path, patch));
                       return Json(true);
                     });
}

Job Clusters::remove_object(const ClusterKey& cluster, const std::string& api_version, const std::string& plural,
                            const std::string& ns, const std::string& name) {
  const std::string path = collection_path(api_version, plural, ns) + "/" + name;
  return state_->run(cluster, "remove/" + path, [path](KubeClient& client, auto&, const auto&) -> base::Result<Json> {
    auto removed = client.remove(path);
    if (!removed && removed.error().code == base::Code::not_found) return Json();
    return removed;
  });
}

Job Clusters::certificate_expiry(const ClusterKey& cluster, const std::string& node, uint16_t port) {
  return state_->run(
      cluster, "certificate/" + node,
      [node, port](KubeClient& client, State::Cluster& entry, const auto&) -> base::Result<Json> {
        const auto snapshot = entry.observer->snapshot();
        const Node* known = snapshot ? snapshot->node(node) : nullptr;
        std::string host;
        for (const auto& address : known ? known->doc.path("status.addresses").items() : Json().items()) {
          if (host.empty() && address["type"].string() == "InternalIP") host = address["address"].string();
        }
        if (host.empty()) return base::not_found("Node " + node + " has no InternalIP");
        const std::string pem = TRY(client.server_certificate({host, port}));
        const auto certificate = TRY(crypto::inspect_certificate(pem));
        return Json(base::rfc3339(certificate.not_after));
      });
}

Job Clusters::remove_etcd_member(const ClusterKey& cluster, const std::string& member_name) {
  auto& state = *state_;
  return state_->run(
      cluster, "etcd remove/" + member_name,
      [&state, cluster, member_name](KubeClient&, State::Cluster& entry, const auto&) -> base::Result<Json> {
        const auto identity = state.etcd(cluster);
        if (!identity) return base::unavailable("there is no etcd client certificate");
        TRY(EtcdClient(state.sys.loop, state.net, *identity)
                .remove(entry.observer->control_plane_addresses(), member_name));
        return Json();
      });
}

Job Clusters::move_etcd_leader(const ClusterKey& cluster, const std::string& to_member_name) {
  auto& state = *state_;
  return state_->run(
      cluster, "etcd lead/" + to_member_name,
      [&state, cluster, to_member_name](KubeClient&, State::Cluster& entry, const auto&) -> base::Result<Json> {
        const auto identity = state.etcd(cluster);
        if (!identity) return base::unavailable("there is no etcd client certificate");
        TRY(EtcdClient(state.sys.loop, state.net, *identity)
                .move_leader(entry.observer->control_plane_addresses(), to_member_name));
        return Json();
      });
}

}  // namespace workload
