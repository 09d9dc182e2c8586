#include "server/patch.h"

#include "server/admission/admission.h"
#include "server/apply.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/escalation.h"
#include "server/strategic_merge.h"
#include "server/view.h"
#include "server/write.h"

namespace server {
namespace {

constexpr size_t json_patch_operations_max = 10'000;

Error unsupported_patch(const Kind& kind) {
  std::string text =
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json-patch+json, application/merge-patch+json";
  if (!kind.custom) text += ", application/strategic-merge-patch+json";
  text += ", application/apply-patch+yaml";
  return {.code = base::Code::unsupported, .message = std::move(text)};
}

// A patch may not make another object of it.
Result<void> check_unmoved(const Json& before, const Json& after) {
  const auto& was = before["metadata"];
  const auto& is = after["metadata"];
  const auto& name = is["name"].string();
  if (name != was["name"].string()) {
    return registry::bad_request("the name of the object (" + name + ") does not match the name on the URL (" +
                                 was["name"].string() + ")");
  }
  return {};
}

}  // namespace

Result<Patch> Patch::of(const Call& call) {
  const auto type = media_type(call.request);
  Patch patch;
  if (type == "application/json-patch+json") {
    patch.type_ = Type::json;
  } else if (type == "application/merge-patch+json") {
    patch.type_ = Type::merge;
  } else if (type == "application/strategic-merge-patch+json" && !call.kind().custom) {
    patch.type_ = Type::strategic;
  } else {
    return unsupported_patch(call.kind());
  }
  base::JsonParse how;
  how.duplicates = &patch.duplicates_;
  auto body = base::parse_json(call.request.body, how);
  if (!body) return registry::bad_request("error decoding patch: " + body.error().message);
  patch.body_ = std::move(*body);
  if (patch.type_ == Type::json ? !patch.body_.is_array() : !patch.body_.is_object()) {
    return registry::bad_request("error decoding patch: a JSON " +
                                 std::string(patch.type_ == Type::json ? "array" : "object") + " is expected, not " +
                                 std::string(patch.body_.type_name()));
  }
  if (patch.type_ == Type::json && patch.body_.size() > json_patch_operations_max) {
    return Error{.code = base::Code::too_large,
                 .message = "The allowed maximum operations in a JSON patch is " +
                            std::to_string(json_patch_operations_max) + ", got " + std::to_string(patch.body_.size())};
  }
  return patch;
}

Result<Json> Patch::apply(const Call& call, const Json& current) const {
  switch (type_) {
    case Type::json:
      return base::json_patch(current, body_);
    case Type::strategic:
      return strategic_merge(call.kind(), call.version().name, current, body_);
    case Type::merge:
      break;
  }
  return base::merge_patch(current, body_);
}

Answer patch_object(Call& call) {
  if (is_apply(call)) return apply_object(call);
  TRY(check_write_options(call, "PatchOptions"));
  if (call.route.query.has("force")) {
    return invalid_options("PatchOptions", meta::field_forbidden("force", "may not be specified for non-apply patch"));
  }
  const Patch patch = TRY(Patch::of(call));
  registry::UpdateOptions options;
  options.warnings = &call.warnings;
  options.subresource = subresource_of(call);
  options.dry_run = is_dry_run(call);
  options.field_manager = call.field_manager();
  options.api_version = managed_version(call);
  RequestAdmission admission(call, "UPDATE", "PatchOptions");
  options.admission = admission.hook();
  const auto change = [&](const Json& stored) -> Result<Json> {
    const Json before = TRY(to_version(call.kind(), call.version(), stored));
    Json after = TRY(patch.apply(call, before));
    TRY(check_identity(call, after));
    TRY(check_unmoved(before, after));
    TRY(check_uid(call.kind(), after, stored));
    TRY(check_fields(call, after, patch.duplicates()));
    Json out = TRY(to_storage(call.kind(), call.version(), std::move(after), &stored));
    warn_about(call, out);
    TRY(check_grants(call, out, &stored));
    return out;
  };
  return written(call, 200, call.api.registry.modify(call.kind(), call.route.ns, call.route.name, options, change));
}

}  // namespace server
