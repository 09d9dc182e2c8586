// The Kubernetes API over HTTPS for one registry. The manager has one; the rack starts one per workload cluster.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/http.h"
#include "registry/registry.h"
#include "server/authentication_options.h"
#include "server/flow_options.h"
#include "server/peers.h"

namespace server {

struct AuditOptions;

// Who a request is from.
struct User {
  std::string name;  // "system:anonymous" when nobody
  std::vector<std::string> groups;
  std::string uid = {};
  std::map<std::string, std::vector<std::string>> extra = {};
};

// Token -> user. Looked up in constant time per token. Workload clusters resolve bootstrap tokens here.
using TokenAuthenticator = std::function<std::optional<User>(std::string_view token)>;
// Whether `user` may do `verb` on the resource. Without one RBAC decides where the scheme has its kinds; else
// system:masters may do everything, other authenticated users nothing, anonymous only /healthz, /livez, /readyz and
// /version.
struct Attributes {
  std::string verb, group, resource, subresource, ns, name, path;  // path for non-resource requests
};
using Authorizer = std::function<bool(const User& user, const Attributes& attributes)>;

struct Options {
  std::vector<sys::Address> listen;
  sys::TlsServer tls;         // client_ca_pem makes client certificates identities (CN, O)
  TokenAuthenticator tokens;  // may be null
  Authorizer authorizer;      // may be null
  AuthenticationOptions authentication = {};
  // Signs and checks the tokens of ServiceAccounts (RSA or EC P-256); empty: there are none.
  std::string service_account_key_pem;
  std::string service_account_issuer = "https://kubernetes.default.svc.cluster.local";
  // Where others fetch the keys of these tokens, as /.well-known/openid-configuration says; empty: where they asked.
  std::string service_account_keys_url;
  std::optional<PeerOptions> peers;     // nullopt: this process is the only one
  std::string git_version = "v1.33.0";  // /version
  // Where the services are that webhooks are configured with: "namespace/name" or "namespace/name:port".
  std::map<std::string, sys::Address> services = {};
  base::Duration watch_default_limit = base::minutes(45);
  base::Duration request_limit = base::seconds(60);  // for all but watches; 504 after it
  FlowOptions flow = {};
  bool aggregate_roles = true;                // ClusterRoles with an aggregationRule are kept up to date
  std::shared_ptr<const AuditOptions> audit;  // null: nothing is written down
  std::function<std::string()> metrics;       // the text of /metrics, in Prometheus' format; empty: there are none
};

class ApiServer {
 public:
  ApiServer(sys::Sys& sys, registry::Registry& registry, Options options);
  ~ApiServer();
  base::Result<void> start();  // listens
  // Makes what always exists (default roles, the API's own Service). start() does it where this process is the only
  // one; else the leader does, when its housekeeping has made the namespaces.
  void bootstrap();
  std::vector<sys::Address> local() const;
  void stop();
  // The registry's scheme has changed: watches of kinds that are other now, or gone, end. All else notices by itself.
  void kinds_changed();
  // Answers a request without a socket (tests, benchmarks of the API alone, the in-process client of `ingot demo`).
  void handle(net::Exchange& exchange);

  // start() does this too. Sorts requests into flows from now on; bootstrap() makes the objects.
  void start_flow_control();

 private:
  void make_service();
  struct State;
  std::unique_ptr<State> state_;
};

// A kubeconfig with one cluster, user and context, all data inline (PEM in base64).
std::string kubeconfig(std::string_view cluster_name, std::string_view server_url, std::string_view ca_pem,
                       std::string_view client_certificate_pem, std::string_view client_key_pem);

}  // namespace server
