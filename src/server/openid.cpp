#include "server/openid.h"

#include "server/fixed_answers.h"
#include "server/service_tokens.h"

namespace server {
namespace {

constexpr const char* keys_path = "/openid/v1/jwks";

net::Response cached(std::string type, const Json& document) {
  auto response = net::Response::json(200, document);
  response.headers.set("Content-Type", std::move(type));
  response.headers.set("Cache-Control", "public, max-age=3600");
  return response;
}

}  // namespace

std::optional<net::Response> answer_openid(const Call& call) {
  const auto* tokens = call.api.tokens.get();
  const auto path = path_of(call.request);
  const bool keys = path == keys_path;
  if (!tokens || (!keys && path != "/.well-known/openid-configuration")) return std::nullopt;
  if (call.request.method != "GET" && call.request.method != "HEAD") return method_not_allowed();
  const Json key = tokens->public_key();
  if (keys) return cached("application/jwk-set+json", Json::object({{"keys", Json::array({key})}}));
  const std::string& given = call.api.options.service_account_keys_url;
  // Where this request came to is an address that others can reach too.
  const std::string& host = call.request.headers.get("Host");
  const std::string url = given.empty() ? "https://" + host + keys_path : given;
  return cached("application/json",
                Json::object({{"issuer", tokens->issuer()},
                              {"jwks_uri", url},
                              {"response_types_supported", Json::array({"id_token"})},
                              {"subject_types_supported", Json::array({"public"})},
                              {"id_token_signing_alg_values_supported", Json::array({key["alg"]})}}));
}

}  // namespace server
