#include "registry/pod_admission.h"

#include <algorithm>

namespace registry {
namespace {

constexpr const char* mirror = "kubernetes.io/config.mirror";  // stands for a pod that a kubelet has from a file
constexpr const char* token_volume = "kube-api-access-";
constexpr const char* token_path = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr int64_t token_seconds = 3607;
constexpr int64_t away_seconds = 300;
constexpr const char* class_resource = "priorityclasses.scheduling.k8s.io";

Json token_sources() {
  const Json account = Json::object({{"expirationSeconds", token_seconds}, {"path", "token"}});
  const Json ca = Json::object({{"key", "ca.crt"}, {"path", "ca.crt"}});
  const Json field = Json::object({{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}});
  const Json place = Json::object({{"path", "namespace"}, {"fieldRef", field}});
  const Json map = Json::object({{"name", "kube-root-ca.crt"}, {"items", Json::array({ca})}});
  return Json::array({Json::object({{"serviceAccountToken", account}}), Json::object({{"configMap", map}}),
                      Json::object({{"downwardAPI", Json::object({{"items", Json::array({place})}})}})});
}

std::string token_volume_of(const Json& spec) {
  for (const auto& volume : spec["volumes"].items()) {
    if (volume["name"].string().starts_with(token_volume)) return volume["name"].string();
  }
  return {};
}

bool has_mount(const Json& container) {
  const auto& mounts = container["volumeMounts"].items();
  return std::any_of(mounts.begin(), mounts.end(),
                     [](const Json& mount) { return mount["mountPath"].string() == token_path; });
}

void mount_token(Json& spec, const std::string& suffix) {
  const std::string known = token_volume_of(spec);
  const std::string name = known.empty() ? token_volume + suffix : known;
  const Json mount = Json::object({{"name", name}, {"readOnly", true}, {"mountPath", token_path}});
  bool needed = false;
  for (const char* list : {"initContainers", "containers"}) {
    for (size_t i = 0; i < spec[list].size(); ++i) {
      if (!spec[list].at(i).is_object() || has_mount(spec[list].at(i))) continue;
      spec.child(list).item(i).child("volumeMounts").push(mount);
      needed = true;
    }
  }
  if (!needed || !known.empty()) return;
  const Json projected = Json::object({{"sources", token_sources()}, {"defaultMode", 420}});
  spec.child("volumes").push(Json::object({{"name", name}, {"projected", projected}}));
}

void admit_account(const store::Store& store, const std::string& ns, const std::string& suffix, Json& spec) {
  if (spec["serviceAccountName"].string().empty()) spec.set("serviceAccountName", "default");
  spec.set("serviceAccount", spec["serviceAccountName"]);
  const Ref account = store.get("serviceaccounts", ns, spec["serviceAccountName"].string());
  const Json& known = account ? account->doc() : Json();
  const Json* wish = spec.find("automountServiceAccountToken");
  if (!wish) wish = known.find("automountServiceAccountToken");
  if (!wish || wish->boolean()) mount_token(spec, suffix);
  if (!spec["imagePullSecrets"].empty() || known["imagePullSecrets"].empty()) return;
  spec.set("imagePullSecrets", known["imagePullSecrets"]);
}

void admit_tolerations(Json& spec) {
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    const auto& all = spec["tolerations"].items();
    const bool said = std::any_of(all.begin(), all.end(), [&](const Json& one) {
      const auto &effect = one["effect"].string(), &about = one["key"].string();
      return (about == key || about.empty()) && (effect == "NoExecute" || effect.empty());
    });
    if (said) continue;
    spec.child("tolerations")
        .push(Json::object(
            {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", away_seconds}}));
  }
}

// A priority class by name, or the default one for ""; null when there is none.
Json class_of(const store::Store& store, const std::string& name) {
  if (name.empty()) {
    Json found;
    for (const auto& entry : store.list(class_resource)) {
      const bool lower = found.is_null() || entry->doc()["value"].integer() < found["value"].integer();
      if (entry->doc()["globalDefault"].boolean() && lower) found = entry->doc();
    }
    return found;
  }
  if (const Ref entry = store.get(class_resource, {}, name)) return entry->doc();
  // These two exist everywhere.
  const bool node = name == "system-node-critical";
  if (!node && name != "system-cluster-critical") return {};
  return Json::object({{"value", node ? 2000001000 : 2000000000}, {"preemptionPolicy", "PreemptLowerPriority"}});
}

Result<void> admit_priority(const Kind& kind, const store::Store& store, const std::string& pod, Json& spec) {
  const std::string name = spec["priorityClassName"].string();
  Json found = class_of(store, name);
  if (found.is_null() && !name.empty()) {
    return forbidden(kind, pod, "no PriorityClass with name " + name + " was found");
  }
  if (found.is_null()) found = Json::object({{"value", 0}, {"preemptionPolicy", "PreemptLowerPriority"}});
  if (name.empty() && found.has("metadata")) spec.set("priorityClassName", found["metadata"]["name"]);
  const Json value = found["value"].integer();
  if (spec.has("priority") && spec["priority"] != value) {
    return forbidden(kind, pod,
                     "the integer value of priority (" + spec["priority"].dump() +
                         ") must not be provided in pod spec; priority admission controller computed " + value.dump() +
                         " from the given PriorityClass name");
  }
  spec.set("priority", value);
  const std::string policy = found["preemptionPolicy"].string();
  if (policy.empty()) return {};
  const std::string given = spec["preemptionPolicy"].string_or(policy);
  if (given != policy) {
    return forbidden(kind, pod,
                     "the string value of PreemptionPolicy (" + given +
                         ") must not be provided in pod spec; priority admission controller computed " + policy +
                         " from the given PriorityClass name");
  }
  spec.set("preemptionPolicy", policy);
  return {};
}

}  // namespace

Result<void> admit_pod(const Kind& kind, const store::Store& store, const std::string& suffix, Json& doc) {
  if (!doc["spec"].is_object()) return {};
  const std::string ns = doc["metadata"]["namespace"].string(), name = doc["metadata"]["name"].string();
  const bool mirrored = doc["metadata"]["annotations"].has(mirror);
  Json& spec = doc.child("spec");
  TRY(admit_priority(kind, store, name, spec));
  if (!mirrored) admit_account(store, ns, suffix, spec);
  admit_tolerations(spec);
  return {};
}

}  // namespace registry
