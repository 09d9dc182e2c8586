#include "remote/conversion.h"

#include "base/text.h"
#include "server/convert.h"

namespace remote {

using base::Error;
using meta::Kind;

namespace {

// The part of `doc` where `patch` has something.
Json at_places_of(const Json& doc, const Json& patch) {
  if (!patch.is_object()) return doc;
  Json out = Json::object();
  for (const auto& [key, value] : patch.members()) out.set(key, at_places_of(doc[key], value));
  return out;
}

// Puts `lost` back where the object still is as it was `seen`; what the client changed stays changed.
Json put_back(Json doc, const Json& lost, const Json& seen) {
  if (!lost.is_object()) return doc == seen ? lost : doc;
  for (const auto& [key, value] : lost.members()) {
    Json now = put_back(doc[key], value, seen[key]);
    if (now.is_null()) {
      if (doc.is_object()) doc.erase(key);
    } else {
      doc.set(key, std::move(now));
    }
  }
  return doc;
}

Result<Json> to_old(const Kind& kind, const meta::Version& version, const Json& stored) {
  Json shown = TRY(server::to_version(kind, version, stored));
  const Json back = TRY(server::to_storage(kind, version, shown, nullptr));
  const Json lost = base::merge_diff(back, stored);
  if (lost.empty()) return shown;
  const Json kept = Json::object({{"lost", lost}, {"seen", at_places_of(back, lost)}});
  shown.child("metadata").child("annotations").set(kept_annotation, kept.dump());
  return shown;
}

Result<Json> to_stored(const Kind& kind, const meta::Version& version, Json doc) {
  const std::string text = doc.path("metadata.annotations")[kept_annotation].string();
  if (!text.empty()) {
    Json& annotations = doc.child("metadata").child("annotations");
    annotations.erase(kept_annotation);
    if (annotations.empty()) doc.child("metadata").erase("annotations");
  }
  Json out = TRY(server::to_storage(kind, version, std::move(doc), nullptr));
  if (text.empty()) return out;
  const auto kept = base::parse_json(text);
  if (!kept) return out;  // somebody wrote nonsense there: nothing to put back
  return put_back(std::move(out), (*kept)["lost"], (*kept)["seen"]);
}

}  // namespace

Result<Json> convert(const meta::Scheme& scheme, const Json& object, std::string_view api_version) {
  const auto [group, wanted] = meta::split_api_version(api_version);
  const auto [from_group, from] = meta::split_api_version(object["apiVersion"].string());
  const Kind* kind = group == from_group ? scheme.by_kind(group, object["kind"].string()) : nullptr;
  const meta::Version* target = kind ? kind->version(wanted) : nullptr;
  const meta::Version* source = kind ? kind->version(from) : nullptr;
  if (!target || !source) {
    return base::invalid("no conversion from " + object["apiVersion"].string() + " to " + std::string(api_version) +
                         " for " + base::quoted(object["kind"].string()));
  }
  Json stored = object;
  if (source->name != kind->storage_version) stored = TRY(to_stored(*kind, *source, std::move(stored)));
  if (target->name == kind->storage_version) return stored;
  return to_old(*kind, *target, stored);
}

Result<Json> answer_conversion(const meta::Scheme& scheme, const Json& review) {
  const Json& request = review["request"];
  if (review["kind"].string() != "ConversionReview" || !request["uid"].is_string()) {
    return Error{base::Code::bad_request, "the request is no ConversionReview of apiextensions.k8s.io/v1"};
  }
  Json converted = Json::array();
  Json response = Json::object({{"uid", request["uid"]}});
  Json result = Json::object({{"status", "Success"}});
  for (const auto& object : request["objects"].items()) {
    auto done = convert(scheme, object, request["desiredAPIVersion"].string());
    if (!done) {
      result = Json::object({{"status", "Failure"}, {"message", done.error().message}});
      converted = Json::array();
      break;
    }
    converted.push(std::move(*done));
  }
  response.set("result", result).set("convertedObjects", converted);
  return Json::object(
      {{"apiVersion", "apiextensions.k8s.io/v1"}, {"kind", "ConversionReview"}, {"response", response}});
}

}  // namespace remote
