#include "sim/node/kubeadm_config.h"

#include "base/text.h"
#include "wire/yaml.h"

namespace sim {

using base::Json;
using base::Result;

namespace {

struct Documents {
  Json init, cluster, join;
};

Result<Documents> split_documents(const std::string& text) {
  Documents found;
  for (auto& doc : TRY(wire::parse_yaml(text).context("kubeadm configuration"))) {
    const std::string& version = doc["apiVersion"].string();
    const std::string& kind = doc["kind"].string();
    if (!version.starts_with("kubeadm.k8s.io/")) continue;  // KubeletConfiguration and the like
    if (version != "kubeadm.k8s.io/v1beta3" && version != "kubeadm.k8s.io/v1beta4") {
      return base::invalid("kubeadm configuration " + kind + " has version " + version + ", which is not supported");
    }
    if (kind == "InitConfiguration")
      found.init = std::move(doc);
    else if (kind == "ClusterConfiguration")
      found.cluster = std::move(doc);
    else if (kind == "JoinConfiguration")
      found.join = std::move(doc);
  }
  return found;
}

// v1beta3 has a map, v1beta4 a list of {name, value}.
std::vector<std::pair<std::string, std::string>> arguments_of(const Json& value) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto text = [](const Json& v) { return v.is_string() ? v.string() : v.dump(); };
  for (const auto& [name, argument] : value.members()) out.emplace_back(name, text(argument));
  for (const auto& item : value.items()) out.emplace_back(item["name"].string(), text(item["value"]));
  return out;
}

NodeTaint taint_from(std::string_view text) {  // key=value:effect
  NodeTaint taint;
  const size_t colon = text.rfind(':');
  taint.effect = std::string(colon == std::string_view::npos ? "NoSchedule" : text.substr(colon + 1));
  const std::string_view pair = text.substr(0, colon);
  const size_t equals = pair.find('=');
  taint.key = std::string(pair.substr(0, equals));
  if (equals != std::string_view::npos) taint.value = std::string(pair.substr(equals + 1));
  return taint;
}

NodeRegistration registration_of(const Json& doc) {
  const Json& given = doc["nodeRegistration"];
  NodeRegistration node;
  node.name = base::lower(given["name"].string());
  node.taints_given = given.has("taints") && !given["taints"].is_null();
  for (const auto& taint : given["taints"].items()) {
    node.taints.push_back({taint["key"].string(), taint["value"].string(), taint["effect"].string()});
  }
  node.kubelet_arguments = arguments_of(given["kubeletExtraArgs"]);
  for (const auto& [name, value] : node.kubelet_arguments) {
    if (name == "provider-id") node.provider_id = value;
    if (name == "register-with-taints") {
      for (const auto part : base::split(value, ',')) {
        if (!part.empty()) node.taints.push_back(taint_from(part));
      }
    }
    if (name != "node-labels") continue;
    for (const auto part : base::split(value, ',')) {
      const size_t equals = part.find('=');
      if (part.empty()) continue;
      node.labels.emplace_back(part.substr(0, equals),
                               equals == std::string_view::npos ? "" : std::string(part.substr(equals + 1)));
    }
  }
  return node;
}

}  // namespace

Result<InitOrder> parse_init(const std::string& text) {
  auto found = TRY(split_documents(text));
  if (found.cluster.is_null()) return base::invalid("kubeadm init: there is no ClusterConfiguration");
  InitOrder order;
  order.node = registration_of(found.init);
  order.cluster_name = found.cluster["clusterName"].string_or("kubernetes");
  order.version = found.cluster["kubernetesVersion"].string();
  if (order.version.empty()) return base::invalid("kubeadm init: kubernetesVersion is missing");
  order.endpoint = TRY(sys::Address::parse(found.cluster["controlPlaneEndpoint"].string(), 6443)
                           .context("kubeadm init: controlPlaneEndpoint"));
  order.cluster_text = wire::to_yaml(found.cluster);
  order.cluster = std::move(found.cluster);
  return order;
}

Result<JoinOrder> parse_join(const std::string& text) {
  const auto found = TRY(split_documents(text));
  if (found.join.is_null()) return base::invalid("kubeadm join: there is no JoinConfiguration");
  const Json& token = found.join.path("discovery.bootstrapToken");
  if (token.is_null()) return base::invalid("kubeadm join: discovery.bootstrapToken is missing");
  JoinOrder order;
  order.node = registration_of(found.join);
  order.endpoint =
      TRY(sys::Address::parse(token["apiServerEndpoint"].string(), 6443).context("kubeadm join: apiServerEndpoint"));
  order.discovery_token = token["token"].string();
  order.tls_token = found.join.path("discovery.tlsBootstrapToken").string_or(order.discovery_token);
  for (const auto& hash : token["caCertHashes"].items()) order.ca_hashes.push_back(hash.string());
  order.skip_ca_check = token["unsafeSkipCAVerification"].boolean();
  order.control_plane = found.join.has("controlPlane") && !found.join["controlPlane"].is_null();
  if (order.ca_hashes.empty() && !order.skip_ca_check) {
    return base::invalid("kubeadm join: caCertHashes or unsafeSkipCAVerification is needed with a bootstrap token");
  }
  return order;
}

}  // namespace sim
