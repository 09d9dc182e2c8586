#include "meta/crd.h"

namespace meta {
namespace {

Json names_of(const Kind& kind) {
  Json names = Json::object();
  if (!kind.categories.empty()) names.set("categories", Json::strings(kind.categories));
  names.set("kind", kind.kind).set("listKind", kind.list_kind).set("plural", kind.plural);
  if (!kind.short_names.empty()) names.set("shortNames", Json::strings(kind.short_names));
  return names.set("singular", kind.singular);
}

Json columns_of(const Version& version) {
  Json out = Json::array();
  for (const auto& column : version.columns) {
    Json item = Json::object();
    if (!column.description.empty()) item.set("description", column.description);
    item.set("jsonPath", column.json_path).set("name", column.name);
    if (column.priority != 0) item.set("priority", column.priority);
    out.push(item.set("type", column.type));
  }
  return out;
}

Json subresources_of(const Version& version) {
  Json out = Json::object();
  if (!version.scale_spec.empty()) {
    Json scale = Json::object();
    if (!version.scale_selector.empty()) scale.set("labelSelectorPath", version.scale_selector);
    scale.set("specReplicasPath", version.scale_spec).set("statusReplicasPath", version.scale_status);
    out.set("scale", std::move(scale));
  }
  if (version.status_subresource) out.set("status", Json::object());
  return out;
}

Json version_of(const Kind& kind, const Version& version) {
  Json out = Json::object();
  if (!version.columns.empty()) out.set("additionalPrinterColumns", columns_of(version));
  if (version.deprecated) out.set("deprecated", true);
  out.set("name", version.name);
  // A CRD may say nothing about metadata but that it is an object.
  Json schema = openapi(*version.schema);
  schema.child("properties").set("metadata", Json::object({{"type", "object"}}));
  out.set("schema", Json::object({{"openAPIV3Schema", std::move(schema)}}));
  out.set("served", version.served).set("storage", version.name == kind.storage_version);
  if (Json subresources = subresources_of(version); !subresources.empty()) out.set("subresources", subresources);
  return out;
}

}  // namespace

Json crd_of(const Kind& kind) {
  CHECK_THAT(kind.custom, "core kinds have no CustomResourceDefinition");
  Json versions = Json::array();
  for (const auto& version : kind.versions) versions.push(version_of(kind, version));
  return Json::object({{"apiVersion", "apiextensions.k8s.io/v1"},
                       {"kind", "CustomResourceDefinition"},
                       {"metadata", Json::object({{"name", kind.resource()}})},
                       {"spec", Json::object({{"group", kind.group},
                                              {"names", names_of(kind)},
                                              {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                                              {"versions", versions}})}});
}

}  // namespace meta
