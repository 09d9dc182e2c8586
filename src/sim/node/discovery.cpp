// kubeadm join's discovery: cluster-info is fetched without trust, believed for the token's signature over it and the
// pinned hash of the CA's key, and then the token is used over TLS that this CA vouches for.
#include "base/text.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sim/node/node.h"
#include "sim/server.h"
#include "sys/fiber.h"
#include "wire/yaml.h"

namespace sim {

using base::Code;
using base::Error;
using base::Json;
using base::Result;

namespace {

Result<Json> get_config_map(sys::Sys& sys, const sys::Address& endpoint, const std::string& ca_pem,
                            const std::string& token, const std::string& path) {
  net::ClientOptions options;
  options.server = endpoint;
  options.tls_options.verify = !ca_pem.empty();
  options.tls_options.ca_pem = ca_pem;
  options.request_limit = base::seconds(10);
  options.user_agent = "kubeadm";
  net::HttpClient client(sys.loop, sys.net, std::move(options));
  net::Request request;
  request.target = path;
  request.headers.set("Accept", "application/json");
  if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
  const auto answer = TRY(client.send(std::move(request)));
  if (answer.status == 401 || answer.status == 403) {
    return Error{Code::unauthenticated,
                 "the API server refused the bootstrap token (" + std::to_string(answer.status) + ")"};
  }
  if (answer.status != 200) return base::unavailable(path + " answered " + std::to_string(answer.status));
  return base::parse_json(answer.body);
}

}  // namespace

Result<std::string> Node::cluster_ca_once(const JoinOrder& order) {
  const auto token = parse_bootstrap_token(order.discovery_token);
  if (!token) return base::invalid("the bootstrap token is malformed");
  const Json map =
      TRY(get_config_map(sys_, order.endpoint, "", "", "/api/v1/namespaces/kube-public/configmaps/cluster-info"));
  const std::string& kubeconfig = map["data"]["kubeconfig"].string();
  const std::string& signature = map["data"]["jws-kubeconfig-" + token->id].string();
  if (signature.empty()) {
    return Error{Code::unauthenticated, "there is no JWS signature in cluster-info for token id " + token->id};
  }
  if (!detached_signature_matches(*token, kubeconfig, signature)) {
    return Error{Code::unauthenticated, "the signature of cluster-info is not of token id " + token->id};
  }
  const auto documents = TRY(wire::parse_yaml(kubeconfig));
  if (documents.empty()) return base::corrupt("cluster-info has no kubeconfig");
  const Json& cluster = documents[0]["clusters"].at(0)["cluster"];
  auto ca_pem = base::unbase64(cluster["certificate-authority-data"].string());
  if (!ca_pem) return base::corrupt("cluster-info has no certificate authority");
  if (order.skip_ca_check) return std::move(*ca_pem);
  const std::string hash = TRY(crypto::ca_cert_hash(*ca_pem));
  for (const auto& pinned : order.ca_hashes) {
    if (base::equals_ignore_case(pinned, hash)) return std::move(*ca_pem);
  }
  return Error{Code::unauthenticated, "the cluster's CA has hash " + hash + ", which is not a pinned one"};
}

Result<void> Node::check_token(const JoinOrder& order, const std::string& ca_pem) {
  TRY(get_config_map(sys_, order.endpoint, ca_pem, order.tls_token,
                     "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"));
  return {};
}

Result<std::string> Node::discover(const JoinOrder& order) {
  Site& site = server_.site();
  const base::Time deadline = sys_.loop.now() + site.pace.patience(site.durations.join_patience);
  std::string said;
  for (;;) {
    auto ca_pem = cluster_ca_once(order);
    auto known = ca_pem ? check_token(order, *ca_pem) : Result<void>(ca_pem.error());
    if (known) return std::move(*ca_pem);
    if (known.error().code == Code::cancelled) return base::cancelled();
    if (known.error().message != said) console("kubeadm join waits", said = known.error().message);
    if (sys_.loop.now() >= deadline) {
      return base::timeout("kubeadm join: couldn't validate the identity of the API server: " + said);
    }
    TRY(sys::sleep(sys_.loop, site.pace.scaled(base::seconds(5))));
  }
}

}  // namespace sim
