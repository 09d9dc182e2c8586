#include "sim/node/workload_cluster.h"

#include <algorithm>

#include "api/kinds.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "wire/yaml.h"

namespace sim {

using base::Code;
using base::Json;
using base::Result;

std::string ClusterPki::fingerprint() const { return base::hex(crypto::sha256(base::trim(ca_certificate))); }

Result<ClusterPki> read_pki(const FileTree& files) {
  const std::string dir = "/etc/kubernetes/pki/";
  ClusterPki pki;
  const auto take = [&](const char* name, std::string& into) -> Result<void> {
    const auto found = files.find(dir + name);
    if (found == files.end() || found->second.empty()) return base::invalid("file " + dir + name + " is missing");
    into = found->second;
    return {};
  };
  TRY(take("ca.crt", pki.ca_certificate));
  TRY(take("ca.key", pki.ca_key));
  TRY(take("etcd/ca.crt", pki.etcd_certificate));
  TRY(take("etcd/ca.key", pki.etcd_key));
  TRY(take("front-proxy-ca.crt", pki.front_proxy_certificate));
  TRY(take("front-proxy-ca.key", pki.front_proxy_key));
  TRY(take("sa.pub", pki.sa_public));
  TRY(take("sa.key", pki.sa_key));
  const auto check = [&](const char* name, const std::string& certificate, const std::string& key) -> Result<void> {
    const auto info = crypto::inspect_certificate(certificate);
    if (!info) return base::invalid(dir + name + ".crt is not a certificate");
    if (!info->is_ca) return base::invalid(dir + name + ".crt is not a certificate authority");
    if (!crypto::key_matches(certificate, key))
      return base::invalid(dir + name + ".key does not belong to its certificate");
    return {};
  };
  TRY(check("ca", pki.ca_certificate, pki.ca_key));
  TRY(check("etcd/ca", pki.etcd_certificate, pki.etcd_key));
  TRY(check("front-proxy-ca", pki.front_proxy_certificate, pki.front_proxy_key));
  const auto sa_public = crypto::public_key_pem(pki.sa_key);
  if (!sa_public || base::trim(*sa_public) != base::trim(pki.sa_public)) {
    return base::invalid(dir + "sa.pub does not belong to sa.key");
  }
  return pki;
}

std::shared_ptr<WorkloadCluster> WorkloadClusters::find(const std::string& fingerprint) const {
  const auto found = clusters_.find(fingerprint);
  return found == clusters_.end() ? nullptr : found->second;
}

void WorkloadClusters::add(std::shared_ptr<WorkloadCluster> cluster) {
  clusters_[cluster->pki().fingerprint()] = std::move(cluster);
}

std::vector<std::shared_ptr<WorkloadCluster>> WorkloadClusters::all() const {
  std::vector<std::shared_ptr<WorkloadCluster>> out;
  for (const auto& [fingerprint, cluster] : clusters_) out.push_back(cluster);
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return out;
}

WorkloadCluster::WorkloadCluster(Site& site, const InitOrder& order, ClusterPki pki)
    : site_(site),
      name_(order.cluster_name),
      endpoint_(order.endpoint),
      pki_(std::move(pki)),
      loop_(site.sys.loop),
      sys_{loop_, site.sys.random, site.sys.keys, site.sys.net, site.sys.disk, site.sys.offload},
      etcd_(name_ + "/" + pki_.fingerprint()) {}

WorkloadCluster::~WorkloadCluster() {
  loop_.shut();
  endpoint_api_.reset();
  nodes_.clear();
  housekeeping_.reset();
  if (subscription_ != 0) store_->unsubscribe(subscription_);
}

Result<std::shared_ptr<WorkloadCluster>> WorkloadCluster::create(Site& site, const InitOrder& order, ClusterPki pki) {
  std::shared_ptr<WorkloadCluster> cluster(new WorkloadCluster(site, order, std::move(pki)));
  cluster->store_ = TRY(store::Store::open(cluster->loop_, store::make_memory_engine(cluster->loop_)));
  cluster->registry_ = std::make_unique<registry::Registry>(cluster->sys_, *cluster->store_, api::workload_scheme());
  cluster->housekeeping_ = std::make_unique<registry::Housekeeping>(cluster->sys_, *cluster->registry_);
  TRY(cluster->create_objects(order));
  cluster->watch_tokens();
  cluster->watch_nodes();
  site.log.add(cluster->name_, "cluster created", order.version);
  return cluster;
}

Result<void> WorkloadCluster::create_objects(const InitOrder& order) {
  for (const char* ns : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    TRY(put(Json::object({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", Json::object({{"name", ns}})}})));
  }
  TRY(put(kubeadm_config_map(order)));
  Json cluster = Json::object({{"certificate-authority-data", base::base64(pki_.ca_certificate)}});
  cluster.set("server", "https://" + endpoint_.text());
  Json config = Json::object({{"apiVersion", "v1"}, {"kind", "Config"}});
  config.set("clusters", Json::array({Json::object({{"name", ""}, {"cluster", std::move(cluster)}})}));
  config.set("contexts", Json()).set("current-context", "").set("preferences", Json::object()).set("users", Json());
  TRY(put(cluster_info_map(wire::to_yaml(config))));
  TRY(put(kube_proxy_daemon_set(order)));
  TRY(put(coredns_config_map()));
  TRY(put(coredns_deployment(order)));
  return {};
}

Result<void> WorkloadCluster::put(const Json& object) {
  const auto [group, version] = meta::split_api_version(object["apiVersion"].string());
  const meta::Kind* kind = registry_->scheme().by_kind(group, object["kind"].string());
  if (kind == nullptr) return base::internal("the workload API does not serve " + object["kind"].string());
  auto made = registry_->create(*kind, object);
  if (!made && made.error().code != Code::already_exists) return std::move(made).error();
  return {};
}

Result<void> WorkloadCluster::change(std::string_view resource, std::string_view ns, std::string_view object,
                                     bool status, const std::function<Json(Json)>& edit) {
  const meta::Kind* kind = registry_->scheme().by_resource(resource);
  if (kind == nullptr) return base::internal("the workload API does not serve " + std::string(resource));
  registry::UpdateOptions options;
  options.internal = true;
  if (status) options.subresource = registry::Subresource::status;
  auto changed =
      registry_->modify(*kind, ns, object, options, [&](const Json& current) -> Result<Json> { return edit(current); });
  if (!changed) return std::move(changed).error();
  return {};
}

bool WorkloadCluster::available() const {
  return etcd_.has_quorum() &&
         std::any_of(nodes_.begin(), nodes_.end(), [](const auto& part) { return part.second.facts.control_plane; });
}

Result<sys::TlsServer> WorkloadCluster::serving_identity(const NodeFacts& facts, bool etcd) {
  crypto::CertificateRequest wanted;
  wanted.common_name = etcd ? facts.name : "kube-apiserver";
  wanted.dns_names = {facts.name, "localhost"};
  wanted.ip_addresses = {facts.address, "127.0.0.1"};
  if (!etcd) {
    for (const char* name :
         {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}) {
      wanted.dns_names.push_back(name);
    }
    crypto::add_subject_name(wanted, endpoint_.host);
  }
  wanted.server_auth = true;
  wanted.client_auth = etcd;
  wanted.not_before = loop_.now() - base::hours(1);
  wanted.not_after = loop_.now() + base::hours(24 * 365);
  wanted.serial_hex = base::hex(sys_.random.bytes(16));
  sys::TlsServer tls;
  tls.key_pem = sys_.keys.ec_p256_pem();
  tls.certificate_pem = TRY(crypto::issue_certificate(
      wanted, tls.key_pem, etcd ? pki_.etcd_certificate : pki_.ca_certificate, etcd ? pki_.etcd_key : pki_.ca_key));
  tls.client_ca_pem = etcd ? pki_.etcd_certificate : pki_.ca_certificate;
  tls.client_certificate_required = etcd;
  return tls;
}

std::unique_ptr<WorkloadCluster::Process> WorkloadCluster::start_api(const Part& part, const sys::Address& at) {
  auto process = std::make_unique<Process>(*part.sys);
  const auto started = [&]() -> Result<void> {
    server::Options options;
    options.listen = {at};
    options.tls = TRY(serving_identity(part.facts, false));
    options.tokens = [this](std::string_view token) { return user_of(token); };
    options.authorizer = [](const server::User& user, const server::Attributes& attributes) {
      return workload_access_allowed(user, attributes);
    };
    options.git_version = part.facts.version;
    process->api = std::make_unique<server::ApiServer>(process->sys, *registry_, std::move(options));
    return process->api->start();
  }();
  if (started) return process;
  site_.log.add(name_, "API server does not start on " + part.facts.name, started.error().text());
  return nullptr;
}

std::unique_ptr<WorkloadCluster::Process> WorkloadCluster::start_etcd(const Part& part) {
  auto process = std::make_unique<Process>(*part.sys);
  const auto started = [&]() -> Result<void> {
    process->etcd = std::make_unique<EtcdGateway>(process->sys, etcd_, part.facts.name,
                                                  [this](std::string what) { changed(what); });
    return process->etcd->start({part.facts.address, 2379}, TRY(serving_identity(part.facts, true)));
  }();
  if (started) return process;
  site_.log.add(name_, "etcd does not start on " + part.facts.name, started.error().text());
  return nullptr;
}

Result<void> WorkloadCluster::add_etcd_member(const NodeFacts& facts) {
  TRY(etcd_.add(facts.name, facts.address));
  changed("etcd member " + facts.name + " added");
  return {};
}

Result<void> WorkloadCluster::enter(const NodeFacts& facts, sys::Sys& node_sys) {
  Part& part = nodes_[facts.name];
  part.facts = facts;
  part.sys = &node_sys;
  part.last_beat = loop_.now();
  silent_since_.erase(facts.name);
  if (facts.control_plane) {
    etcd_.set_up(facts.name, true);
    part.etcd = start_etcd(part);
    changed(facts.name + " is up");
  }
  return {};
}

void WorkloadCluster::leave(const std::string& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  silent_since_[node] = found->second.last_beat;
  const bool control_plane = found->second.facts.control_plane;
  if (endpoint_owner_ == node) {
    endpoint_api_.reset();
    endpoint_owner_.clear();
  }
  nodes_.erase(found);
  if (!control_plane) return;
  etcd_.set_up(node, false);
  changed(node + " is down");
}

void WorkloadCluster::changed(const std::string& what) {
  site_.log.add(name_, what);
  if (refresh_posted_) return;
  refresh_posted_ = true;
  loop_.post([this] {
    refresh_posted_ = false;
    refresh();
  });
}

// Brings the API servers in line with who is up and whether etcd has a quorum.
void WorkloadCluster::refresh() {
  const bool good = etcd_.has_quorum();
  if (good != was_available_) {
    was_available_ = good;
    std::string detail;
    for (const auto& peer : etcd_.all())
      detail += (detail.empty() ? "" : ", ") + peer.name + (peer.up ? " up" : " down");
    site_.log.add(name_, good ? "etcd has a quorum" : "etcd lost its quorum", detail);
    for (auto& [name, part] : nodes_) part.last_beat = loop_.now();  // nobody could beat meanwhile
  }
  for (auto& [name, part] : nodes_) {
    const bool serves = good && part.facts.control_plane && etcd_.find(name) != nullptr;
    if (!serves) {
      part.api.reset();
    } else if (!part.api) {
      part.api = start_api(part, {part.facts.address, 6443});
    }
    if (part.etcd && etcd_.find(name) == nullptr) part.etcd.reset();
  }
  place_endpoint();
}

// The control plane endpoint's address is held by one control-plane node, and moves when that one is gone.
void WorkloadCluster::place_endpoint() {
  const auto owner = nodes_.find(endpoint_owner_);
  if (owner != nodes_.end() && owner->second.api && endpoint_api_) return;
  endpoint_api_.reset();
  endpoint_owner_.clear();
  for (auto& [name, part] : nodes_) {
    if (!part.api) continue;
    if (part.facts.address != endpoint_.host) {
      endpoint_api_ = start_api(part, endpoint_);
      if (!endpoint_api_) continue;
    }
    endpoint_owner_ = name;
    site_.log.add(name_, "control plane endpoint is on " + name);
    return;
  }
}

}  // namespace sim
