#include "remote/install.h"

#include <map>
#include <set>

#include "api/convert/convert.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "meta/crd.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;
using base::Error;

namespace {

constexpr std::string_view digest_annotation = "ingot.io/schema";
constexpr base::Duration established_limit = base::seconds(60);

bool versions_differ(const Kind& kind) {
  return kind.versions.size() > 1 && api::convert::rules_of(kind.group, kind.kind) != nullptr;
}

// Says which program's schema it is; a newer Ingot finds out that the installed one is another.
std::string digest_of(const Json& definition) {
  return base::hex(crypto::sha256(definition["spec"]["versions"].dump())).substr(0, 16);
}

Json client_config(const WebhookPlace& place, const char* path) {
  return Json::object({{"url", place.url + path}, {"caBundle", base::base64(place.ca_pem)}});
}

Json definition_of(const Kind& kind, const std::optional<WebhookPlace>& webhooks) {
  Json out = meta::crd_of(kind);
  out.child("metadata").set("annotations", Json::object({{std::string(digest_annotation), digest_of(out)}}));
  Json& spec = out.child("spec");
  if (!versions_differ(kind)) return out;
  if (webhooks) {
    Json webhook = Json::object(
        {{"clientConfig", client_config(*webhooks, "/convert")}, {"conversionReviewVersions", Json::array({"v1"})}});
    spec.set("conversion", Json::object({{"strategy", "Webhook"}, {"webhook", webhook}}));
    return out;
  }
  Json& versions = spec.child("versions");
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!versions.at(i)["storage"].boolean()) versions.item(i).set("served", false);
  }
  return out;
}

Json named(const char* api_version, const char* kind, const std::string& name, const std::string& ns = {}) {
  Json meta = Json::object({{"name", name}});
  if (!ns.empty()) meta.set("namespace", ns);
  return Json::object({{"apiVersion", api_version}, {"kind", kind}, {"metadata", meta}});
}

Json rule(const std::string& group, std::vector<std::string> resources, std::vector<std::string> verbs) {
  return Json::object({{"apiGroups", Json::array({group})},
                       {"resources", Json::strings(std::move(resources))},
                       {"verbs", Json::strings(std::move(verbs))}});
}

