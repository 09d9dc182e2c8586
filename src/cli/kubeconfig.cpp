#include "cli/kubeconfig.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/client.h"
#include "cli/manager.h"
#include "cli/session.h"
#include "net/http.h"
#include "net/proxy.h"
#include "wire/yaml.h"

namespace cli {

using base::Json;
using base::Result;

namespace {

// The Secret CLUSTER-kubeconfig; without a namespace, the one there is in all namespaces.
Result<Json> find_secret(workload::KubeClient& client, const KubeconfigFlags& flags) {
  const std::string name = flags.cluster + "-kubeconfig";
  if (!flags.ns.empty()) return client.get("/api/v1/namespaces/" + flags.ns + "/secrets/" + name);
  const auto found = TRY(client.get("/api/v1/secrets?fieldSelector=metadata.name%3D" + net::percent_encode(name)));
  const auto& items = found["items"].items();
  if (items.size() == 1) return items.front();
  if (items.empty()) {
    return base::Error{base::Code::not_found, "no namespace has a Secret " + name, base::Layer::api,
                       "check the name with kubectl get clusters -A; the kubeconfig is made with the control plane"};
  }
  std::vector<std::string> all;
  for (const auto& item : items) all.push_back(item.path("metadata.namespace").string());
  return base::invalid("clusters of that name are in the namespaces " + base::join(all, ", ") + "; choose with -n");
}

Result<std::vector<std::string>> proxy_rules(workload::KubeClient& client) {
  const auto secret = client.get("/api/v1/namespaces/kube-system/secrets/" + std::string(proxies_secret));
  std::vector<std::string> out;
  if (!secret && secret.error().code == base::Code::not_found) return out;
  if (!secret) return secret.error();
  const std::string text = base::unbase64((*secret)["data"]["rules"].string()).value_or("");
  for (const auto line : base::split(text, '\n')) {
    if (!line.empty()) out.emplace_back(line);
  }
  return out;
}

std::string proxy_url(const net::ProxyRule& rule) {
  std::string user;
  if (!rule.user.empty()) user = net::percent_encode(rule.user) + ":" + net::percent_encode(rule.password) + "@";
  return (rule.kind == net::ProxyRule::Kind::socks5 ? "socks5://" : "http://") + user + rule.proxy.text();
}

Result<std::string> read(sys::Sys& sys, const KubeconfigFlags& flags) {
  const auto client = TRY(connect(sys, flags.kubeconfig));
  const Json secret = TRY(find_secret(*client, flags));
  const auto text = base::unbase64(secret["data"]["value"].string());
  if (!text || text->empty()) return base::corrupt("Secret " + flags.cluster + "-kubeconfig has no data.value");
  return with_proxies(*text, TRY(proxy_rules(*client)));
}

}  // namespace

Result<std::string> with_proxies(const std::string& kubeconfig, const std::vector<std::string>& rules) {
  if (rules.empty()) return kubeconfig;
  auto documents = TRY(wire::parse_yaml(kubeconfig));
  if (documents.size() != 1) return base::invalid("the kubeconfig is not one YAML document");
  Json& clusters = documents.front().child("clusters");
  for (size_t i = 0; i < clusters.size(); ++i) {
    Json& cluster = clusters.item(i).child("cluster");
    const auto url = TRY(net::Url::parse(cluster["server"].string()));
    for (const auto& text : rules) {
      const auto rule = TRY(net::parse_proxy_rule(text));
      const bool matches = std::any_of(rule.destinations.begin(), rule.destinations.end(),
                                       [&](const std::string& to) { return net::destination_matches(to, url.host); });
      if (!matches) continue;
      if (rule.kind != net::ProxyRule::Kind::direct) cluster.set("proxy-url", proxy_url(rule));
      break;
    }
  }
  return wire::to_yaml(documents.front());
}

int get_kubeconfig(sys::RealSystem& system, const KubeconfigFlags& flags) {
  const auto text = read(system.sys(), flags);
  if (!text) return fail(text.error());
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}

}  // namespace cli
