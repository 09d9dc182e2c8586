#include "server/patch.h"

#include <algorithm>

#include "base/text.h"
#include "meta/go_text.h"
#include "registry/metadata.h"
#include "server/admission/admission.h"
#include "server/apply.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/escalation.h"
#include "server/strategic_merge.h"
#include "server/view.h"
#include "server/write.h"
#include "wire/json_syntax.h"

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

// Objects that a patch goes into become maps, whose members Go writes in the order of their names. `touched` has the
// members that the patch goes into as objects; null: all are maps.
Json in_order(const Json& value, const Json* touched) {
  Json out = value;
  if (value.is_array()) {
    for (auto& item : out.mutable_items()) item = touched ? item : in_order(Json(item), nullptr);
  }
  if (!value.is_object()) return out;
  auto& members = out.mutable_members();
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [name, member] : members) {
    const Json* below = touched ? touched->find(name) : nullptr;
    if (!touched || (below && below->is_object())) member = in_order(Json(member), below);
  }
  return out;
}

// The way to each place that a JSON patch speaks of, as one document.
Json places_of(const Json& operations) {
  Json out = Json::object();
  for (const auto& operation : operations.items()) {
    for (const char* name : {"path", "from"}) {
      Json* at = &out;
      for (const auto part : base::split(operation[name].string(), '/')) {
        if (part.empty()) continue;
        if (!at->is_object()) *at = Json::object();
        at = &at->child(base::replace_all(base::replace_all(std::string(part), "~1", "/"), "~0", "~"));
      }
    }
  }
  return out;
}

// Why a bad request is bad, without the words on what was to be decoded.
std::string reason_of(const Error& error) {
  constexpr std::string_view lead = " cannot be handled as a ";
  const size_t at = error.message.find(lead);
  const size_t end = at == std::string::npos ? at : error.message.find(": ", at + lead.size());
  return end == std::string::npos ? error.message : error.message.substr(end + 2);
}

// Times that only the server sets cannot be changed by anybody.
Result<void> check_deletion_time(const Kind& kind, const Json& before, const Json& after) {
  const auto& was = before["metadata"]["deletionTimestamp"];
  const auto& is = after["metadata"]["deletionTimestamp"];
  if (is.is_null() || is == was) return {};
  const auto cause = meta::field_invalid("metadata.deletionTimestamp", is, "field is immutable");
  return registry::invalid(kind, before["metadata"]["name"].string(), {cause, cause});  // found twice
}

// An object of a user's kind cannot be patched into another version.
Result<void> check_version_kept(Call& call, const Patch& patch, const Json& after) {
  const auto& given = after["apiVersion"];
  if (call.kind().custom && after.is_object() && after["kind"].string().empty()) {
    const auto text = in_order(after, nullptr).dump();
    return patch.undecodable(call, after, registry::bad_request("Object 'Kind' is missing in '" + text + "'"));
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
  how.duplicates = &patch.problems_.duplicates;
  const std::string lead = patch.type_ == Type::strategic ? "" : "error decoding patch: ";
  auto body = base::parse_json(call.request.body, how);
  if (!body) {
    if (body.error().code != base::Code::bad_request) return std::move(body).error();
    const auto why = wire::json_syntax_problem(call.request.body);
    return registry::bad_request(lead + (why.empty() ? body.error().message : why));
  }
  patch.body_ = std::move(*body);
  if (patch.body_.is_null()) {
    if (patch.type_ == Type::merge) return registry::bad_request("Invalid JSON Patch");
    patch.body_ = patch.type_ == Type::json ? Json::array() : Json::object();
  }
  if (patch.type_ == Type::json ? !patch.body_.is_array() : !patch.body_.is_object()) {
    return registry::bad_request(lead + "json: cannot unmarshal " + meta::go_json_type(patch.body_) +
                                 " into Go value of type " +
                                 (patch.type_ == Type::json ? "[]handlers.jsonPatchOp" : "map[string]interface {}"));
  }
  for (const auto& operation : patch.type_ == Type::json ? patch.body_.items() : Json::Array()) {
    if (operation.is_object() || operation.is_null()) continue;
    return registry::bad_request("error decoding patch: json: cannot unmarshal " + meta::go_json_type(operation) +
                                 " into Go value of type handlers.jsonPatchOp");
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
    case Type::strategic: {
      Json after = TRY(strategic_merge(call.kind(), call.version().name, current, body_));
      const auto problem = meta::restore_problem(*call.version().schema, after);
      if (!problem.empty()) return undecodable(call, after, registry::bad_request(problem));
      // Decoded into the kind that it is, whatever it says.
      if (after.has("metadata")) after.set("apiVersion", call.api_version()).set("kind", call.kind().kind);
      return after;
    }
    case Type::merge:
      break;
  }
  return base::merge_patch(current, body_);
}

// What a patch makes of an object must still be one: else the patch is invalid, not the request. Of a strategic patch
// there is no JSON text of the object, so it is shown itself.
Error Patch::undecodable(const Call& call, const Json& after, const Error& why) const {
  if (why.code != base::Code::bad_request) return why;
  const Json touched = type_ == Type::json ? places_of(body_) : body_;
  Json shown_doc = after;
  // What the patch does not go into is written as Go writes it.
  if (!call.kind().custom && !touched["metadata"].is_object())
    (void)registry::normalise_metadata(call.kind(), shown_doc);
  const auto shown = type_ == Type::strategic ? meta::go_text(body_)
                                              : in_order(shown_doc, call.kind().custom ? nullptr : &touched).dump();
  const auto cause = meta::field_invalid("patch", shown, reason_of(why));
  return {.code = base::Code::invalid, .message = " \"\" is invalid: " + meta::text_of(cause), .causes = {cause}};
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
    TRY(check_version_kept(call, patch, after));
    if (auto same = check_identity(call, after); !same) {
      const bool moved = after["metadata"]["name"] != before["metadata"]["name"] ||
                         after["metadata"]["namespace"] != before["metadata"]["namespace"];
      return moved ? same.error() : patch.undecodable(call, after, same.error());
    }
    TRY(check_unmoved(before, after));
    TRY(check_deletion_time(call.kind(), before, after));
    last_patched = after;
    TRY(check_uid(call.kind(), after, stored));
    if (auto known = check_fields(call, after, patch.problems()); !known) {
      return patch.undecodable(call, after, known.error());
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
  if (wrong_type) return patch.undecodable(call, last_patched, done.error());
  return written(call, 200, done);
}

}  // namespace server
