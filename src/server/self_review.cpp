// SelfSubjectAccessReview (authorization.k8s.io/v1) and SelfSubjectReview (authentication.k8s.io/v1).
#include "server/auth.h"
#include "server/body.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/view.h"

namespace server {
namespace {

// Whether the user of the call may do what `spec` describes.
bool may(const Call& call, const Json& spec) {
  Attributes asked;
  if (const auto& path = spec["nonResourceAttributes"]; path.is_object()) {
    asked.verb = path["verb"].string();
    asked.path = path["path"].string();
  } else {
    const auto& resource = spec["resourceAttributes"];
    asked.verb = resource["verb"].string();
    asked.group = resource["group"].string();
    asked.resource = resource["resource"].string();
    asked.subresource = resource["subresource"].string();
    asked.ns = resource["namespace"].string();
    asked.name = resource["name"].string();
  }
  return is_allowed(call.api, call.user, asked);
}

Json user_info(const User& user) {
  return Json::object({{"username", user.name}, {"groups", Json::strings(user.groups)}});
}

Answer review(Call& call) {
  Json doc = TRY(parse_body(call.request));
  const bool access = call.route.plural == "selfsubjectaccessreviews";
  Json out = Json::object({{"kind", access ? "SelfSubjectAccessReview" : "SelfSubjectReview"},
                           {"apiVersion", call.route.group + "/" + call.route.version},
                           {"metadata", Json::object()}});
  if (access) {
    const Json& spec = doc["spec"];
    if (!spec["resourceAttributes"].is_object() && !spec["nonResourceAttributes"].is_object()) {
      return registry::bad_request("spec must have resourceAttributes or nonResourceAttributes");
    }
    out.set("spec", spec).set("status", Json::object({{"allowed", may(call, spec)}}));
  } else {
    out.set("status", Json::object({{"userInfo", user_info(call.user)}}));
  }
  return answer(call, 201, out.dump());
}

bool is_self_review(const Route& route) {
  if (!route.is_resource || route.verb != "create" || !route.ns.empty() || !route.name.empty()) return false;
  if (route.version != "v1") return false;
  if (route.group == "authorization.k8s.io") return route.plural == "selfsubjectaccessreviews";
  return route.group == "authentication.k8s.io" && route.plural == "selfsubjectreviews";
}

}  // namespace

std::optional<net::Response> answer_self_review(Call& call) {
  if (!is_self_review(call.route) || call.user.name == "system:anonymous") return std::nullopt;
  auto response = review(call);
  return response ? std::move(*response) : failure(response.error());
}

}  // namespace server
