#include "registry/namespaces.h"

#include <algorithm>

#include "registry/metadata.h"

namespace registry {

bool is_namespace(const Kind& kind) { return kind.group.empty() && kind.plural == namespace_resource; }

bool is_undeletable_namespace(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "kube-public";
}

Result<void> check_namespace(const meta::Scheme& scheme, const store::Store& store, const Kind& kind,
                             const std::string& ns, const std::string& name) {
  const Kind* namespaces = scheme.by_resource(namespace_resource);
  if (!kind.namespaced || !namespaces) return {};
  const Ref found = store.get(namespace_resource, {}, ns);
  if (!found) return not_found(*namespaces, ns);
  if (!is_deleting(found->doc())) return {};
  Error error =
      forbidden(kind, name, "unable to create new content in namespace " + ns + " because it is being terminated");
  error.causes.push_back({"metadata.namespace", "NamespaceTerminating", "namespace " + ns + " is being terminated"});
  return error;
}

void label_namespace(Json& doc) {
  // Namespace selectors of webhooks and network policies rely on this label.
  auto& meta = doc.child("metadata");
  const std::string name = meta["name"].string();
  if (!name.empty()) meta.child("labels").set("kubernetes.io/metadata.name", name);
}

void start_namespace(Json& doc) {
  auto& finalizers = doc.child("spec").child("finalizers");
  const auto& given = finalizers.items();
  if (std::find(given.begin(), given.end(), Json("kubernetes")) == given.end()) finalizers.push("kubernetes");
  doc.set("status", Json::object({{"phase", "Active"}}));
}

void terminate_namespace(Json& doc) { doc.child("status").set("phase", "Terminating"); }

bool namespace_has_finalizers(const Json& doc) { return !doc["spec"]["finalizers"].empty(); }

void keep_namespace_state(Json& doc, const Json& stored) {
  const auto& finalizers = stored["spec"]["finalizers"];
  if (!finalizers.is_null()) {
    doc.child("spec").set("finalizers", finalizers);
  } else if (doc["spec"].has("finalizers")) {
    doc.child("spec").erase("finalizers");
  }
  if (stored.has("status")) doc.set("status", stored["status"]);
}

}  // namespace registry
