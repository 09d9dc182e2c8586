#include "workload/observer.h"

#include <algorithm>

#include "base/log.h"

namespace workload {

namespace {

constexpr base::Duration look_interval = base::seconds(60);      // when the watches say nothing
constexpr base::Duration unsettled_interval = base::seconds(5);  // while etcd is not as the nodes suggest
constexpr base::Duration retry_first = base::seconds(2), retry_most = base::seconds(15);
constexpr base::Duration settle = base::milliseconds(100);  // changes come in bursts

const char* nodes_path = "/api/v1/nodes";
const char* pods_path = "/api/v1/namespaces/kube-system/pods";

std::map<std::string, std::string> string_map(const Json& object) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : object.members()) out[key] = value.string();
  return out;
}

Node node_of(const Json& doc) {
  Node out{.name = doc.path("metadata.name").string(),
           .uid = doc.path("metadata.uid").string(),
           .provider_id = doc.path("spec.providerID").string(),
           .kubelet_version = doc.path("status.nodeInfo.kubeletVersion").string(),
           .labels = string_map(doc.path("metadata.labels")),
           .annotations = string_map(doc.path("metadata.annotations")),
           .unschedulable = doc.path("spec.unschedulable").boolean(),
           .doc = doc};
  return out;
}

// Static pods of the control plane carry component and tier labels; their mirror objects are named component-node.
std::optional<ComponentPod> component_of(const Json& doc) {
  if (doc.path("metadata.labels")["tier"].string() != "control-plane") return std::nullopt;
  ComponentPod out{.component = doc.path("metadata.labels")["component"].string(),
                   .node = doc.path("spec.nodeName").string()};
  if (out.node.empty()) return std::nullopt;
  for (const auto& one : doc.path("status.conditions").items()) {
    if (one["type"].string() != "Ready") continue;
    out.ready = one["status"].string() == "True";
    out.problem = one["message"].string();
  }
  if (!out.ready && out.problem.empty()) out.problem = "phase " + doc.path("status.phase").string_or("unknown");
  return out;
}

// Heartbeats move all the time and mean nothing to a reconciler.
Json without_heartbeats(Json node) {
  node.child("metadata").erase("resourceVersion");
  node.child("metadata").erase("managedFields");
  if (node.path("status.conditions").is_array()) {
    Json& conditions = node.child("status").child("conditions");
    for (size_t i = 0; i < conditions.size(); ++i) conditions.item(i).erase("lastHeartbeatTime");
  }
  return node;
}

std::string digest(const Snapshot& snapshot) {
  std::string out = snapshot.reachable ? "up\n" : "down\n";
  for (const auto& node : snapshot.nodes) without_heartbeats(node.doc).dump_to(out);
  for (const auto& pod : snapshot.components)
    out += pod.component + "/" + pod.node + (pod.ready ? "+" : "-") + pod.problem;
  for (const auto& member : snapshot.etcd)
    out += member.id + member.name + (member.healthy ? "+" : "-") + (member.leader ? "L" : "") +
           (member.learner ? "l" : "");
  out += snapshot.etcd_problem;
  snapshot.kubeadm_config["data"].dump_to(out);
  return out;
}

}  // namespace

Observer::Observer(sys::Loop& loop, sys::Net& net, Sources sources)
    : loop_(loop), net_(net), sources_(std::move(sources)), wake_(loop) {}

void Observer::start() {
  fibers_.push_back(sys::spawn(loop_, "workload observer", [self = shared_from_this()] { self->run(); }));
}

void Observer::stop() {
  stopped_ = true;
  for (auto& fiber : fibers_) fiber.cancel();
  for (auto& fiber : watches_) fiber.cancel();
}

void Observer::refresh() { wake_.set(); }

std::shared_ptr<KubeClient> Observer::client() {
  const auto text = sources_.kubeconfig();
  if (!text) return nullptr;
  if (client_ && *text == kubeconfig_) return client_;
  auto made = KubeClient::from_kubeconfig(loop_, net_, *text);
  if (!made) {
    base::log::warn("kubeconfig of a workload cluster is unusable", {{"error", made.error().text()}});
    return nullptr;
  }
  kubeconfig_ = *text;
  client_ = std::move(*made);
  return client_;
}

void Observer::run() {
  base::Duration retry = retry_first;
  while (!stopped_) {
    wake_.clear();
    const auto looked = look();
    if (stopped_) return;
    if (!looked) publish(false, looked.error().message);
    const base::Duration pause = !looked ? retry : settled() ? look_interval : unsettled_interval;
    // A cluster that was never reached is about to come up, and people wait for it.
    const bool known = snapshot_ && snapshot_->taken != base::Time();
    retry = looked || !known ? retry_first : std::min(retry * 2, retry_most);
    auto waited = wake_.wait_for(pause);
    if (!waited && waited.error().code == base::Code::cancelled) return;
    if (waited && !sys::sleep(loop_, settle)) return;
  }
}

