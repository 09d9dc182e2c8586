#include "server/apply.h"

#include "registry/apply.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/escalation.h"
#include "server/write.h"
#include "wire/yaml.h"

namespace server {
namespace {

// The applied fields in the request's version.
Result<Json> read_applied(Call& call) {
  auto documents = wire::parse_yaml(call.request.body);
  if (!documents) return registry::bad_request("error decoding YAML: " + documents.error().message);
  if (documents->size() != 1) return registry::bad_request("an apply takes one document");
  Json doc = std::move(documents->front());
  if (doc["apiVersion"].string().empty() || doc["kind"].string().empty()) {
    return registry::bad_request("an applied document must have apiVersion and kind");
  }
  TRY(check_identity(call, doc));
  if (!doc["metadata"]["managedFields"].is_null()) return registry::bad_request("metadata.managedFields must be nil");
  doc.child("metadata").set("name", call.route.name);
  doc.child("metadata").erase("creationTimestamp");
  Json copy = doc;
  std::vector<std::string> unknown;
  meta::prune(*call.version().schema, copy, true, &unknown);
  if (unknown.empty()) return doc;
  return base::internal("failed to create typed patch object (" + call.route.ns + "/" + call.route.name + "; " +
                        call.api_version() + ", Kind=" + call.kind().kind + "): ." + unknown.front() +
                        ": field not declared in schema");
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
  Json applied = TRY(read_applied(call));
  applied = TRY(to_storage(call.kind(), call.version(), std::move(applied), nullptr));
  const Ref live = registry.get(call.kind(), call.route.ns, call.route.name);
  if (!live && !how.subresource.empty()) return registry::not_found(call.kind(), call.route.name);
  Json doc = TRY(registry::apply(call.kind(), live ? &live->doc : nullptr, applied, how, registry.now()));
  warn_about(call, doc);
  TRY(check_grants(call, doc, live ? &live->doc : nullptr));
  if (!live) {
    registry::CreateOptions options;
    options.dry_run = is_dry_run(call);
    return written(call, 201, registry.create(call.kind(), std::move(doc), options));
  }
  registry::UpdateOptions options;
  options.subresource = subresource_of(call);
  options.dry_run = is_dry_run(call);
  return written(call, 200, registry.update(call.kind(), std::move(doc), options));
}

}  // namespace server
