#include "cli/duties.h"

#include <map>
#include <optional>

#include "api/cluster.h"
#include "api/kinds.h"
#include "base/log.h"
#include "base/text.h"
#include "control/baremetalhost/baremetalhost.h"
#include "control/bmceventsubscription/bmceventsubscription.h"
#include "control/cluster/cluster.h"
#include "control/dataimage/dataimage.h"
#include "control/hostfirmware/hostfirmware.h"
#include "control/kubeadmconfig/kubeadmconfig.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"
#include "control/machine/machine.h"
#include "control/machinedeployment/machinedeployment.h"
#include "control/machinehealthcheck/machinehealthcheck.h"
#include "control/machineset/machineset.h"
#include "control/metal3cluster/metal3cluster.h"
#include "control/metal3machine/metal3machine.h"
#include "control/preprovisioningimage/preprovisioningimage.h"
#include "crypto/x509.h"
#include "net/proxy.h"
#include "registry/housekeeping.h"
#include "remote/fence.h"
#include "runtime/runtime.h"
#include "server/server.h"
#include "server/service_tokens.h"
#include "workload/clusters.h"

namespace cli {

using base::Json;
using base::Result;
using workload::ClusterKey;

namespace {
constexpr base::Duration etcd_client_life = base::hours(24);
}

struct Duties::State {
  sys::Sys& sys;
  registry::Registry& registry;
  store::Store& store;
  const ManagerOptions& options;
  const Identity& identity;
  DutyRights rights;
  std::unique_ptr<sys::Net> unfenced, site;
  std::unique_ptr<sys::Net> fenced_local;  // for the agents' endpoint and DHCP
  std::optional<sys::Sys> fenced_sys;
  std::unique_ptr<metal::StartedEngine> engine;
  std::unique_ptr<workload::Clusters> clusters;
  std::unique_ptr<runtime::Runtime> runtime;
  std::unique_ptr<registry::Housekeeping> housekeeping;

  // Client certificates for etcd, by the CA that issued them.
  struct EtcdClient {
    workload::Clusters::EtcdIdentity identity;
    base::Time renew;
  };
  std::map<std::string, EtcdClient> etcd_clients;

  State(sys::Sys& s, registry::Registry& r, const ManagerOptions& o, const Identity& i, DutyRights given)
      : sys(s), registry(r), store(r.store()), options(o), identity(i), rights(std::move(given)) {}

