// The scale subresource: autoscaling/v1 Scale over the fields that the kind names.
#include "base/text.h"
#include "registry/apply.h"
#include "server/admission/admission.h"
#include "server/apply.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/patch.h"
#include "server/view.h"
#include "server/write.h"
#include "wire/yaml.h"

namespace server {
namespace {

// ".spec.replicas" without the dot.
std::string_view field(const std::string& json_path) {
  return json_path.starts_with('.') ? std::string_view(json_path).substr(1) : std::string_view(json_path);
}

Result<Json> scale_of(const Call& call, const Json& stored) {
  const auto& version = call.version();
  const Json doc = TRY(to_version(call.kind(), version, stored));
  const auto& meta = doc["metadata"];
  Json metadata = Json::object();
  for (const auto name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (meta.has(name)) metadata.set(name, meta[name]);
  }
  Json spec = Json::object();
  if (const auto replicas = doc.path(field(version.scale_spec)).integer(); replicas != 0)
    spec.set("replicas", replicas);
  Json status = Json::object({{"replicas", doc.path(field(version.scale_status)).integer()}});
  if (!version.scale_selector.empty()) {
    const auto& selector = doc.path(field(version.scale_selector));
    if (selector.is_string()) {
      status.set("selector", selector);
    } else if (auto parsed = registry::LabelSelector::from_object(selector); !selector.is_null() && parsed) {
      status.set("selector", parsed->text());
    }
  }
  return Json::object({{"kind", "Scale"},
                       {"apiVersion", "autoscaling/v1"},
                       {"metadata", std::move(metadata)},
                       {"spec", std::move(spec)},
                       {"status", std::move(status)}});
}

Answer shown(Call& call, const Ref& object) { return answer(call, 200, TRY(scale_of(call, object->doc())).dump()); }

// The object with the replicas of `scale`.
Result<Json> scaled(const Call& call, const Json& stored, const Json& scale) {
  const auto& given = scale["metadata"];
  if (const auto& name = given["name"].string(); name != call.route.name && !name.empty()) {
    return registry::bad_request("the name of the object (" + name + ") does not match the name on the URL (" +
                                 call.route.name + ")");
  }
  const auto& replicas = scale["spec"]["replicas"];
  // The rules of a custom object say it by themselves.
  if (!call.kind().custom && replicas.integer() < 0) {
    const auto cause = meta::field_invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    return Error{
        .code = base::Code::invalid,
        .message = "Scale.autoscaling " + base::quoted(call.route.name) + " is invalid: " + meta::text_of(cause),
        .causes = {cause}};
  }
  Json doc = TRY(to_version(call.kind(), call.version(), stored));
  doc.set_path(field(call.version().scale_spec), replicas.integer());
  if (const auto& revision = given["resourceVersion"]; !revision.string().empty()) {
    doc.child("metadata").set("resourceVersion", revision);
  }
  return to_storage(call.kind(), call.version(), std::move(doc), &stored);
}

// "" when it can be decoded, else why not.
std::string type_problem(const Json& scale) {
  const auto& replicas = scale["spec"]["replicas"];
  constexpr int64_t limit = int64_t{1} << 31;
  if (replicas.is_null()) return {};
  if (replicas.is_integer() && replicas.integer() >= -limit && replicas.integer() < limit) return {};
  const std::string got = replicas.is_number() ? "number " + replicas.dump()
                          : replicas.is_bool() ? "bool"
                                               : std::string(replicas.type_name());
  return "json: cannot unmarshal " + got + " into Go struct field ScaleSpec.spec.replicas of type int32";
}

Answer write_scale(Call& call, const std::function<Result<Json>(const Json& current_scale)>& wanted) {
  registry::UpdateOptions options;
  options.warnings = &call.warnings;
  options.subresource = registry::Subresource::scale;
  options.dry_run = is_dry_run(call);
  options.field_manager = call.field_manager();
  options.api_version = managed_version(call);
  RequestAdmission admission(call, "UPDATE", call.request.method == "PUT" ? "UpdateOptions" : "PatchOptions");
  const auto change = [&](const Json& stored) -> Result<Json> {
    const Json current = TRY(scale_of(call, stored));
    Json scale = TRY(wanted(current));
    scale = TRY(admission.mutate_part(std::move(scale), current));
    TRY(admission.validate_part(scale, current));
    return scaled(call, stored, scale);
  };
  const Ref object = TRY(call.api.registry.modify(call.kind(), call.route.ns, call.route.name, options, change));
  if (!options.dry_run) TRY(wait_durable(call, object->revision));
  return shown(call, object);
}

// An applied Scale is the object with the replicas alone, applied by way of the subresource.
Answer apply_scale(Call& call) {
  TRY(check_write_options(call, "PatchOptions"));
  auto documents = wire::parse_yaml(call.request.body);
  if (!documents) return registry::bad_request("error decoding YAML: " + documents.error().message);
  if (documents->size() != 1) return registry::bad_request("an apply takes one document");
  const Json scale = std::move(documents->front());
  if (scale["kind"].string() != "Scale") return registry::bad_request("a Scale is expected");
  registry::ApplyOptions how;
  how.manager = call.route.query.get("fieldManager");
  how.force = call.route.query.flag("force");
  how.subresource = "scale";
  how.api_version = managed_version(call);
  if (how.manager.empty()) {
    return invalid_options("PatchOptions", meta::field_required("fieldManager", "is required for apply patch"));
  }
  auto& registry = call.api.registry;
  const Ref live = registry.get(call.kind(), call.route.ns, call.route.name);
  if (!live) return registry::not_found(call.kind(), call.route.name);
  Json applied = Json::object({{"apiVersion", call.api_version()}, {"kind", call.kind().kind}});
  applied.child("metadata").set("name", call.route.name);
  if (!call.route.ns.empty()) applied.child("metadata").set("namespace", call.route.ns);
  if (scale["spec"].has("replicas")) {
    applied.set_path(field(call.version().scale_spec), scale["spec"]["replicas"]);
  }
  applied = TRY(to_storage(call.kind(), call.version(), std::move(applied), nullptr));
  registry::UpdateOptions options;
  options.subresource = registry::Subresource::scale;
  options.applied = true;
  options.dry_run = is_dry_run(call);
  Json made = TRY(registry::apply(call.kind(), &live->doc(), applied, how, registry.now()));
  RequestAdmission admission(call, "UPDATE", "PatchOptions");
  const Json current = TRY(scale_of(call, live->doc()));
  const Json asked = TRY(scale_of(call, made));
  const Json admitted = TRY(admission.mutate_part(asked, current));
  TRY(admission.validate_part(admitted, current));
  if (admitted["spec"] != asked["spec"]) made = TRY(scaled(call, made, admitted));
  const Ref object = TRY(registry.update(call.kind(), std::move(made), options));
  if (!options.dry_run) TRY(wait_durable(call, object->revision));
  return shown(call, object);
}

}  // namespace

Answer get_scale(Call& call) {
  const auto found = call.api.registry.get(call.kind(), call.route.ns, call.route.name);
  if (!found) return registry::not_found(call.kind(), call.route.name);
  TRY(wait_durable(call, found->revision));
  return shown(call, found);
}

Answer update_scale(Call& call) {
  TRY(check_write_options(call, "UpdateOptions"));
  const Json body = TRY(parse_body(call.request));
  if (!body["kind"].is_null() && body["kind"].string() != "Scale") {
    return registry::bad_request("a Scale is expected, not " + body["kind"].string());
  }
  if (const auto& version = body["apiVersion"].string(); !version.empty() && version != "autoscaling/v1") {
    return registry::bad_request("a Scale of autoscaling/v1 is expected, not of " + version);
  }
  if (const auto problem = type_problem(body); !problem.empty()) {
    return registry::bad_request("Scale in version \"v1\" cannot be handled as a Scale: " + problem);
  }
  return write_scale(call, [&](const Json&) -> Result<Json> { return body; });
}

Answer patch_scale(Call& call) {
  if (is_apply(call)) return apply_scale(call);
  TRY(check_write_options(call, "PatchOptions"));
  const Patch patch = TRY(Patch::of(call));
  return write_scale(call, [&](const Json& current) -> Result<Json> {
    Json scale = TRY(patch.apply(call, current));
    const auto problem = type_problem(scale);
    if (problem.empty()) return scale;
    const auto cause = meta::field_invalid("patch", scale.dump(), problem);
    return Error{
        .code = base::Code::invalid, .message = " \"\" is invalid: " + meta::text_of(cause), .causes = {cause}};
  });
}

}  // namespace server
