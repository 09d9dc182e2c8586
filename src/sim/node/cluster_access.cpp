// Who may do what at a workload cluster's API, and the bootstrap tokens behind it.
#include <algorithm>

#include "base/text.h"
#include "sim/node/workload_cluster.h"

namespace sim {

using base::Json;

bool workload_access_allowed(const server::User& user, const server::Attributes& attributes) {
  const auto in = [&](std::string_view group) {
    return std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end();
  };
  if (in("system:masters") || in("kubeadm:cluster-admins")) return true;
  const bool reads = attributes.verb == "get" || attributes.verb == "list" || attributes.verb == "watch";
  if (!reads) return false;
  if (!attributes.path.empty()) {
    if (in("system:authenticated")) return true;
    return attributes.path == "/healthz" || attributes.path == "/livez" || attributes.path == "/readyz" ||
           attributes.path == "/version" || attributes.path == "/";
  }
  if (attributes.resource == "configmaps" && attributes.verb == "get") {
    if (attributes.ns == "kube-public" && attributes.name == "cluster-info") return true;  // also anonymous
    if (attributes.ns == "kube-system" && in("system:bootstrappers")) {
      return attributes.name == "kubeadm-config" || attributes.name == "kubelet-config" ||
             attributes.name == "kube-proxy";
    }
  }
  if (attributes.resource == "nodes") return in("system:bootstrappers") || in("system:nodes");
  return false;
}

std::optional<server::User> WorkloadCluster::user_of(std::string_view text) const {
  const auto token = parse_bootstrap_token(text);
  if (!token) return std::nullopt;
  const auto secret = store_->get("secrets", "kube-system", "bootstrap-token-" + token->id);
  if (!secret) return std::nullopt;
  const auto known = token_from_secret(secret->doc());
  if (!known || !known->for_authentication || known->expired(loop_.now())) return std::nullopt;
  if (!base::equal_constant_time(known->token.secret, token->secret)) return std::nullopt;
  server::User user;
  user.name = "system:bootstrap:" + token->id;
  user.groups = {"system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"};
  return user;
}

void WorkloadCluster::watch_tokens() {
  subscription_ = store_->subscribe(false, [this](const store::Event& event) {
    if (event.object->key.resource != "secrets" || event.object->key.ns != "kube-system") return;
    if (!event.object->key.name.starts_with("bootstrap-token-") || signing_posted_) return;
    signing_posted_ = true;
    loop_.post([this] {
      signing_posted_ = false;
      sign_cluster_info();
    });
  });
}

// As the bootstrap signer: one signature per token that may sign.
void WorkloadCluster::sign_cluster_info() {
  Json signatures = Json::object();
  const auto info = store_->get("configmaps", "kube-public", "cluster-info");
  if (!info) return;
  const std::string& kubeconfig = info->doc()["data"]["kubeconfig"].string();
  for (const auto& entry : store_->list("secrets", "kube-system")) {
    const auto token = token_from_secret(entry->doc());
    if (!token || !token->for_signing || token->expired(loop_.now())) continue;
    signatures.set("jws-kubeconfig-" + token->token.id, sign_detached(token->token, kubeconfig));
  }
  const auto done = change("configmaps", "kube-public", "cluster-info", false, [&](Json map) {
    Json data = Json::object({{"kubeconfig", kubeconfig}});
    for (const auto& [key, value] : signatures.members()) data.set(key, value);
    return map.set("data", std::move(data));
  });
  if (!done) site_.log.add(name_, "cluster-info cannot be signed", done.error().text());
}

void WorkloadCluster::remove_expired_tokens() {
  const meta::Kind* kind = registry_->scheme().by_resource("secrets");
  for (const auto& entry : store_->list("secrets", "kube-system")) {
    const auto token = token_from_secret(entry->doc());
    if (!token || !token->expired(loop_.now())) continue;
    if (auto removed = registry_->remove(*kind, "kube-system", entry->key.name); removed) {
      site_.log.add(name_, "bootstrap token expired", token->token.id);
    }
  }
}

}  // namespace sim
