// The flow schemas and priority levels of a kube-apiserver: the same names and numbers, so that people's own schemas
// fit in between and `kubectl get flowschemas` reads as everywhere.
#include "server/flow_control.h"

namespace server {
namespace {

using base::Json;

Json object(std::string_view name, Json spec) {
  Json metadata = Json::object({{"name", name}, {"annotations", Json::object({{flow_autoupdate, "true"}})}});
  return Json::object({{"metadata", std::move(metadata)}, {"spec", std::move(spec)}});
}

// ---- levels

struct LevelText {
  const char* name;
  int shares, lendable_percent;
  int queues, hand_size;  // no queues: those who find no seat are turned away
};
constexpr LevelText suggested_levels[] = {
    {"system", 30, 33, 64, 6},         {"node-high", 40, 25, 64, 6},      {"leader-election", 10, 0, 16, 4},
    {"workload-high", 40, 50, 128, 6}, {"workload-low", 100, 90, 128, 6}, {"global-default", 20, 50, 128, 6},
};
constexpr LevelText catch_all = {"catch-all", 5, 0, 0, 0};
constexpr int queue_length = 50;

Json limited_level(const LevelText& text) {
  Json response = Json::object({{"type", "Reject"}});
  if (text.queues > 0) {
    response.set("type", "Queue");
    response.set(
        "queuing",
        Json::object({{"queues", text.queues}, {"handSize", text.hand_size}, {"queueLengthLimit", queue_length}}));
  }
  const Json limited = Json::object({{"nominalConcurrencyShares", text.shares},
                                     {"lendablePercent", text.lendable_percent},
                                     {"limitResponse", std::move(response)}});
  return object(text.name, Json::object({{"type", "Limited"}, {"limited", limited}}));
}

Json exempt_level() {
  const Json nothing = Json::object({{"nominalConcurrencyShares", 0}, {"lendablePercent", 0}});
  return object("exempt", Json::object({{"type", "Exempt"}, {"exempt", nothing}}));
}

// ---- schemas

Json group(const char* name) { return Json::object({{"kind", "Group"}, {"group", Json::object({{"name", name}})}}); }
Json user(const char* name) { return Json::object({{"kind", "User"}, {"user", Json::object({{"name", name}})}}); }
Json account(const char* name) {
  const Json who = Json::object({{"name", name}, {"namespace", "kube-system"}});
  return Json::object({{"kind", "ServiceAccount"}, {"serviceAccount", who}});
}

Json resources(std::vector<std::string> verbs, const char* api_group, std::vector<std::string> names,
               std::vector<std::string> namespaces, bool cluster_scope) {
  Json out = Json::object(
      {{"verbs", Json::strings(verbs)}, {"apiGroups", Json::array({api_group})}, {"resources", Json::strings(names)}});
  if (cluster_scope) out.set("clusterScope", true);
  return out.set("namespaces", Json::strings(namespaces));
}

Json paths(std::vector<std::string> verbs, std::vector<std::string> urls) {
  return Json::object({{"verbs", Json::strings(verbs)}, {"nonResourceURLs", Json::strings(urls)}});
}

Json rule(Json subjects, Json resource_rules, Json path_rules) {
  Json out = Json::object({{"subjects", std::move(subjects)}});
  if (!resource_rules.empty()) out.set("resourceRules", std::move(resource_rules));
  if (!path_rules.empty()) out.set("nonResourceRules", std::move(path_rules));
  return out;
}

// Whatever they ask.
Json anything(Json subjects) {
  return rule(std::move(subjects), Json::array({resources({"*"}, "*", {"*"}, {"*"}, true)}),
              Json::array({paths({"*"}, {"*"})}));
}

Json schema(const char* name, const char* level, int precedence, const char* by, Json what) {
  Json spec = Json::object(
      {{"priorityLevelConfiguration", Json::object({{"name", level}})}, {"matchingPrecedence", precedence}});
  if (by) spec.set("distinguisherMethod", Json::object({{"type", by}}));
  return object(name, spec.set("rules", Json::array({std::move(what)})));
}

std::vector<Json> suggested_schemas() {
  const std::vector<std::string> electing = {"get", "create", "update"};
  const Json leases = resources(electing, "coordination.k8s.io", {"leases"}, {"*"}, false);
  const Json managers =
      Json::array({user("system:kube-controller-manager"), user("system:kube-scheduler"), account("*")});
  const Json endpoint_users = Json::array({user("system:kube-controller-manager"), account("endpoint-controller"),
                                           account("endpointslicemirroring-controller")});
  const Json nodes = Json::array({resources({"*"}, "", {"nodes", "nodes/status"}, {"*"}, true),
                                  resources({"*"}, "coordination.k8s.io", {"leases"}, {"*"}, false)});
  return {
      schema("probes", "exempt", 2, nullptr,
             rule(Json::array({group("system:unauthenticated"), group("system:authenticated")}), {},
                  Json::array({paths({"get"}, {"/healthz", "/readyz", "/livez"})}))),
      schema("system-leader-election", "leader-election", 100, "ByUser", rule(managers, Json::array({leases}), {})),
      schema("endpoint-controller", "workload-high", 150, "ByUser",
             rule(endpoint_users, Json::array({resources(electing, "", {"endpoints"}, {"*"}, false)}), {})),
      schema("workload-leader-election", "leader-election", 200, "ByUser",
             rule(Json::array({account("*")}), Json::array({leases}), {})),
      schema("system-node-high", "node-high", 400, "ByUser", rule(Json::array({group("system:nodes")}), nodes, {})),
      schema("system-nodes", "system", 500, "ByUser", anything(Json::array({group("system:nodes")}))),
      schema("kube-controller-manager", "workload-high", 800, "ByNamespace",
             anything(Json::array({user("system:kube-controller-manager")}))),
      schema("kube-scheduler", "workload-high", 800, "ByNamespace",
             anything(Json::array({user("system:kube-scheduler")}))),
      schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace",
             anything(Json::array({account("*")}))),
      schema("service-accounts", "workload-low", 9000, "ByUser",
             anything(Json::array({group("system:serviceaccounts")}))),
      schema("global-default", "global-default", 9900, "ByUser",
             anything(Json::array({group("system:unauthenticated"), group("system:authenticated")}))),
  };
}

std::vector<FlowDefault> make_all() {
  std::vector<FlowDefault> out;
  const std::string levels(priority_levels), schemas(flow_schemas);
  out.push_back({levels, exempt_level(), true});
  out.push_back({levels, limited_level(catch_all), true});
  for (const auto& text : suggested_levels) out.push_back({levels, limited_level(text), false});
  out.push_back(
      {schemas, schema("exempt", "exempt", 1, nullptr, anything(Json::array({group("system:masters")}))), true});
  out.push_back({schemas,
                 schema("catch-all", "catch-all", 10000, "ByUser",
                        anything(Json::array({group("system:unauthenticated"), group("system:authenticated")}))),
                 true});
  for (auto& doc : suggested_schemas()) out.push_back({schemas, std::move(doc), false});
  return out;
}

}  // namespace

const std::vector<FlowDefault>& flow_defaults() {
  static const std::vector<FlowDefault> all = make_all();
  return all;
}

}  // namespace server
