#include "server/admission/review.h"

#include "base/text.h"
#include "server/authentication.h"

namespace server {
namespace {

using base::Error;
using base::Json;
using base::Result;

std::string api_version(const std::string& version) { return "admission.k8s.io/" + version; }

Json kind_of(const AdmissionAttributes& asked, const std::string& version) {
  return Json::object({{"group", asked.group}, {"version", version}, {"kind", asked.kind}});
}

Json resource_of(const AdmissionAttributes& asked, const std::string& version) {
  return Json::object({{"group", asked.group}, {"version", version}, {"resource", asked.resource}});
}

// Scale, Eviction and the like are of their own group and version, whatever the resource's.
Json kind_of_document(const AdmissionAttributes& asked, const ReviewQuestion& question) {
  const Json& doc = question.object.is_null() ? question.old : question.object;
  const std::string& text = doc["apiVersion"].string();
  if (asked.subresource.empty() || text.empty()) return kind_of(asked, question.version);
  const auto [group, version] = meta::split_api_version(text);
  return Json::object({{"group", group}, {"version", version}, {"kind", doc["kind"]}});
}

// "group/version, Kind=kind", as Go writes it.
std::string type_text(const Json& doc) { return doc["apiVersion"].string() + ", Kind=" + doc["kind"].string(); }

Error invalid_answer(const std::string& why) { return base::invalid("received invalid webhook response: " + why); }

// patch and patchType go together, and only from those who may change something.
Result<void> check_patch(const Json& response, bool mutating) {
  const bool patch = !response["patch"].string().empty();
  const Json& type = response["patchType"];
  if (!mutating) {
    if (patch) return invalid_answer("validating webhook may not return response.patch");
    if (!type.is_null()) return invalid_answer("validating webhook may not return response.patchType");
    return {};
  }
  if (patch && type.is_null()) return invalid_answer("webhook returned response.patch but not response.patchType");
  if (!patch && !type.is_null()) return invalid_answer("webhook returned response.patchType but not response.patch");
  if (!type.is_null() && type.string().empty()) {
    return invalid_answer("webhook returned invalid response.patchType of \"\"");
  }
  return {};
}

Result<Json> patch_of(const Json& response, bool v1) {
  const std::string undecodable = "received undecodable patch in webhook response: ";
  const auto bytes = base::unbase64(response["patch"].string());
  if (!bytes) return base::invalid(undecodable + "illegal base64 data");
  auto patch = base::parse_json(*bytes);
  if (!patch) return base::invalid(undecodable + patch.error().message);
  if (!patch->is_array()) return base::invalid(undecodable + "not an array");
  if (patch->empty()) return Json();
  const std::string& type = response["patchType"].string();
  if (v1 && type != "JSONPatch") return base::invalid("unsupported patch type " + base::quoted(type));
  return patch;
}

}  // namespace

std::optional<std::string> review_version_of(const Json& versions) {
  for (const auto& version : versions.items()) {
    if (version.string() == "v1" || version.string() == "v1beta1") return version.string();
  }
  return std::nullopt;
}

Json admission_review(const AdmissionAttributes& asked, const ReviewQuestion& question) {
  Json request = Json::object({{"uid", question.uid},
                               {"kind", kind_of_document(asked, question)},
                               {"resource", resource_of(asked, question.version)}});
  if (!asked.subresource.empty()) request.set("subResource", asked.subresource);
  ReviewQuestion own = question;
  own.version = asked.version;
  request.set("requestKind", kind_of_document(asked, own));
  request.set("requestResource", resource_of(asked, asked.version));
  if (!asked.subresource.empty()) request.set("requestSubResource", asked.subresource);
  if (!asked.name.empty()) request.set("name", asked.name);
  if (!asked.ns.empty()) request.set("namespace", asked.ns);
  request.set("operation", asked.operation).set("userInfo", user_info(asked.user));
  request.set("object", question.object).set("oldObject", question.old);
  request.set("dryRun", asked.dry_run).set("options", asked.options);
  return Json::object({{"kind", "AdmissionReview"},
                       {"apiVersion", api_version(question.review_version)},
                       {"request", std::move(request)}});
}

Result<ReviewAnswer> read_review(const Json& review, const ReviewQuestion& question, bool mutating) {
  const bool v1 = question.review_version == "v1";
  const Json& response = review["response"];
  if (!response.is_object()) return invalid_answer("webhook response was absent");
  if (v1) {
    if (response["uid"].string() != question.uid) {
      return invalid_answer("expected response.uid=" + base::quoted(question.uid) + ", got " +
                            base::quoted(response["uid"].string()));
    }
    if (review["apiVersion"].string() != api_version("v1") || review["kind"].string() != "AdmissionReview") {
      return invalid_answer("expected webhook response of " + api_version("v1") + ", Kind=AdmissionReview, got " +
                            type_text(review));
    }
    TRY(check_patch(response, mutating));
  }
  ReviewAnswer out;
  out.allowed = response["allowed"].boolean();
  out.status = response["status"];
  if (mutating && out.allowed && !response["patch"].string().empty()) out.patch = TRY(patch_of(response, v1));
  for (const auto& warning : response["warnings"].items()) out.warnings.push_back(warning.string());
  for (const auto& [key, value] : response["auditAnnotations"].members()) out.annotations[key] = value.string();
  return out;
}

Json denial(const std::string& name, const Json& result) {
  std::string message = "admission webhook " + base::quoted(name) + " denied the request";
  const std::string& said = result["message"].string();
  const std::string& reason = result["reason"].string();
  if (!said.empty()) {
    message += ": " + said;
  } else if (!reason.empty()) {
    message += ": " + reason;
  } else {
    message += " without explanation";
  }
  const std::string status = result["status"].string();
  int64_t code = result["code"].integer();
  if (code < 400 || code > 599) code = 400;
  Json out = Json::object({{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}});
  out.set("status", status.empty() || status == "Success" ? "Failure" : status).set("message", message);
  if (!reason.empty()) out.set("reason", reason);
  if (result["details"].is_object()) out.set("details", result["details"]);
  return out.set("code", code);
}

}  // namespace server