Json binding(const char* kind, const std::string& name, const char* role_kind, const std::string& ns,
             const std::string& in) {
  Json out = named("rbac.authorization.k8s.io/v1", kind, name, in);
  out.set("roleRef", Json::object({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", role_kind}, {"name", name}}));
  return out.set("subjects",
                 Json::array({Json::object({{"kind", "ServiceAccount"}, {"name", "ingot"}, {"namespace", ns}})}));
}

Json webhook(const WebhookPlace& place, const std::string& name, const char* path, Json rules) {
  Json out = Json::object({{"name", name}, {"clientConfig", client_config(place, path)}});
  out.set("rules", std::move(rules)).set("failurePolicy", "Fail").set("sideEffects", "None");
  out.set("admissionReviewVersions", Json::array({"v1"})).set("matchPolicy", "Equivalent");
  return out.set("timeoutSeconds", 10);
}

std::string path_of(const Json& manifest) {
  static const std::map<std::string, std::string> plurals = {
      {"Namespace", "namespaces"},
      {"ServiceAccount", "serviceaccounts"},
      {"CustomResourceDefinition", "customresourcedefinitions"},
      {"ClusterRole", "clusterroles"},
      {"ClusterRoleBinding", "clusterrolebindings"},
      {"Role", "roles"},
      {"RoleBinding", "rolebindings"},
      {"MutatingWebhookConfiguration", "mutatingwebhookconfigurations"},
      {"ValidatingWebhookConfiguration", "validatingwebhookconfigurations"},
  };
  const std::string& version = manifest["apiVersion"].string();
  const std::string& ns = manifest.path("metadata.namespace").string();
  std::string out = (version.find('/') == std::string::npos ? "/api/" : "/apis/") + version;
  if (!ns.empty()) out += "/namespaces/" + ns;
  return out + "/" + plurals.at(manifest["kind"].string());
}

bool established(const Json& definition) {
  for (const auto& condition : definition.path("status.conditions").items()) {
    if (condition["type"].string() == "Established") return condition["status"].string() == "True";
  }
  return false;
}

Error missing(const std::string& what) {
  return {Code::invalid, what, base::Layer::api,
          "run `ingot crds | kubectl apply --server-side -f -`, or start with --install-crds"};
}

}  // namespace

std::vector<Json> definitions(const meta::Scheme& scheme, const std::optional<WebhookPlace>& webhooks) {
  std::vector<Json> out;
  for (const Kind* kind : scheme.kinds()) {
    if (kind->custom) out.push_back(definition_of(*kind, webhooks));
  }
  return out;
}

std::vector<Json> admission(const meta::Scheme& scheme, const WebhookPlace& webhooks) {
  Json filled = Json::array(), checked = Json::array();
  for (const Kind* kind : scheme.kinds()) {
    if (!kind->custom) continue;
    Json base = Json::object({{"apiGroups", Json::array({kind->group})},
                              {"apiVersions", Json::array({kind->storage_version})},
                              {"resources", Json::array({kind->plural})}});
    if (kind->fill_defaults) filled.push(Json(base).set("operations", Json::array({"CREATE", "UPDATE"})));
    if (kind->check) checked.push(Json(base).set("operations", Json::array({"CREATE", "UPDATE", "DELETE"})));
  }
  const char* version = "admissionregistration.k8s.io/v1";
  Json mutating = named(version, "MutatingWebhookConfiguration", "ingot");
  mutating.set("webhooks", Json::array({webhook(webhooks, "defaults.ingot.io", "/mutate", filled)}));
  Json validating = named(version, "ValidatingWebhookConfiguration", "ingot");
  validating.set("webhooks", Json::array({webhook(webhooks, "rules.ingot.io", "/validate", checked)}));
  return {mutating, validating};
}

std::vector<Json> permissions(const meta::Scheme& scheme, const std::string& ns) {
  const std::vector<std::string> all = {"create", "delete", "get", "list", "patch", "update", "watch"};
  std::map<std::string, std::vector<std::string>> resources, parts;
  for (const Kind* kind : scheme.kinds()) {
    if (!kind->custom) continue;
    resources[kind->group].push_back(kind->plural);
    // Children name their owners with blockOwnerDeletion, which some clusters allow only to those who may set the
    // owner's finalizers.
    for (const char* part : {"/status", "/finalizers"}) parts[kind->group].push_back(kind->plural + part);
  }
  Json rules = Json::array();
  for (const auto& [group, names] : resources) {
    rules.push(rule(group, names, all));
    rules.push(rule(group, parts[group], {"get", "patch", "update"}));
  }
  rules.push(rule("", {"secrets", "configmaps"}, all));
  rules.push(rule("", {"namespaces"}, {"get", "list", "watch"}));
  rules.push(rule("", {"events"}, {"create", "patch"}));
  rules.push(rule("apiextensions.k8s.io", {"customresourcedefinitions"}, {"get", "list"}));
  // Who may see /metrics.
  rules.push(rule("authentication.k8s.io", {"tokenreviews"}, {"create"}));
  rules.push(rule("authorization.k8s.io", {"subjectaccessreviews"}, {"create"}));
  Json role = named("rbac.authorization.k8s.io/v1", "ClusterRole", "ingot");
  role.set("rules", rules);
  Json lease = named("rbac.authorization.k8s.io/v1", "Role", "ingot", ns);
  lease.set("rules", Json::array({rule("coordination.k8s.io", {"leases"}, {"create", "get", "update"})}));
  return {named("v1", "Namespace", ns),
          named("v1", "ServiceAccount", "ingot", ns),
          role,
          binding("ClusterRoleBinding", "ingot", "ClusterRole", ns, {}),
          lease,
          binding("RoleBinding", "ingot", "Role", ns, ns)};
}

Result<void> check_definitions(Client& client, const meta::Scheme& scheme) {
  std::map<std::string, std::set<std::string>> served;  // by group/version
  std::vector<std::string> absent;
  for (const Kind* kind : scheme.kinds()) {
    if (!kind->custom) continue;
    const std::string version = kind->api_version(kind->storage_version);
    if (!served.contains(version)) {
      auto found = client.get("/apis/" + version);
      if (!found && found.error().code != Code::not_found) return found.error();
      auto& names = served[version];
      if (found) {
        for (const auto& one : (*found)["resources"].items()) names.insert(one["name"].string());
      }
    }
    if (!served[version].contains(kind->plural)) absent.push_back(kind->plural + "." + version);
  }
  if (!absent.empty()) return missing("the cluster does not serve " + base::join(absent, ", "));
  std::vector<std::string> other;
  for (const Kind* kind : scheme.kinds()) {
    if (!kind->custom) continue;
    const std::string path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + kind->resource();
    const auto found = client.get(path);
    if (!found) continue;  // an aggregated API, or one that may not be read: discovery has spoken for it
    const std::string digest = found->path("metadata.annotations")[digest_annotation].string();
    const std::string ours = digest_of(meta::crd_of(*kind));
    if (digest != ours) other.push_back(kind->resource());
  }
  if (!other.empty()) {
    return missing("these CustomResourceDefinitions are of another version of Ingot, or of another program: " +
                   base::join(other, ", "));
  }
  return {};
}

Result<void> install(sys::Sys& sys, Client& client, const std::vector<Json>& manifests) {
  for (const auto& manifest : manifests) {
    const std::string name = manifest.path("metadata.name").string(), path = path_of(manifest);
    const auto what = manifest["kind"].string() + " " + name;
    auto found = client.get(path + "/" + name);
    if (!found && found.error().code != Code::not_found) return found.error().context(what);
    if (!found) {
      auto made = client.post(path + "?fieldManager=ingot", manifest);
      if (!made && made.error().code != Code::already_exists) return made.error().context(what);
      base::log::info("installed", {{"manifest", what}});
      continue;
    }
    const Json patch = base::merge_diff(*found, base::merge_patch(*found, manifest));
    if (patch.empty()) continue;
    TRY(client.merge_patch(path + "/" + name + "?fieldManager=ingot", patch).context(what));
    base::log::info("brought up to date", {{"manifest", what}});
  }
  const base::Time end = sys.loop.now() + established_limit;
  for (const auto& manifest : manifests) {
    if (manifest["kind"].string() != "CustomResourceDefinition") continue;
    const std::string name = manifest.path("metadata.name").string();
    while (!established(TRY(client.get(path_of(manifest) + "/" + name)))) {
      if (sys.loop.now() > end) {
        return Error{Code::timeout, "CustomResourceDefinition " + name + " is not established", base::Layer::api,
                     "look at its status with kubectl get crd " + name + " -o yaml"};
      }
      TRY(sys::sleep(sys.loop, base::milliseconds(200)));
    }
  }
  return {};
}

}  // namespace remote
