#include "cli/replicated.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace cli {

using base::Code;
using base::Error;
using base::Json;
using base::Result;

namespace {

constexpr base::Duration open_patience = base::minutes(1), open_gap = base::seconds(1);
constexpr base::Duration call_limit = base::seconds(5), probe_limit = base::seconds(2);
constexpr base::Duration forward_limit = base::seconds(60), read_limit = base::seconds(10);
constexpr base::Duration peer_life = base::hours(24 * 365);

Error no_leader() { return base::unavailable("no process leads at the moment"); }

}  // namespace

// The way to the leader. Shared with requests under way.
struct Replicated::Leading {
  sys::Sys& sys;
  etcd::Replica* replica;
  sys::TlsClient tls;
  std::string url;  // that `client` is for
  std::shared_ptr<net::HttpClient> client;
  bool suspect = false;  // a request has failed: see whether anybody is there before the next

  Result<std::shared_ptr<net::HttpClient>> client_now() {
    const auto leader = replica->leader();
    if (!leader || leader->url.empty()) return no_leader();
    if (client && url == leader->url) return client;
    const auto at = TRY(net::Url::parse(leader->url));
    net::ClientOptions options;
    options.server = at.address();
    options.tls_options = tls;
    options.tls_options.server_name = "kubernetes";  // every process' certificate has that name
    options.request_limit = forward_limit;
    options.connect_limit = probe_limit;
    url = leader->url;
    client = std::make_shared<net::HttpClient>(sys.loop, sys.net, std::move(options));
    suspect = false;
    return client;
  }

  Result<net::Response> send(net::Request request) {
    const auto to = TRY(client_now());
    if (suspect) {
      auto reached = sys.net.connect(to->options().server, probe_limit);
      if (!reached) return base::unavailable("the leader is out of reach: " + reached.error().message);
      suspect = false;
    }
    auto answer = to->send(std::move(request));
    if (answer) return answer;
    suspect = true;
    auto error = std::move(answer).error();
    if (error.code == Code::unavailable) error.code = Code::timeout;  // it may have arrived
    return error;
  }
};

Replicated::Replicated(sys::Sys& sys, ReplicatedOptions options, std::string data_dir)
    : sys_(sys), options_(std::move(options)), data_dir_(std::move(data_dir)) {}
Replicated::~Replicated() = default;

Result<store::Sealer> Replicated::master_key() {
  const std::string path = options_.key_file.empty() ? data_dir_ + "/store.key" : options_.key_file;
  if (sys_.disk.exists(path)) {
    const std::string text = TRY(sys_.disk.read(path).context("--store-key"));
    auto key = store::Sealer::parse(text);
    return std::move(key).context(path);
  }
  const auto there = TRY(api_->range({.key = etcd::Layout(options_.prefix).keys}, call_limit));
  if (!there.items.empty()) {
    return Error{.code = Code::not_found,
                 .message = path + " is missing, and what is in etcd is sealed with it",
                 .layer = base::Layer::api,
                 .fix = "copy it from another process that uses this etcd, or name it with --store-key"};
  }
  auto made = store::Sealer::generate(sys_.random);
  TRY(sys_.disk.write(path, made.key_file(), 0600).context("--store-key"));
  base::log::info("a key was made; every process that uses this etcd needs the same file", {{"file", path}});
  return made;
}

Result<std::unique_ptr<store::Engine>> Replicated::open() {
  api_ = TRY(options_.connect(sys_));
  TRY(sys_.disk.make_directories(data_dir_, 0700).context("--data-dir"));
  identity_name_ =
      base::split(options_.url, '/').back().empty() ? "ingot" : std::string(base::split(options_.url, '/').back());
  identity_name_ += "_" + sys_.random.uuid();
  const auto until = sys_.loop.now() + open_patience;
  for (;;) {
    const auto once = [&]() -> Result<std::unique_ptr<etcd::Replica>> {
      auto key = TRY(master_key());
      etcd::ReplicaOptions replica;
      replica.prefix = options_.prefix;
      replica.self = {identity_name_, options_.url};
      replica.lease = options_.lease;
      return etcd::open_replica(sys_, api_, std::move(key), std::move(replica));
    };
    auto opened = once();
    if (opened) {
      replica_ = opened->get();
      return std::unique_ptr<store::Engine>(std::move(*opened));
    }
    const auto code = opened.error().code;
    const bool passing = code == Code::unavailable || code == Code::timeout;
    if (!passing || sys_.loop.now() >= until) return std::move(opened).error().context("--etcd-endpoints");
    base::log::warn("etcd is not there yet", {{"error", opened.error().text()}});
    TRY(sys::sleep(sys_.loop, open_gap));
  }
}

Result<void> Replicated::share_identity(Identity& identity) {
  const etcd::Layout layout(options_.prefix);
  const auto fresh = [this]() -> Result<std::string> { return common_part(TRY(fresh_identity(sys_, data_dir_))); };
  const std::string common = TRY(etcd::common_value(sys_, *api_, replica_->sealer(), layout.identity, fresh));
  return take_common_part(common, identity);
}

Result<server::PeerOptions> Replicated::peers(const Identity& identity) {
  leading_ = std::make_shared<Leading>(Leading{.sys = sys_, .replica = replica_});
  leading_->tls.ca_pem = identity.ca_certificate_pem;
  leading_->tls.key_pem = sys_.keys.ec_p256_pem();
  crypto::CertificateRequest request;
  request.common_name = identity_name_;
  request.client_auth = true;
  request.not_before = sys_.loop.now() - base::hours(1);
  request.not_after = sys_.loop.now() + peer_life;
  request.serial_hex = base::hex(sys_.random.bytes(16));
  leading_->tls.certificate_pem = TRY(crypto::issue_certificate(
      request, leading_->tls.key_pem, identity.peer_ca_certificate_pem, identity.peer_ca_key_pem));
  server::PeerOptions out;
  out.ca_pem = identity.peer_ca_certificate_pem;
  out.leads = [replica = replica_] { return replica->leads(); };
  out.catch_up = [replica = replica_] { return replica->catch_up(read_limit); };
  out.to_leader = [leading = leading_](net::Request wanted) { return leading->send(std::move(wanted)); };
  return out;
}

Result<void> Replicated::publish_lease(registry::Registry& registry) {
  const auto* kind = registry.scheme().by_resource("leases.coordination.k8s.io");
  if (!kind || !registry.store().get("namespaces", {}, "kube-system")) return {};
  const auto now = base::rfc3339_micro(sys_.loop.now());
  const auto seconds = std::chrono::duration_cast<base::seconds>(options_.lease).count();
  const auto current = registry.get(*kind, "kube-system", leader_lease);
  Json spec = current ? current->doc()["spec"] : Json::object();
  if (spec["holderIdentity"].string() != identity_name_) {
    spec.set("acquireTime", now).set("leaseTransitions", current ? spec["leaseTransitions"].integer() + 1 : 0);
  }
  spec.set("holderIdentity", identity_name_).set("leaseDurationSeconds", seconds).set("renewTime", now);
  if (current) {
    TRY(registry.update(*kind, Json(current->doc()).set("spec", spec), {.internal = true}));
    return {};
  }
  Json doc = Json::object({{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}});
  doc.set_path("metadata.name", leader_lease).set_path("metadata.namespace", "kube-system");
  TRY(registry.create(*kind, doc.set("spec", spec)));
  return {};
}

}  // namespace cli