  Result<void> start_housekeeping();
  Result<void> start_engine();
  void start_controllers();
  Result<void> publish_proxies();
  std::optional<std::string> secret_value(const ClusterKey& cluster, std::string_view suffix,
                                          std::string_view key) const;
  std::optional<workload::Clusters::EtcdIdentity> etcd_identity(const ClusterKey& cluster);
  void enqueue(std::string_view controller, store::Key key);
  void workload_changed(const ClusterKey& cluster);
  void host_changed(const std::string& ns, const std::string& name);
};

Result<void> Duties::State::start_housekeeping() {
  const ControllerSet& chosen = options.chosen;
  registry::HousekeepingOptions out;
  out.garbage_collector = chosen.has("garbage-collector-controller");
  out.namespaces = chosen.has("namespace-controller");
  out.event_ttl = options.event_ttl;
  auto& accounts = out.service_accounts.emplace();
  accounts.default_accounts = chosen.has("serviceaccount-controller");
  if (chosen.has("root-ca-certificate-publisher-controller")) accounts.root_ca_pem = identity.ca_certificate_pem;
  if (chosen.has("serviceaccount-token-controller")) {
    accounts.token_ca_pem = identity.ca_certificate_pem;
    const server::Options defaults;
    auto tokens = TRY(server::ServiceTokens::make(identity.service_account_key_pem, defaults.service_account_issuer));
    accounts.sign = [tokens = std::move(tokens)](const std::string& ns, const std::string& account,
                                                 const std::string& uid, const std::string& secret) {
      return tokens.issue_for_secret(ns, account, uid, secret);
    };
  }
  housekeeping = std::make_unique<registry::Housekeeping>(sys, registry, std::move(out));
  return {};
}

Result<void> Duties::State::start_engine() {
  std::vector<net::ProxyRule> rules;
  for (const auto& text : options.proxies) rules.push_back(TRY(net::parse_proxy_rule(text).context("--proxy")));
  unfenced = net::make_proxied_net(sys.loop, sys.net, std::move(rules));
  site = rights.may_act ? remote::make_fenced_net(*unfenced, rights.may_act) : std::move(unfenced);
  metal::EngineOptions out;
  out.endpoint = options.endpoint;
  out.endpoint.ca_certificate_pem = identity.ca_certificate_pem;
  out.endpoint.ca_key_pem = identity.ca_key_pem;
  out.dhcp = options.dhcp;
  out.dhcp6 = options.dhcp6;
  out.tftp = options.tftp;
  out.boot_secret = identity.boot_secret;
  out.checksum.allow_md5 = options.allow_md5;
  out.checksum.roots_pem = options.site_ca_pem;
  out.image_cache = options.image_cache;
  out.agent_log_dir = options.data_dir + "/agent-logs";
  out.image_cache.roots_pem = options.site_ca_pem;
  out.kexec = options.kexec;
  if (options.capture_consoles) out.console_log_dir = options.data_dir + "/consoles";
  out.watch_events = options.bmc_events;
  out.limits = options.limits;
  out.is_current = rights.is_current;
  if (rights.may_act) {
    fenced_local = remote::make_fenced_net(sys.net, rights.may_act);
    if (out.dhcp && out.dhcp->open_broadcast) {
      out.dhcp->open_broadcast = [open = out.dhcp->open_broadcast, may_act = rights.may_act](
                                     const std::string& interface,
                                     uint16_t port) -> Result<std::unique_ptr<sys::Datagram>> {
        return remote::make_fenced_datagram(TRY(open(interface, port)), may_act);
      };
    }
    if (out.dhcp6 && out.dhcp6->open_multicast) {
      out.dhcp6->open_multicast = [open = out.dhcp6->open_multicast, may_act = rights.may_act](
                                      const std::string& interface, const std::string& group,
                                      uint16_t port) -> Result<std::unique_ptr<sys::Datagram>> {
        return remote::make_fenced_datagram(TRY(open(interface, group, port)), may_act);
      };
    }
    fenced_sys.emplace(sys::Sys{sys.loop, sys.random, sys.keys, *fenced_local, sys.disk, sys.offload});
  }
  engine = metal::make_engine(fenced_sys ? *fenced_sys : sys, *site, store, std::move(out));
  return engine->start();
}

std::optional<std::string> Duties::State::secret_value(const ClusterKey& cluster, std::string_view suffix,
                                                       std::string_view key) const {
  const auto secret = store.get("secrets", cluster.ns, cluster.name + std::string(suffix));
  if (!secret) return std::nullopt;
  return base::unbase64(secret->doc()["data"][key].string());
}

std::optional<workload::Clusters::EtcdIdentity> Duties::State::etcd_identity(const ClusterKey& cluster) {
  const auto ca = secret_value(cluster, "-etcd", "tls.crt");
  const auto key = secret_value(cluster, "-etcd", "tls.key");
  if (!ca || ca->empty() || !key || key->empty()) return std::nullopt;
  if (const auto known = etcd_clients.find(*ca); known != etcd_clients.end() && known->second.renew > sys.loop.now()) {
    return known->second.identity;
  }
  crypto::CertificateRequest request;
  request.common_name = "ingot";
  request.client_auth = true;
  request.not_before = sys.loop.now() - base::hours(1);
  request.not_after = sys.loop.now() + etcd_client_life;
  request.serial_hex = base::hex(sys.random.bytes(16));
  EtcdClient made;
  made.identity.ca_pem = *ca;
  made.identity.key_pem = sys.keys.ec_p256_pem();
  auto certificate = crypto::issue_certificate(request, made.identity.key_pem, *ca, *key);
  if (!certificate) {
    base::log::warn("no etcd client certificate",
                    {{"cluster", cluster.ns + "/" + cluster.name}, {"error", certificate.error().text()}});
    return std::nullopt;
  }
  made.identity.certificate_pem = std::move(*certificate);
  made.renew = sys.loop.now() + etcd_client_life / 2;
  etcd_clients[*ca] = made;
  return made.identity;
}

void Duties::State::enqueue(std::string_view controller, store::Key key) {
  if (options.chosen.has(controller)) runtime->enqueue(controller, std::move(key));
}

// A workload cluster looks different: everybody who looks at it looks again.
void Duties::State::workload_changed(const ClusterKey& cluster) {
  const auto wake = [&](const char* controller, std::string_view resource, bool by_label) {
    for (const auto& entry : store.list(resource, cluster.ns)) {
      const Json& doc = entry->doc();
      const bool concerned = by_label ? doc.path("metadata.labels")[api::cluster_name_label].string() == cluster.name ||
                                            doc.path("spec.clusterName").string() == cluster.name
                                      : entry->key.name == cluster.name;
      if (concerned) enqueue(controller, entry->key);
    }
  };
  wake("cluster", "clusters.cluster.x-k8s.io", false);
  wake("machine", "machines.cluster.x-k8s.io", true);
  wake("machinehealthcheck", "machinehealthchecks.cluster.x-k8s.io", true);
  wake("metal3machine", "metal3machines.infrastructure.cluster.x-k8s.io", true);
  wake("kubeadmconfig", "kubeadmconfigs.bootstrap.cluster.x-k8s.io", true);
  const auto owner = store.get("clusters.cluster.x-k8s.io", cluster.ns, cluster.name);
  if (!owner) return;
  const std::string& plane = owner->doc().path("spec.controlPlaneRef.name").string();
  if (store.get("kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", cluster.ns, plane)) {
    enqueue("kubeadmcontrolplane", {"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", cluster.ns, plane});
  }
}

// The engine has something new about a host.
void Duties::State::host_changed(const std::string& ns, const std::string& name) {
  enqueue("baremetalhost", {"baremetalhosts.metal3.io", ns, name});
  enqueue("hostfirmware", {"baremetalhosts.metal3.io", ns, name});
  if (const auto image = store.get("dataimages.metal3.io", ns, name)) enqueue("dataimage", image->key);
  for (const auto& entry : store.list("bmceventsubscriptions.metal3.io", ns)) {
    if (entry->doc().path("spec.hostName").string() == name) enqueue("bmceventsubscription", entry->key);
  }
}

void Duties::State::start_controllers() {
  clusters = std::make_unique<workload::Clusters>(
      sys, *site, [this](const ClusterKey& cluster) { return secret_value(cluster, "-kubeconfig", "value"); },
      [this](const ClusterKey& cluster) { return etcd_identity(cluster); });
  runtime = std::make_unique<runtime::Runtime>(sys, registry);
  const auto add = [this](runtime::Controller controller) {
    if (options.chosen.has(controller.name)) runtime->add(std::move(controller));
  };
  add(control::cluster_controller(*clusters));
  add(control::machine_controller(*clusters));
  add(control::machineset_controller());
  add(control::machinedeployment_controller());
  add(control::machinehealthcheck_controller(*clusters));
  add(control::kubeadmconfig_controller(*clusters));
  add(control::kubeadmcontrolplane_controller(*clusters));
  add(control::metal3cluster_controller());
  add(control::metal3machine_controller(*clusters));
  add(control::baremetalhost_controller(*engine, options.outside_images));
  add(control::preprovisioningimage_controller(engine->place(), options.outside_images));
  add(control::hostfirmware_controller(*engine));
  add(control::dataimage_controller(*engine));
  add(control::bmceventsubscription_controller(*engine));
  clusters->on_change([this](const ClusterKey& cluster) { workload_changed(cluster); });
  engine->on_change([this](const std::string& ns, const std::string& name) { host_changed(ns, name); });
  runtime->start();
}

// People reach workload clusters the way the manager does.
Result<void> Duties::State::publish_proxies() {
  const meta::Kind& kind = *registry.scheme().by_resource("secrets");
  const std::string rules = base::base64(base::join(options.proxies, "\n"));
  const auto current = registry.get(kind, "kube-system", proxies_secret);
  if (current && current->doc()["data"]["rules"].string() == rules) return {};
  if (current) {
    TRY(registry.modify(kind, "kube-system", proxies_secret, {.internal = true}, [&](const Json& doc) -> Result<Json> {
      return Json(doc).set("data", Json::object({{"rules", rules}}));
    }));
    return {};
  }
  if (options.proxies.empty()) return {};
  Json doc = Json::object({{"apiVersion", "v1"}, {"kind", "Secret"}});
  doc.set_path("metadata.name", proxies_secret).set_path("metadata.namespace", "kube-system");
  TRY(registry.create(kind, doc.set("data", Json::object({{"rules", rules}}))));
  return {};
}

Duties::Duties(sys::Sys& sys, registry::Registry& registry, const ManagerOptions& options, const Identity& identity,
               DutyRights rights)
    : state_(std::make_unique<State>(sys, registry, options, identity, std::move(rights))) {}
Duties::~Duties() { stop(); }

Result<void> Duties::start() {
  State& s = *state_;
  if (s.rights.housekeeping) TRY(s.start_housekeeping());
  if (!s.options.controllers) return {};
  TRY(s.start_engine());
  TRY(s.publish_proxies());
  s.start_controllers();
  return {};
}

void Duties::stop() {
  State& s = *state_;
  s.housekeeping = nullptr;
  if (s.runtime) s.runtime->stop();
  if (s.engine) s.engine->stop();
}

const metal::StartedEngine& Duties::engine() const { return *state_->engine; }
const metal::StartedEngine* Duties::engine_if_any() const { return state_->engine.get(); }
uint64_t Duties::reconciles() const { return state_->runtime ? state_->runtime->reconciles() : 0; }

}  // namespace cli