base::Result<std::string> Observer::list(const std::string& path, Objects& into) {
  const auto client = this->client();
  if (!client) return base::unavailable("there is no kubeconfig yet");
  const Json answer = TRY(client->get(path + "?limit=5000"));
  into.clear();
  for (const auto& item : answer["items"].items()) into[item.path("metadata.name").string()] = item;
  return answer.path("metadata.resourceVersion").string();
}

base::Result<void> Observer::look() {
  std::erase_if(watches_, [](const sys::Fiber& fiber) { return fiber.done(); });
  const bool watching = watches_.size() == 2;
  if (!watching) {
    for (auto& fiber : watches_) fiber.cancel();
    watches_.clear();
    const std::string node_revision = TRY(list(nodes_path, nodes_));
    const std::string pod_revision = TRY(list(pods_path, pods_));
    for (const auto& [path, revision, objects] :
         {std::tuple(nodes_path, node_revision, &nodes_), std::tuple(pods_path, pod_revision, &pods_)}) {
      watches_.push_back(sys::spawn(loop_, "workload watch",
                                    [self = shared_from_this(), path = std::string(path), revision = revision,
                                     objects = objects] { self->follow(path, revision, *objects); }));
    }
  }
  auto config = client()->get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config");
  if (config)
    kubeadm_config_ = std::move(*config);
  else if (config.error().code == base::Code::not_found)
    kubeadm_config_ = Json();
  else
    return std::move(config).error();
  Snapshot next;
  read_etcd(next);
  etcd_ = std::move(next.etcd);
  etcd_problem_ = std::move(next.etcd_problem);
  publish(true, "");
  return {};
}

void Observer::follow(const std::string& path, const std::string& revision, Objects& objects) {
  const auto client = this->client();
  if (!client) return;
  (void)client->watch(path + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + revision,
                      [&](const std::string& type, const Json& object) {
                        if (stopped_) return false;
                        const std::string& name = object.path("metadata.name").string();
                        if (type == "BOOKMARK") return true;
                        if (type == "DELETED")
                          objects.erase(name);
                        else
                          objects[name] = object;
                        publish(true, "");
                        // A member of the control plane may have come or gone: etcd tells no changes by itself.
                        if (type != "MODIFIED") wake_.set();
                        return true;
                      });
  // However it ended, the list is read anew (the main fiber also learns in this way that the server is gone).
  if (!stopped_) wake_.set();
}

std::vector<std::string> Observer::control_plane_addresses() const {
  std::vector<std::string> out;
  for (const auto& [name, doc] : nodes_) {
    if (!doc.path("metadata.labels").has("node-role.kubernetes.io/control-plane")) continue;
    for (const auto& address : doc.path("status.addresses").items()) {
      if (address["type"].string() != "InternalIP") continue;
      out.push_back(address["address"].string());
      break;
    }
  }
  return out;
}

bool Observer::settled() const {
  if (!etcd_problem_.empty() || etcd_.size() != control_plane_addresses().size()) return false;
  return std::all_of(etcd_.begin(), etcd_.end(), [](const EtcdMember& member) { return member.healthy; });
}

void Observer::read_etcd(Snapshot& next) {
  const auto identity = sources_.etcd();
  if (!identity) {
    next.etcd_problem = "there is no etcd client certificate yet";
    return;
  }
  EtcdClient etcd(loop_, net_, *identity);
  auto members = etcd.members(control_plane_addresses());
  if (members)
    next.etcd = std::move(*members);
  else
    next.etcd_problem = members.error().message;
}

void Observer::publish(bool reachable, const std::string& problem) {
  auto next = std::make_shared<Snapshot>();
  const base::Time now = loop_.now();
  next->reachable = reachable;
  next->last_attempt = now;
  next->problem = problem;
  if (!reachable)
    next->unreachable_since =
        snapshot_ && snapshot_->unreachable_since != base::Time() ? snapshot_->unreachable_since : now;
  next->taken = reachable ? now : snapshot_ ? snapshot_->taken : base::Time();
  for (const auto& [name, doc] : nodes_) next->nodes.push_back(node_of(doc));
  for (const auto& [name, doc] : pods_) {
    if (auto component = component_of(doc)) next->components.push_back(std::move(*component));
  }
  next->etcd = etcd_;
  next->etcd_problem = etcd_problem_;
  next->kubeadm_config = kubeadm_config_;
  const std::string now_digest = digest(*next);
  const bool moved = now_digest != published_;
  snapshot_ = std::move(next);
  published_ = now_digest;
  if (moved) sources_.changed();
}

}  // namespace workload
