#include "server/apply.h"

#include "registry/apply.h"
#include "registry/typed.h"
#include "server/admission/admission.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/escalation.h"
#include "server/write.h"
#include "wire/yaml.h"

namespace server {
namespace {

constexpr int apply_tries_max = 5;

// As Go prints a GroupVersionKind.
std::string go_type(const std::string& api_version, const std::string& kind) {
  return (api_version.find('/') == std::string::npos ? "/" : "") + api_version + ", Kind=" + kind;
}

// The applied fields in the request's version.
Result<Json> read_applied(Call& call, Json& as_sent) {
  std::vector<std::string> duplicates;
  wire::YamlLimits limits;
  limits.duplicates = &duplicates;
  limits.lines_as_go = true;
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

Result<Ref> create_applied(const Call& call, Json doc, registry::Admission* admission) {
  if (const auto& uid = doc["metadata"]["uid"].string(); !uid.empty()) {
    return registry::conflict(
        call.kind(), call.route.name,
        "uid mismatch: the provided object specified uid " + uid + ", and no existing object was found");
  }
  doc.child("metadata").erase("resourceVersion");
  registry::CreateOptions options;
  options.dry_run = is_dry_run(call);
  options.admission = admission;
  return call.api.registry.create(call.kind(), std::move(doc), options);
}

Result<Ref> update_applied(Call& call, Json doc, registry::Admission* admission) {
  registry::UpdateOptions options;
  options.warnings = &call.warnings;
  options.subresource = subresource_of(call);
  options.dry_run = is_dry_run(call);
  options.applied = true;
  options.admission = admission;
  return call.api.registry.update(call.kind(), std::move(doc), options);
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
  applied = TRY(to_storage(call.kind(), call.version(), std::move(applied), nullptr, false));
  // While admission parks somebody else may write; who names no revision means whichever there is.
  const bool may_try_again = applied["metadata"]["resourceVersion"].string().empty();
  for (int tries = 1;; ++tries) {
    const Ref live = registry.get(call.kind(), call.route.ns, call.route.name);
    if (!live && !how.subresource.empty()) return registry::not_found(call.kind(), call.route.name);
    Json doc = TRY(registry::apply(call.kind(), live ? &live->doc() : nullptr, applied, how, registry.now()));
    warn_about(call, doc);
    warn_about_finalizers(call, doc, live ? &live->doc() : nullptr);
    TRY(check_grants(call, doc, live ? &live->doc() : nullptr));
    if (live) TRY(check_uid(call.kind(), doc, live->doc()));
    RequestAdmission admission(call, live ? "UPDATE" : "CREATE", live ? "PatchOptions" : "CreateOptions");
    const auto stored = live ? update_applied(call, std::move(doc), admission.hook())
                             : create_applied(call, std::move(doc), admission.hook());
    const auto code = stored ? base::Code::internal : stored.error().code;
    const bool raced = code == base::Code::conflict || code == base::Code::already_exists;
    if (!raced || !admission.hook() || !may_try_again || tries == apply_tries_max) {
      return written(call, live ? 200 : 201, stored);
    }
  }
}

}  // namespace server
