#include "api/rules/services.h"

#include "api/rules/checks.h"
#include "base/hash.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr uint32_t service_range = 10U << 24U | 96U << 16U;  // 10.96.0.0/16, kubeadm's
constexpr int64_t node_port_first = 30000;
constexpr uint64_t node_port_count = 2768;

std::string drawn_address(const Json& doc) {
  // .0 is the network and .1 the API server's.
  const uint32_t address =
      service_range + 2 + static_cast<uint32_t>(base::fnv1a(doc["metadata"]["uid"].string()) % 65000U);
  std::string out;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    out += std::to_string(address >> (shift - 8) & 0xffU) + (shift > 8 ? "." : "");
  }
  return out;
}

bool has_node_ports(const std::string& type) { return type == "NodePort" || type == "LoadBalancer"; }

void fill_service_ports(Json& doc, bool node_ports) {
  for (size_t i = 0; i < doc["spec"]["ports"].size(); ++i) {
    Json& port = doc.child("spec").child("ports").item(i);
    if (!port.is_object()) continue;
    const Json& target = port["targetPort"];
    const bool none = target.is_null() || (target.is_number() && target.integer() == 0) ||
                      (target.is_string() && target.string().empty());
    if (none) port.set("targetPort", port["port"]);
    if (node_ports && port["nodePort"].integer() == 0) {
      const uint64_t drawn = base::fnv1a(doc["metadata"]["uid"].string() + port["name"].string() + std::to_string(i));
      port.set("nodePort", node_port_first + static_cast<int64_t>(drawn % node_port_count));
    }
  }
}

// What was drawn before and is not given now stays.
void keep_drawn(Json& doc, const Json& old) {
  for (const char* name : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
    if (!doc["spec"].has(name) && old["spec"].has(name)) doc.child("spec").set(name, old["spec"][name]);
  }
  if (!has_node_ports(doc["spec"]["type"].string())) return;
  for (size_t i = 0; i < doc["spec"]["ports"].size(); ++i) {
    for (const auto& before : old["spec"]["ports"].items()) {
      Json& port = doc.child("spec").child("ports").item(i);
      const bool same = port["port"] == before["port"] && port["protocol"] == before["protocol"];
      if (same && port["nodePort"].integer() == 0 && before.has("nodePort")) port.set("nodePort", before["nodePort"]);
    }
  }
}

void fill_addresses(Json& doc) {
  Json& spec = doc.child("spec");
  if (spec["clusterIP"].string().empty()) spec.set("clusterIP", drawn_address(doc));
  // Who has neither an address nor pods of its own leaves the families to whoever fills in the endpoints.
  const bool bare = spec["clusterIP"].string() == "None" && spec["selector"].empty();
  if (bare && !spec.has("ipFamilies") && !spec.has("ipFamilyPolicy")) {
    spec.set("ipFamilies", Json::array({"IPv4", "IPv6"})).set("ipFamilyPolicy", "RequireDualStack");
  }
  if (!spec.has("clusterIPs")) spec.child("clusterIPs") = Json::array().push(spec["clusterIP"]);
  if (!spec.has("ipFamilies")) spec.child("ipFamilies") = Json::array().push("IPv4");
  if (!spec.has("ipFamilyPolicy")) spec.set("ipFamilyPolicy", "SingleStack");
}

}  // namespace

void fill_service(Json& doc, const Json* old) {
  if (!doc["spec"].is_object()) return;
  const std::string type = doc["spec"]["type"].string();
  if (old && type != "ExternalName") keep_drawn(doc, *old);
  fill_service_ports(doc, has_node_ports(type));
  if (doc["spec"]["sessionAffinity"].string() == "ClientIP") {
    set_default(doc, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 10800);
  }
  if (has_node_ports(type)) set_default(doc, "spec.externalTrafficPolicy", "Cluster");
  if (type == "LoadBalancer") set_default(doc, "spec.allocateLoadBalancerNodePorts", true);
  if (type == "ExternalName") {
    doc.child("spec").erase("internalTrafficPolicy");
  } else {
    fill_addresses(doc);
  }
}

Findings check_service(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (!is_write(operation)) return found;
  const Json& spec = doc["spec"];
  const std::string& type = spec["type"].string();
  const bool headless = spec["clusterIP"].string() == "None";
  if (spec["ports"].empty() && !headless && type != "ExternalName") found.push_back(meta::field_required("spec.ports"));
  if (type == "ExternalName" && spec["externalName"].string().empty()) {
    found.push_back(meta::field_required("spec.externalName"));
  }
  const bool both = old && type != "ExternalName" && (*old)["spec"]["type"].string() != "ExternalName";
  if (both && spec["clusterIP"] != (*old)["spec"]["clusterIP"]) {
    found.push_back(meta::field_invalid("spec.clusterIPs[0]", spec["clusterIPs"], "may not change once set"));
  }
  return found;
}

void fill_endpoint_slice(Json& doc, const Json*) {
  for (size_t i = 0; i < doc["ports"].size(); ++i) {
    Json& port = doc.child("ports").item(i);
    if (!port.is_object()) continue;
    set_default(port, "name", "");
    set_default(port, "protocol", "TCP");
  }
}

void fill_network_policy(Json& doc, const Json*) {
  if (!doc["spec"].is_object() || doc["spec"].has("policyTypes")) return;
  Json types = Json::array();
  types.push("Ingress");
  if (!doc["spec"]["egress"].empty()) types.push("Egress");
  doc.child("spec").set("policyTypes", std::move(types));
}

// Limits of containers default to the maxima, requests to the limits or the minima.
void fill_limit_range(Json& doc, const Json*) {
  for (size_t i = 0; i < doc["spec"]["limits"].size(); ++i) {
    Json& limit = doc.child("spec").child("limits").item(i);
    if (!limit.is_object() || limit["type"].string() != "Container") continue;
    const Json most = limit["max"], least = limit["min"];
    for (const auto& [name, value] : most.members()) {
      if (!limit["default"].has(name)) limit.child("default").set(name, value);
    }
    const Json usual = limit["default"];
    for (const Json* from : {&usual, &least}) {
      for (const auto& [name, value] : from->members()) {
        if (!limit["defaultRequest"].has(name)) limit.child("defaultRequest").set(name, value);
      }
    }
  }
}

void fill_autoscaler(Json& doc, const Json*) {
  if (!doc["spec"].is_object() || !doc["spec"]["metrics"].empty()) return;
  Json metric = Json::object();
  metric.set("type", "Resource");
  metric.child("resource").set("name", "cpu");
  metric.child("resource").child("target").set("type", "Utilization").set("averageUtilization", 80);
  doc.child("spec").set("metrics", Json::array().push(std::move(metric)));
}

}  // namespace api::rules
