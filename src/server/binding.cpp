// The binding subresource of pods: a scheduler says on which node a pod shall run.
#include "base/text.h"
#include "base/time.h"
#include "server/admission/admission.h"
#include "server/body.h"
#include "server/handlers.h"
#include "server/view.h"
#include "server/write.h"

namespace server {
namespace {

void set_scheduled(Json& pod, base::Time now) {
  Json condition = Json::object({{"type", "PodScheduled"}, {"status", "True"}});
  condition.set("lastProbeTime", nullptr).set("lastTransitionTime", base::rfc3339(now));
  Json& conditions = pod.child("status").child("conditions");
  std::erase_if(conditions.mutable_items(), [](const Json& one) { return one["type"].string() == "PodScheduled"; });
  conditions.push(std::move(condition));
}

Result<Json> bound(const Call& call, const Json& pod, const Json& binding) {
  const auto refuse = [&](std::string_view why) { return registry::conflict(call.kind(), call.route.name, why); };
  const auto& node = binding["target"]["name"].string();
  const auto& uid = binding["metadata"]["uid"].string();
  const std::string name = "pod " + call.route.name;
  if (!uid.empty() && uid != pod["metadata"]["uid"].string()) {
    return refuse("Precondition failed: UID in precondition: " + uid +
                  ", UID in object meta: " + pod["metadata"]["uid"].string());
  }
  if (pod["metadata"].has("deletionTimestamp")) return refuse(name + " is being deleted, cannot be assigned to a host");
  const auto& before = pod["spec"]["nodeName"].string();
  if (!before.empty()) return refuse(name + " is already assigned to node " + base::quoted(before));
  Json out = pod;
  out.child("spec").set("nodeName", node);
  for (const auto& [key, value] : binding["metadata"]["annotations"].members()) {
    out.child("metadata").child("annotations").set(key, value);
  }
  return out;
}

Result<void> check_binding(const Json& binding) {
  std::vector<base::FieldError> found;
  const auto& kind = binding["target"]["kind"].string();
  if (!kind.empty() && kind != "Node") {
    found.push_back(meta::field_not_supported("target.kind", kind, {"Node", "<empty>"}));
  }
  if (binding["target"]["name"].string().empty()) found.push_back(meta::field_required("target.name"));
  if (found.empty()) return {};
  Error error{.code = base::Code::invalid, .message = "Binding \"\" is invalid: " + meta::text_of(found[0])};
  error.causes = std::move(found);
  return error;
}

}  // namespace

Answer bind_pod(Call& call) {
  TRY(check_write_options(call, "CreateOptions"));
  const Json body = TRY(parse_body(call.request));
  TRY(check_binding(body));
  RequestAdmission admission(call, "CREATE", "CreateOptions");
  const Json binding = TRY(admission.mutate_part(body, {}));
  TRY(admission.validate_part(binding, {}));
  registry::UpdateOptions options;
  options.dry_run = is_dry_run(call);
  options.field_manager = call.field_manager();
  options.internal = true;
  auto& registry = call.api.registry;
  const auto bind = [&](const Json& pod) { return bound(call, pod, binding); };
  Ref object = TRY(registry.modify(call.kind(), call.route.ns, call.route.name, options, bind));
  if (!options.dry_run) {
    options.subresource = registry::Subresource::status;
    const auto report = [&](const Json& pod) -> Result<Json> {
      Json out = pod;
      set_scheduled(out, registry.now());
      return out;
    };
    object = TRY(registry.modify(call.kind(), call.route.ns, call.route.name, options, report));
    TRY(wait_durable(call, object->revision));
  }
  const Json done = Json::object(
      {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}});
  return answer(call, 201, done.dump());
}

}  // namespace server
