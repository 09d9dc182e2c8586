// serviceaccounts/NAME/token: TokenRequest (authentication.k8s.io/v1).
#include "base/text.h"
#include "server/body.h"
#include "server/handlers.h"
#include "server/posted.h"
#include "server/service_tokens.h"
#include "server/view.h"

namespace server {
namespace {

constexpr int64_t life_min = 600, life_max = int64_t{1} << 32, life_default = 3600;  // seconds
// Signed times are counted in 64-bit nanoseconds; a century is for ever.
constexpr int64_t life_signed_max = int64_t{100} * 366 * 24 * 3600;

Error invalid_request(std::string_view name, base::FieldError cause) {
  Kind request;
  request.group = "authentication.k8s.io";
  request.kind = "TokenRequest";
  return registry::invalid(request, name, {std::move(cause)});
}

Result<int64_t> life_of(const Json& spec) {
  const Json& asked = spec["expirationSeconds"];
  if (asked.is_null()) return life_default;
  if (!asked.is_integer() || asked.integer() < life_min) {
    return invalid_request(
        {}, meta::field_invalid("spec.expirationSeconds", asked, "may not specify a duration less than 10 minutes"));
  }
  if (asked.integer() > life_max) {
    return invalid_request({}, meta::field_invalid("spec.expirationSeconds", asked,
                                                   "may not specify a duration larger than 2^32 seconds"));
  }
  return std::min(asked.integer(), life_signed_max);
}

Result<std::vector<std::string>> audiences_of(const Call& call, const Json& spec) {
  std::vector<std::string> out;
  for (const auto& audience : spec["audiences"].items()) {
    if (audience.string().empty()) {
      return registry::bad_request("spec.audiences must be names");
    }
    out.push_back(audience.string());
  }
  return out.empty() ? call.api.tokens->default_audiences() : out;
}

// The object whose end is the token's end.
Result<void> bind(const Call& call, const Json& ref, ServiceTokens::Wanted& wanted) {
  if (!ref.is_object()) return {};
  const auto& kind_name = ref["kind"].string();
  const auto& name = ref["name"].string();
  const auto& uid = ref["uid"].string();
  const bool supported = kind_name == "Secret" || kind_name == "Pod";
  const Kind* kind = supported ? call.api.registry.scheme().by_kind({}, kind_name) : nullptr;
  if (!kind || ref["apiVersion"].string() != "v1") {
    const auto [group, version] = meta::split_api_version(ref["apiVersion"].string());
    return registry::bad_request("cannot bind token to object of type " + group + "/" + version +
                                 ", Kind=" + kind_name);
  }
  const auto object = call.api.registry.get(*kind, call.route.ns, name);
  if (!object) return registry::not_found(*kind, name);
  if (!uid.empty() && uid != object->uid()) {
    Kind named = *kind;
    named.plural = kind->kind;  // as Go names it in this one
    return registry::conflict(named, name,
                              "the UID in the bound object reference (" + uid +
                                  ") does not match the UID in record. The object might have been deleted and then "
                                  "recreated");
  }
  wanted.bound_kind = kind_name;
  wanted.bound_name = name;
  wanted.bound_uid = object->uid();
  return {};
}

}  // namespace

Answer create_token(Call& call) {
  TRY(check_write_options(call, "CreateOptions"));
  const Json doc = TRY(parse_posted(call, "authentication.k8s.io", "TokenRequest"));
  const Ref account = call.api.registry.get(call.kind(), call.route.ns, call.route.name);
  if (!account) return registry::not_found(call.kind(), call.route.name);
  TRY(wait_durable(call, account->revision));
  if (const auto& said = doc["metadata"]["name"].string(); !said.empty() && said != call.route.name) {
    return invalid_request(call.route.name, meta::field_invalid("metadata.name", said,
                                                                "must match the service account name if specified"));
  }
  const Json spec = doc["spec"];
  ServiceTokens::Wanted wanted;
  wanted.ns = call.route.ns;
  wanted.account = call.route.name;
  wanted.account_uid = account->uid();
  const int64_t life = TRY(life_of(spec));
  wanted.audiences = TRY(audiences_of(call, spec));
  TRY(bind(call, spec["boundObjectRef"], wanted));
  wanted.issued = call.api.registry.now();
  wanted.expires = wanted.issued + std::chrono::seconds(life);
  wanted.id = call.api.sys.random.uuid();

  Json shown = Json::object({{"audiences", Json::strings(wanted.audiences)}, {"expirationSeconds", life}});
  shown.set("boundObjectRef", spec["boundObjectRef"]);
  Json status = Json::object({{"expirationTimestamp", base::rfc3339(wanted.expires)}});
  if (!is_dry_run(call)) status.set("token", TRY(call.api.tokens->issue(wanted)));
  const Json metadata = Json::object({{"name", wanted.account},
                                      {"namespace", wanted.ns},
                                      {"uid", wanted.account_uid},
                                      {"creationTimestamp", base::rfc3339(wanted.issued)}});
  const Json out = Json::object({{"kind", "TokenRequest"},
                                 {"apiVersion", "authentication.k8s.io/v1"},
                                 {"metadata", metadata},
                                 {"spec", std::move(shown)},
                                 {"status", std::move(status)}});
  return answer(call, 201, out.dump());
}

}  // namespace server
