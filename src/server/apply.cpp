#include "server/apply.h"

#include "registry/apply.h"
#include "registry/typed.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/escalation.h"
#include "server/write.h"
#include "wire/yaml.h"

namespace server {
namespace {

// As Go prints a GroupVersionKind.
std::string go_type(const std::string& api_version, const std::string& kind) {
  return (api_version.find('/') == std::string::npos ? "/" : "") + api_version + ", Kind=" + kind;
}

// The applied fields in the request's version.
Result<Json> read_applied(Call& call, Json& as_sent) {
  std::vector<std::string> duplicates;
  wire::YamlLimits limits;
  limits.duplicates = &duplicates;
  auto documents = wire::parse_yaml(call.request.body, limits);
  if (!documents) {
    return registry::bad_request("error decoding YAML: error converting YAML to JSON: yaml: " +
                                 documents.error().message);
  }
  Json doc = documents->empty() ? Json::object() : std::move(documents->front());
  const auto& api_version = doc["apiVersion"].string();
  if (api_version != call.api_version() || doc["kind"].string() != call.kind().kind) {
    return registry::bad_request("invalid object type: " + go_type(api_version, doc["kind"].string()));
  }
  if (!duplicates.empty() && call.route.query.get("fieldValidation") == "Strict") {
    return registry::bad_request("error decoding YAML: error strict decoding YAML: " + duplicates.front());
  }
  for (auto& text : duplicates) call.warn(std::move(text));
  as_sent = doc;
  const std::string ns = doc["metadata"]["namespace"].string();
  TRY(check_identity(call, doc));
  if (!doc["metadata"]["managedFields"].is_null()) return registry::bad_request("metadata.managedFields must be nil");
  doc.child("metadata").set("name", call.route.name);
  doc.child("metadata").erase("creationTimestamp");
  const auto problem = registry::typed_problem(*call.version().schema, doc);
  if (problem.empty()) return doc;
  return base::internal("failed to create typed patch object (" + ns + "/" + call.route.name + "; " +
                        go_type(call.api_version(), call.kind().kind) + "): " + problem);
}

}  // namespace

bool is_apply(const Call& call) { return media_type(call.request) == "application/apply-patch+yaml"; }

Answer apply_object(Call& call) {
  TRY(check_write_options(call, "PatchOptions"));
  registry::ApplyOptions how;
  how.manager = call.route.query.get("fieldManager");
  how.force = call.route.query.flag("force");
  how.subresource = call.route.subresource;
  how.api_version = managed_version(call);
  if (how.manager.empty()) {
    return invalid_options("PatchOptions", meta::field_required("fieldManager", "is required for apply patch"));
  }
  auto& registry = call.api.registry;
  Json applied = TRY(read_applied(call, how.as_sent));
  applied = TRY(to_storage(call.kind(), call.version(), std::move(applied), nullptr));
  const Ref live = registry.get(call.kind(), call.route.ns, call.route.name);
  if (!live && !how.subresource.empty()) return registry::not_found(call.kind(), call.route.name);
  Json doc = TRY(registry::apply(call.kind(), live ? &live->doc : nullptr, applied, how, registry.now()));
  warn_about(call, doc);
  TRY(check_grants(call, doc, live ? &live->doc : nullptr));
  if (!live) {
    if (const auto& uid = doc["metadata"]["uid"].string(); !uid.empty()) {
      return registry::conflict(
          call.kind(), call.route.name,
          "uid mismatch: the provided object specified uid " + uid + ", and no existing object was found");
    }
    doc.child("metadata").erase("resourceVersion");
    registry::CreateOptions options;
    options.dry_run = is_dry_run(call);
    return written(call, 201, registry.create(call.kind(), std::move(doc), options));
  }
  TRY(check_uid(call.kind(), doc, live->doc));
  registry::UpdateOptions options;
  options.subresource = subresource_of(call);
  options.dry_run = is_dry_run(call);
  options.applied = true;
  return written(call, 200, registry.update(call.kind(), std::move(doc), options));
}

}  // namespace server
