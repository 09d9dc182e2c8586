#include "server/oidc.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/jwk.h"
#include "net/http.h"

namespace server {
namespace {

using base::Json;
using base::Result;

constexpr base::Duration fetch_pause = base::seconds(5);  // so that forged key names do not make a flood of fetches
constexpr base::Duration fetch_limit = base::seconds(10);
constexpr base::Duration clock_skew = base::minutes(5);  // of nbf alone: a token never lives longer than it says
constexpr size_t remembered_tokens_max = 1000, body_bytes_max = 1u << 20;

base::Error refused(std::string why) {
  return {.code = base::Code::unauthenticated, .message = "oidc: " + std::move(why)};
}

// NumericDate of RFC 7519; fractions are allowed.
std::optional<base::Time> time_of(const Json& claim) {
  if (!claim.is_number()) return std::nullopt;
  constexpr double far = 9e9;  // seconds that still fit in 64-bit nanoseconds
  const double seconds = std::clamp(claim.number(), 0.0, far);
  return base::Time(base::seconds(static_cast<int64_t>(seconds)));
}

bool is_for(const Json& audience, const std::string& client) {
  if (audience.is_string()) return audience.string() == client;
  const auto& all = audience.items();
  return std::any_of(all.begin(), all.end(), [&](const Json& one) { return one.string() == client; });
}

}  // namespace

Oidc::Oidc(sys::Sys& sys, OidcOptions options) : sys_(sys), options_(std::move(options)) {}

bool Oidc::concerns(std::string_view token) const {
  const auto claims = crypto::unverified_claims(token);
  return claims && (*claims)["iss"].string() == options_.issuer_url;
}

Result<User> Oidc::check(std::string_view token) {
  const Json claims = TRY(claims_of(token));
  TRY(check_claims(claims));
  return user_of(claims);
}

Result<Json> Oidc::claims_of(std::string_view token) {
  const auto digest = crypto::sha256(token);
  if (const auto known = verified_.find(digest); known != verified_.end()) return known->second;
  const auto header = TRY(crypto::jwt_header(token));
  const auto& allowed = options_.signing_algorithms;
  if (std::find(allowed.begin(), allowed.end(), header.algorithm) == allowed.end()) {
    return refused("id token signed with unsupported algorithm");
  }
  bool key_known = false;
  auto payload = verify(token, header.algorithm, header.key_id, &key_known);
  if (!payload && !key_known) {
    TRY(refresh());
    payload = verify(token, header.algorithm, header.key_id, &key_known);
  }
  if (!payload) return std::move(payload).error();
  auto claims = base::parse_json(*payload);
  if (!claims || !claims->is_object()) return refused("the token carries no JSON object");
  if (verified_.size() >= remembered_tokens_max) verified_.clear();
  verified_.emplace(digest, *claims);
  return std::move(*claims);
}

// By the key that the token names; a provider with one key need not name it.
Result<std::string> Oidc::verify(std::string_view token, const std::string& algorithm, const std::string& key_id,
                                 bool* key_known) const {
  *key_known = false;
  for (const auto& key : keys_) {
    if (!key_id.empty() && key.id != key_id) continue;
    if (!key.algorithm.empty() && key.algorithm != algorithm) continue;
    auto payload = crypto::verify_jws(token, key.pem, algorithm);
    if (payload) return payload;
    // Without a name another key may fit, and the provider may have changed the only one.
    *key_known = !key_id.empty();
  }
  return refused("failed to verify id token signature");
}

// One fetch at a time, whoever needs it.
Result<void> Oidc::refresh() {
  if (const auto other = fetching_) {
    TRY(other->wait());
    return {};
  }
  if (sys_.loop.now() < next_fetch_) return {};
  const auto mine = std::make_shared<sys::Signal>(sys_.loop);
  fetching_ = mine;
  auto fetched = fetch();
  next_fetch_ = sys_.loop.now() + fetch_pause;
  fetching_.reset();
  mine->set();
  if (!fetched) {
    base::log::warn("no keys from the OIDC provider",
                    {{"issuer", options_.issuer_url}, {"error", fetched.error().text()}});
  }
  return fetched;
}

Result<void> Oidc::fetch() {
  std::string root = options_.issuer_url;
  if (root.ends_with('/')) root.pop_back();
  const Json provider = TRY(get(root + "/.well-known/openid-configuration"));
  if (provider["issuer"].string() != options_.issuer_url) {
    return refused("the provider calls itself " + base::quoted(provider["issuer"].string()));
  }
  const Json set = TRY(get(provider["jwks_uri"].string()));
  std::vector<Key> keys;
  for (const auto& key : set["keys"].items()) {
    const std::string& use = key["use"].string();
    if (!use.empty() && use != "sig") continue;
    auto pem = crypto::public_key_of_jwk(key);
    // A kind of key that is new must not put those that are known out of use.
    if (pem) keys.push_back({key["kid"].string(), key["alg"].string(), std::move(*pem)});
  }
  if (keys.empty()) return refused("the provider has no keys that can be used");
  keys_ = std::move(keys);
  verified_.clear();
  return {};
}

Result<Json> Oidc::get(const std::string& url) const {
  const auto parsed = TRY(net::Url::parse(url).context("the provider's URL"));
  if (parsed.scheme != "https") return refused(base::quoted(url) + " is not https");
  net::ClientOptions options;
  options.server = parsed.address();
  options.tls_options.ca_pem = options_.ca_pem;
  options.request_limit = fetch_limit;
  options.body_bytes_max = body_bytes_max;
  options.keep_alive = false;
  net::HttpClient client(sys_.loop, sys_.net, std::move(options));
  net::Request request{.target = parsed.target(), .headers = {{"Accept", "application/json"}}};
  const auto answer = TRY(client.send(std::move(request)).context(url));
  if (answer.status != 200) return refused(url + " answers " + std::to_string(answer.status));
  return base::parse_json(answer.body).context(url);
}

Result<void> Oidc::check_claims(const Json& claims) const {
  const auto now = sys_.loop.now();
  if (claims["iss"].string() != options_.issuer_url) return refused("id token issued by a different provider");
  if (!is_for(claims["aud"], options_.client_id))
    return refused("expected audience " + base::quoted(options_.client_id));
  const auto expires = time_of(claims["exp"]);
  if (!expires || now > *expires) return refused("token is expired");
  if (const auto begins = time_of(claims["nbf"]); begins && now + clock_skew < *begins) {
    return refused("current time is before the nbf (not before) time");
  }
  for (const auto& [name, value] : options_.required_claims) {
    if (!claims[name].is_string() || claims[name].string() != value) {
      return refused("required claim " + name + " not present in ID token, or with another value");
    }
  }
  return {};
}

Result<User> Oidc::user_of(const Json& claims) const {
  const std::string& name = claims[options_.username_claim].string();
  if (name.empty()) return refused("no claim " + base::quoted(options_.username_claim) + " to take a name from");
  if (options_.username_claim == "email" && claims.has("email_verified") && !claims["email_verified"].boolean()) {
    return refused("email not verified");
  }
  User out;
  out.name = options_.username_prefix + name;
  if (options_.groups_claim.empty()) return out;
  const Json& groups = claims[options_.groups_claim];
  if (groups.is_string()) out.groups.push_back(options_.groups_prefix + groups.string());
  for (const auto& group : groups.items()) {
    if (!group.is_string()) return refused("the claim " + base::quoted(options_.groups_claim) + " must be strings");
    out.groups.push_back(options_.groups_prefix + group.string());
  }
  return out;
}

}  // namespace server
