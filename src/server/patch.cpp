#include "server/patch.h"

#include <algorithm>

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
  if (!kind.custom) return {.code = base::Code::unsupported, .message = "415: Unsupported Media Type"};
  return {.code = base::Code::unsupported,
          .message =
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"};
}

Json in_order(const Json& value) {
  Json out = value;
  auto& members = out.mutable_members();
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

// What a patch makes of an object must still be one: else the patch is invalid, not the request.
Error undecodable(const Call& call, const Json& after, const Error& error) {
  const auto& kind = call.kind();
  if (error.code != base::Code::bad_request) return error;
  const std::string lead =
      kind.kind + " in version \"" + call.version().name + "\" cannot be handled as a " + kind.kind + ": ";
  const std::string why = error.message.starts_with(lead) ? error.message.substr(lead.size()) : error.message;
  const auto cause = meta::field_invalid("patch", in_order(after).dump(), why);
  return {.code = base::Code::invalid, .message = " \"\" is invalid: " + meta::text_of(cause), .causes = {cause}};
}

// Times that only the server sets cannot be changed by anybody.
Result<void> check_deletion_time(const Kind& kind, const Json& before, const Json& after) {
  const auto& was = before["metadata"]["deletionTimestamp"];
  const auto& is = after["metadata"]["deletionTimestamp"];
  if (is.is_null() || is == was) return {};
  return registry::invalid(kind, before["metadata"]["name"].string(),
                           {meta::field_invalid("metadata.deletionTimestamp", is, "field is immutable")});
}

// An object of a user's kind cannot be patched into another version.
Result<void> check_version_kept(Call& call, const Json& after) {
  const auto& given = after["apiVersion"];
  if (call.kind().custom && after.is_object() && after["kind"].string().empty()) {
    return undecodable(call, after,
                       registry::bad_request("Object 'Kind' is missing in '" + in_order(after).dump() + "'"));
  }
  if (!call.kind().custom || !after.is_object() || given.string() == call.api_version()) return {};
  warn_about_version(call, after);
  return registry::invalid(call.kind(), after["metadata"]["name"].string(),
                           {meta::field_invalid("apiVersion", given.string(), "must be " + call.api_version())});
}

// A patch may not make another object of it.
Result<void> check_unmoved(const Json& before, const Json& after) {
  const auto& was = before["metadata"];
  const auto& is = after["metadata"];
  const auto& name = is["name"].string();
  if (name.empty()) {
    return registry::bad_request("the name of the object (" + was["name"].string() +
                                 " based on URL) was undeterminable: name must be provided");
  }
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
    case Type::json: {
      auto patched = base::json_patch(current, body_);
      if (patched) return patched;
      return Error{.code = base::Code::invalid, .message = std::string(rejected)};
    }
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
  Json last_patched;
  const auto change = [&](const Json& stored) -> Result<Json> {
    const Json before = TRY(to_version(call.kind(), call.version(), stored));
    Json after = TRY(patch.apply(call, before));
    TRY(check_version_kept(call, after));
    if (auto same = check_identity(call, after); !same) {
      const bool moved = after["metadata"]["name"] != before["metadata"]["name"] ||
                         after["metadata"]["namespace"] != before["metadata"]["namespace"];
      return moved ? same.error() : undecodable(call, after, same.error());
    }
    TRY(check_unmoved(before, after));
    TRY(check_deletion_time(call.kind(), before, after));
    last_patched = after;
    TRY(check_uid(call.kind(), after, stored));
    if (auto known = check_fields(call, after, patch.duplicates()); !known) {
      return undecodable(call, after, known.error());
    }
    Json out = TRY(to_storage(call.kind(), call.version(), std::move(after), &stored));
    warn_about(call, out);
    warn_about_finalizers(call, out, &stored);
    TRY(check_grants(call, out, &stored));
    return out;
  };
  auto done = call.api.registry.modify(call.kind(), call.route.ns, call.route.name, options, change);
  // Wrong types come to light when the object is decoded again.
  const bool wrong_type =
      !done && !call.kind().custom && done.error().message.find("cannot be handled as a") != std::string::npos;
  if (wrong_type) return undecodable(call, last_patched, done.error());
  return written(call, 200, done);
}

}  // namespace server
