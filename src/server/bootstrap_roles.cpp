// The roles and bindings that a Kubernetes API has from the start, as far as they concern what is served here.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "server/rbac.h"

namespace server {
namespace {

using base::Json;

constexpr const char* aggregate_label = "rbac.authorization.k8s.io/aggregate-to-";
constexpr const char* autoupdate = "rbac.authorization.kubernetes.io/autoupdate";

constexpr std::string_view read = "get,list,watch";
constexpr std::string_view write = "create,delete,deletecollection,patch,update";
constexpr std::string_view all_verbs = "create,delete,deletecollection,get,list,patch,update,watch";
constexpr std::string_view cluster_api =
    "addons.cluster.x-k8s.io,bootstrap.cluster.x-k8s.io,cluster.x-k8s.io,controlplane.cluster.x-k8s.io,"
    "infrastructure.cluster.x-k8s.io,ipam.cluster.x-k8s.io,ipam.metal3.io,metal3.io";
constexpr std::string_view public_paths = "/healthz,/livez,/readyz,/version,/version/";
constexpr std::string_view monitoring_paths =
    "/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*";
constexpr std::string_view issuer_paths =
    "/.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/";
constexpr std::string_view discovery_paths =
    "/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/";

// Lists with commas; a rule with `urls` has no groups and resources.
struct RuleText {
  std::string_view verbs, groups, resources, urls = {};
};
struct RoleText {
  const char* name;
  const char* aggregates = nullptr;     // gathers roles with the label aggregate-to-THIS
  const char* aggregated_to = nullptr;  // has the label aggregate-to-THIS
  std::vector<RuleText> rules = {};
};
struct BindingText {
  const char* role;  // also the binding's name
  std::vector<std::string> groups;
};

// As upstream, `edit` can read Secrets, which hold the kubeconfigs of workload clusters, and `view` cannot.
const std::vector<RoleText>& roles() {
  static const std::vector<RoleText> all = {
      {"cluster-admin", nullptr, nullptr, {{"*", "*", "*"}, {"*", "", "", "*"}}},
      {"admin", "admin", nullptr},
      {"edit", "edit", "admin"},
      {"view", "view", "edit"},
      {"system:aggregate-to-admin",
       nullptr,
       "admin",
       {{"create", "authorization.k8s.io", "localsubjectaccessreviews"},
        {all_verbs, rbac_group, "rolebindings,roles"}}},
      {"system:aggregate-to-edit",
       nullptr,
       "edit",
       {{read, "", "secrets"},
        {"impersonate", "", "serviceaccounts"},
        {write, "", "configmaps,events,secrets,serviceaccounts"},
        {"create", "", "serviceaccounts/token"},
        {all_verbs, "coordination.k8s.io", "leases"}}},
      {"system:aggregate-to-view",
       nullptr,
       "view",
       {{read, "", "configmaps,events,namespaces,namespaces/status,serviceaccounts"}}},
      {"ingot:aggregate-to-edit", nullptr, "edit", {{write, cluster_api, "*"}}},
      {"ingot:aggregate-to-view", nullptr, "view", {{read, cluster_api, "*"}}},
      {"system:discovery", nullptr, nullptr, {{"get", "", "", discovery_paths}}},
      {"system:public-info-viewer", nullptr, nullptr, {{"get", "", "", public_paths}}},
      {"system:basic-user",
       nullptr,
       nullptr,
       {{"create", "authorization.k8s.io", "selfsubjectaccessreviews,selfsubjectrulesreviews"},
        {"create", "authentication.k8s.io", "selfsubjectreviews"}}},
      {"system:monitoring", nullptr, nullptr, {{"get", "", "", monitoring_paths}}},
      {"system:service-account-issuer-discovery", nullptr, nullptr, {{"get", "", "", issuer_paths}}},
      {"system:auth-delegator",
       nullptr,
       nullptr,
       {{"create", "authentication.k8s.io", "tokenreviews"},
        {"create", "authorization.k8s.io", "subjectaccessreviews"}}},
  };
  return all;
}

const std::vector<BindingText>& bindings() {
  static const std::vector<BindingText> all = {
      {"cluster-admin", {std::string(masters_group)}},
      {"system:discovery", {"system:authenticated"}},
      {"system:basic-user", {"system:authenticated"}},
      {"system:public-info-viewer", {"system:authenticated", "system:unauthenticated"}},
      {"system:monitoring", {"system:monitoring"}},
      {"system:service-account-issuer-discovery", {"system:serviceaccounts"}},
  };
  return all;
}

std::vector<std::string> listed(std::string_view text) {
  std::vector<std::string> out;
  for (const auto part : base::split(text, ',')) out.emplace_back(part);
  return out;
}

Json rules_json(const RoleText& role) {
  Json out = Json::array();
  for (const auto& text : role.rules) {
    PolicyRule rule;
    rule.verbs = listed(text.verbs);
    if (text.urls.empty()) {
      rule.groups = listed(text.groups);
      rule.resources = listed(text.resources);
    } else {
      rule.urls = listed(text.urls);
    }
    out.push(json_of(rule));
  }
  return out;
}

Json metadata(const char* name, const char* aggregated_to) {
  Json labels = Json::object({{"kubernetes.io/bootstrapping", "rbac-defaults"}});
  if (aggregated_to) labels.set(aggregate_label + std::string(aggregated_to), "true");
  return Json::object(
      {{"name", name}, {"labels", std::move(labels)}, {"annotations", Json::object({{autoupdate, "true"}})}});
}

Json role_json(const RoleText& role) {
  Json out = Json::object({{"metadata", metadata(role.name, role.aggregated_to)}, {"rules", rules_json(role)}});
  if (!role.aggregates) return out;
  const Json labels = Json::object({{aggregate_label + std::string(role.aggregates), "true"}});
  out.set_path("aggregationRule.clusterRoleSelectors", Json::array({Json::object({{"matchLabels", labels}})}));
  return out;
}

Json binding_json(const BindingText& binding) {
  Json subjects = Json::array();
  for (const auto& group : binding.groups) {
    subjects.push(Json::object({{"kind", "Group"}, {"name", group}, {"apiGroup", rbac_group}}));
  }
  return Json::object(
      {{"metadata", metadata(binding.role, nullptr)},
       {"roleRef", Json::object({{"apiGroup", rbac_group}, {"kind", "ClusterRole"}, {"name", binding.role}})},
       {"subjects", std::move(subjects)}});
}

// `stored` with the rules and subjects of `wanted` that it lacks.
Json completed(Json stored, const Json& wanted) {
  for (const auto& rule : not_covered(rules_of(stored["rules"]), rules_of(wanted["rules"]))) {
    stored.child("rules").push(json_of(rule));
  }
  for (const auto& subject : wanted["subjects"].items()) {
    const auto& present = stored["subjects"].items();
    const bool known = std::any_of(present.begin(), present.end(), [&](const Json& other) {
      return other["kind"] == subject["kind"] && other["name"] == subject["name"];
    });
    if (!known) stored.child("subjects").push(subject);
  }
  return stored;
}

base::Result<void> make(registry::Registry& registry, const registry::Kind& kind, const Json& wanted) {
  const auto& name = wanted["metadata"]["name"].string();
  const auto current = registry.get(kind, {}, name);
  if (!current) {
    TRY(registry.create(kind, wanted, {.field_manager = "kube-apiserver"}));
    return {};
  }
  const bool ours = current->doc()["metadata"]["annotations"][autoupdate].string() == "true";
  if (!ours || wanted.has("aggregationRule")) return {};
  registry::UpdateOptions options;
  options.internal = true;
  TRY(registry.update(kind, completed(current->doc(), wanted), options));
  return {};
}

}  // namespace

void make_bootstrap_roles(registry::Registry& registry) {
  const auto try_make = [&](std::string_view plural, const Json& wanted) {
    const auto* kind = registry.scheme().by_plural(rbac_group, plural);
    const auto made = make(registry, *kind, wanted);
    if (made) return;
    base::log::error("a default role could not be made",
                     {{"name", wanted["metadata"]["name"].string()}, {"error", made.error().text()}});
  };
  for (const auto& role : roles()) try_make("clusterroles", role_json(role));
  for (const auto& binding : bindings()) try_make("clusterrolebindings", binding_json(binding));
}

}  // namespace server
