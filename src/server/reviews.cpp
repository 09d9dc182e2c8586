// Questions posted as documents that are not stored: who is this (TokenReview, SelfSubjectReview), may they
// (SubjectAccessReview and its kin), what may I (SelfSubjectRulesReview).
#include "server/reviews.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "base/time.h"
#include "server/accept.h"
#include "server/auth.h"
#include "server/authentication.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/posted.h"
#include "server/protobuf_write.h"
#include "server/rbac.h"
#include "server/service_tokens.h"
#include "server/view.h"

namespace server {
namespace {

constexpr ReviewKind kinds[] = {
    {"authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", false, true},
    {"authentication.k8s.io", "TokenReview", "tokenreviews", false, false},
    {"authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", true, false},
    {"authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false, true},
    {"authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false, true},
    {"authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", false, false},
};

Attributes asked_by(const Json& spec) {
  Attributes asked;
  if (const auto& path = spec["nonResourceAttributes"]; path.is_object()) {
    asked.verb = path["verb"].string();
    asked.path = path["path"].string();
    return asked;
  }
  const auto& resource = spec["resourceAttributes"];
  asked.verb = resource["verb"].string();
  asked.group = resource["group"].string();
  asked.resource = resource["resource"].string();
  asked.subresource = resource["subresource"].string();
  asked.ns = resource["namespace"].string();
  asked.name = resource["name"].string();
  return asked;
}

std::vector<std::string> strings_of(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item.string());
  return out;
}

// Upstream tells the group here, and forgets the kind.
Error invalid_review(const ReviewKind& kind, std::vector<base::FieldError> causes) {
  Kind nameless;
  nameless.group = kind.group;
  return registry::invalid(nameless, {}, std::move(causes));
}

// A selector is text or requirements.
void check_selector(const Json& attributes, const char* name, std::vector<base::FieldError>& found) {
  const auto& selector = attributes[name];
  if (!selector.is_object()) return;
  const std::string at = std::string("spec.resourceAttributes.") + name;
  const auto& raw = selector["rawSelector"];
  if (!raw.string().empty() && !selector["requirements"].empty()) {
    found.push_back(
        meta::field_invalid(at + ".rawSelector", raw, "may not specified at the same time as requirements"));
  } else if (raw.string().empty() && selector["requirements"].empty()) {
    found.push_back(meta::field_required(at + ".requirements",
                                         "when " + at + " is specified, requirements or rawSelector is required"));
  }
}

// As Go writes it, whose names are not those of JSON.
Json shown_path(const Json& path) {
  return Json::object({{"Path", path["path"].string()}, {"Verb", path["verb"].string()}});
}

Result<void> check_access(const Call& call, const ReviewKind& kind, const Json& doc) {
  const Json& spec = doc["spec"];
  const bool resource = spec["resourceAttributes"].is_object(), path = spec["nonResourceAttributes"].is_object();
  std::vector<base::FieldError> found;
  if (resource && path) {
    found.push_back(meta::field_invalid("spec.nonResourceAttributes", shown_path(spec["nonResourceAttributes"]),
                                        "cannot be specified in combination with resourceAttributes"));
  } else if (!resource && !path) {
    found.push_back(
        meta::field_invalid("spec.resourceAttributes", nullptr,
                            "exactly one of nonResourceAttributes or resourceAttributes must be specified"));
  }
  if (!kind.self && spec["user"].string().empty() && spec["groups"].empty()) {
    found.push_back(
        meta::field_invalid("spec.user", spec["user"].string(), "at least one of user or group must be specified"));
  }
  check_selector(spec["resourceAttributes"], "fieldSelector", found);
  check_selector(spec["resourceAttributes"], "labelSelector", found);
  Json metadata = doc["metadata"];
  metadata.erase("namespace");
  if (!metadata.empty()) {
    found.push_back(meta::field_invalid("metadata", metadata,
                                        kind.namespaced ? "must be empty except for namespace" : "must be empty"));
  }
  const auto& asked_ns = spec["resourceAttributes"]["namespace"].string();
  if (kind.namespaced && resource && asked_ns != call.route.ns) {
    found.push_back(
        meta::field_invalid("spec.resourceAttributes.namespace", asked_ns, "must match metadata.namespace"));
  }
  if (kind.namespaced && path && !resource) {
    found.push_back(meta::field_invalid("spec.nonResourceAttributes", shown_path(spec["nonResourceAttributes"]),
                                        "disallowed on this kind of request"));
  }
  if (found.empty()) return {};
  return invalid_review(kind, std::move(found));
}

Result<Json> access_status(const Call& call, const ReviewKind& kind, const Json& doc) {
  TRY(check_access(call, kind, doc));
  const Json& spec = doc["spec"];
  User user = call.user;
  if (!kind.self) user = {spec["user"].string(), strings_of(spec["groups"]), spec["uid"].string(), {}};
  const auto asked = asked_by(spec);
  Json out = Json::object({{"allowed", is_allowed(call.api, user, asked)}});
  if (!call.api.rbac) return out;
  if (const auto why = call.api.rbac->reason(user, asked); !why.empty()) out.set("reason", why);
  return out;
}

Result<Json> rules_status(const Call& call, const Json& spec) {
  const auto& ns = spec["namespace"].string();
  if (ns.empty()) return registry::bad_request("no namespace on request");
  Json resources = Json::array(), paths = Json::array();
  const auto all = call.api.rbac ? call.api.rbac->rules(call.user, ns) : std::vector<PolicyRule>();
  for (const auto& rule : all) {
    Json doc = json_of(rule);
    if (doc.has("nonResourceURLs")) {
      paths.push(Json::object({{"nonResourceURLs", doc["nonResourceURLs"]}, {"verbs", doc["verbs"]}}));
      doc.erase("nonResourceURLs");
    }
    if (doc.has("resources")) resources.push(std::move(doc));
  }
  // Incomplete where something else than RBAC decides: its rules cannot be listed.
  return Json::object({{"resourceRules", std::move(resources)},
                       {"nonResourceRules", std::move(paths)},
                       {"incomplete", call.api.rbac == nullptr}});
}

Result<Json> token_status(const Call& call, const Json& spec) {
  const auto& token = spec["token"].string();
  if (token.empty()) return registry::bad_request("token is required for TokenReview in authentication");
  const auto known = user_of_token(call.api, token, strings_of(spec["audiences"]));
  if (!known) return Json::object({{"user", Json::object()}, {"error", "invalid bearer token"}});
  return Json::object(
      {{"authenticated", true}, {"user", user_info(known->user)}, {"audiences", Json::strings(known->audiences)}});
}

Result<Json> status_of(const Call& call, const ReviewKind& kind, const Json& doc) {
  if (kind.plural == "selfsubjectreviews") return Json::object({{"userInfo", user_info(call.user)}});
  if (kind.plural == "selfsubjectrulesreviews") return rules_status(call, doc["spec"]);
  if (kind.plural == "tokenreviews") return token_status(call, doc["spec"]);
  return access_status(call, kind, doc);
}

// What is left of the metadata that was sent.
Json shown_metadata(const Call& call, const ReviewKind& kind, const Json& sent) {
  Json out = Json::object();
  if (kind.plural == "selfsubjectreviews") {
    return out.set("creationTimestamp", base::rfc3339(call.api.registry.now()));
  }
  if (kind.plural == "tokenreviews") out = sent.is_object() ? sent : out;
  if (kind.namespaced) out.set("namespace", call.route.ns);
  return out;
}

Answer review(Call& call, const ReviewKind& kind) {
  Json doc = TRY(parse_posted(call, kind.group, kind.kind));
  const auto& ns = doc["metadata"]["namespace"].string();
  if (kind.namespaced && !ns.empty() && ns != call.route.ns) {
    return registry::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  auto status = TRY(status_of(call, kind, doc));
  Json out = Json::object({{"kind", kind.kind},
                           {"apiVersion", call.route.group + "/" + call.route.version},
                           {"metadata", shown_metadata(call, kind, doc["metadata"])}});
  // The answer to the question for rules leaves the question out.
  if (kind.plural == "selfsubjectrulesreviews") {
    out.set("spec", Json::object());
  } else if (kind.plural != "selfsubjectreviews") {
    out.set("spec", doc["spec"].is_null() ? Json::object() : doc["spec"]);
  }
  return answer(call, 201, out.set("status", std::move(status)).dump());
}

}  // namespace

namespace {
// A kind that has a form in another group, as that group's discovery shows it.
Kind in_other_group(const Kind& kind, const meta::Version& version, const std::string& group, const std::string& name) {
  Kind out = kind;
  out.group = group;
  out.versions = {version};
  out.versions[0].name = name;
  out.versions[0].served = true;
  out.storage_version = name;
  return out;
}
}  // namespace

meta::Scheme with_reviews(const meta::Scheme& scheme) {
  meta::Scheme out;
  for (const Kind* kind : scheme.kinds()) {
    out.add(*kind);
    for (const auto& version : kind->versions) {
      const auto [group, name] = meta::split_api_version(version.name);
      if (!group.empty()) out.add(in_other_group(*kind, version, group, name));
    }
  }
  for (const auto& review : kinds) {
    Kind kind;
    kind.group = review.group;
    kind.kind = review.kind;
    kind.list_kind = kind.kind + "List";
    kind.plural = review.plural;
    kind.singular = base::lower(review.kind);
    kind.namespaced = review.namespaced;
    kind.custom = false;
    kind.storage_version = "v1";
    kind.versions.emplace_back().name = "v1";
    out.add(std::move(kind));
  }
  return out;
}

const ReviewKind* review_kind(const Route& route) {
  if (!route.is_resource || route.verb != "create" || !route.name.empty() || route.version != "v1") return nullptr;
  for (const auto& kind : kinds) {
    if (kind.group == route.group && kind.plural == route.plural && kind.namespaced != route.ns.empty()) return &kind;
  }
  return nullptr;
}

bool is_review_path(const Route& route) {
  return std::any_of(std::begin(kinds), std::end(kinds), [&](const ReviewKind& kind) {
    return route.version == "v1" && kind.group == route.group && kind.plural == route.plural;
  });
}

net::Response answer_review(Call& call, const ReviewKind& kind) {
  // Reviews are no kinds of the scheme, so nothing was negotiated yet.
  for (const auto& range : parse_accept(call.request.headers.get("Accept"))) {
    call.view.protobuf = range.type == protobuf_type;
    call.view.yaml = range.type == "application/yaml";
    if (call.view.protobuf || call.view.yaml || range.accepts("application/json")) break;
  }
  auto response = review(call, kind);
  return response ? std::move(*response) : failure(response.error());
}

}  // namespace server
