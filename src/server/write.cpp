// create and update.
#include "server/write.h"

#include "base/text.h"
#include "meta/user_form.h"
#include "registry/metadata.h"
#include "server/admission/admission.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/escalation.h"
#include "server/handlers.h"
#include "server/view.h"

namespace server {

void warn_about(Call& call, const Json& stored_form) {
  if (!call.kind().custom || !call.kind().warnings) return;
  for (auto& text : call.kind().warnings(stored_form)) call.warn(std::move(text));
}

void warn_about_finalizers(Call& call, const Json& doc, const Json* stored) {
  if (!call.kind().custom) return;
  for (const auto& finalizer : doc["metadata"]["finalizers"].items()) {
    const auto& name = finalizer.string();
    const bool standard =
        name == registry::orphan_finalizer || name == registry::foreground_finalizer || name == "kubernetes";
    if (standard || name.find('/') != std::string::npos) continue;
    if (stored && registry::has_finalizer(*stored, name)) continue;
    call.warn("metadata.finalizers: " + base::quoted(name) +
              ": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers");
  }
}

std::string managed_version(const Call& call) {
  const bool same_names = !call.kind().custom || !call.version().to_storage ||
                          (meta::user_form(call.kind()) && !meta::converter_of(call.kind()));
  return same_names ? call.api_version() : call.kind().api_version(call.kind().storage_version);
}

registry::Subresource subresource_of(const Call& call) {
  if (call.route.subresource == "status" || call.route.subresource == "approval") return registry::Subresource::status;
  if (call.route.subresource == "finalize") return registry::Subresource::finalize;
  return registry::Subresource::none;
}

Result<void> check_uid(const Kind& kind, const Json& doc, const Json& stored) {
  const auto& uid = doc["metadata"]["uid"];
  if (uid.string().empty() || uid == stored["metadata"]["uid"]) return {};
  const auto cause = meta::field_invalid("metadata.uid", uid, "field is immutable");
  return registry::invalid(kind, stored["metadata"]["name"].string(), {cause, cause});  // found twice
}

Answer written(Call& call, int status, const Result<Ref>& object) {
  if (!object) return object.error();
  if (!call.kind().custom && call.kind().warnings) {
    for (auto& text : call.kind().warnings((*object)->doc())) call.warn(std::move(text));
  }
  if (!is_dry_run(call)) TRY(wait_durable(call, (*object)->revision));
  return answer(call, status, *object);
}

namespace {
// A request for a certificate says who makes it, whatever it says itself.
void stamp_requester(const Call& call, Json& doc) {
  if (call.kind().resource() != signing_requests || !doc["spec"].is_object()) return;
  Json& spec = doc.child("spec");
  for (const char* name : {"username", "uid", "groups", "extra"}) spec.erase(name);
  spec.set("username", call.user.name);
  if (!call.user.uid.empty()) spec.set("uid", call.user.uid);
  if (!call.user.groups.empty()) spec.set("groups", Json::strings(call.user.groups));
  for (const auto& [key, values] : call.user.extra) spec.child("extra").set(key, Json::strings(values));
}
}  // namespace

Answer create_object(Call& call) {
  TRY(check_write_options(call, "CreateOptions"));
  Json doc = TRY(parse_object(call));
  doc = TRY(to_storage(call.kind(), call.version(), std::move(doc), nullptr));
  stamp_requester(call, doc);
  if (call.kind().terminating) {
    return registry::forbidden(call.kind(), doc["metadata"]["name"].string(),
                               "create not allowed while custom resource definition is terminating");
  }
  warn_about(call, doc);
  warn_about_finalizers(call, doc, nullptr);
  TRY(check_grants(call, doc, nullptr));
  registry::CreateOptions options;
  options.dry_run = is_dry_run(call);
  options.field_manager = call.field_manager();
  options.api_version = managed_version(call);
  RequestAdmission admission(call, "CREATE", "CreateOptions");
  options.admission = admission.hook();
  return written(call, 201, call.api.registry.create(call.kind(), std::move(doc), options));
}

Answer update_object(Call& call) {
  TRY(check_write_options(call, "UpdateOptions"));
  Json doc = TRY(parse_object(call));
  const Ref current = call.api.registry.get(call.kind(), call.route.ns, call.route.name);
  doc = TRY(to_storage(call.kind(), call.version(), std::move(doc), current ? &current->doc() : nullptr));
  warn_about(call, doc);
  warn_about_finalizers(call, doc, current ? &current->doc() : nullptr);
  TRY(check_grants(call, doc, current ? &current->doc() : nullptr));
  registry::UpdateOptions options;
  options.warnings = &call.warnings;
  options.subresource = subresource_of(call);
  options.dry_run = is_dry_run(call);
  options.field_manager = call.field_manager();
  options.api_version = managed_version(call);
  RequestAdmission admission(call, "UPDATE", "UpdateOptions");
  options.admission = admission.hook();
  return written(call, 200, call.api.registry.update(call.kind(), std::move(doc), options));
}

}  // namespace server
