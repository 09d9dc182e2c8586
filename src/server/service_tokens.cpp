#include "server/service_tokens.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/jwk.h"
#include "crypto/x509.h"

namespace server {
namespace {

using base::Json;
using base::Result;

constexpr size_t remembered_tokens_max = 1000;
constexpr std::string_view secret_issuer = "kubernetes/serviceaccount";
constexpr const char* private_claim = "kubernetes.io";

int64_t unix_seconds(base::Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

base::Error refused(std::string why) { return {.code = base::Code::unauthenticated, .message = std::move(why)}; }

std::string secret_claim(const char* name) { return "kubernetes.io/serviceaccount/" + std::string(name); }

// What both forms of token say about the account and the object they depend on.
struct Subject {
  std::string ns, account, uid;
  std::string bound_kind, bound_name, bound_uid;
};

Subject bound_subject(const Json& claims) {
  const Json& own = claims[private_claim];
  Subject out{own["namespace"].string(),
              own["serviceaccount"]["name"].string(),
              own["serviceaccount"]["uid"].string(),
              {},
              {},
              {}};
  for (const char* kind : {"secret", "pod", "node"}) {
    if (!own.has(kind)) continue;
    out.bound_kind = kind;
    out.bound_name = own[kind]["name"].string();
    out.bound_uid = own[kind]["uid"].string();
    break;
  }
  return out;
}

Subject secret_subject(const Json& claims) {
  return {claims[secret_claim("namespace")].string(),           claims[secret_claim("service-account.name")].string(),
          claims[secret_claim("service-account.uid")].string(), "secret",
          claims[secret_claim("secret.name")].string(),         {}};
}

Result<void> check_alive(const Subject& subject, const store::Store& store) {
  const auto account = store.get("serviceaccounts", subject.ns, subject.account);
  if (!account || subject.uid.empty() || account->uid() != subject.uid) {
    return refused("the ServiceAccount of the token is gone");
  }
  if (subject.bound_uid.empty()) return {};
  const auto ns = subject.bound_kind == "node" ? std::string() : subject.ns;
  const auto bound = store.get(subject.bound_kind + "s", ns, subject.bound_name);
  if (!bound || bound->uid() != subject.bound_uid) return refused("the object that the token is bound to is gone");
  return {};
}

Result<void> check_secret(const Subject& subject, std::string_view token, const store::Store& store) {
  const auto secret = store.get("secrets", subject.ns, subject.bound_name);
  if (!secret || secret->doc()["metadata"].has("deletionTimestamp")) return refused("the Secret of the token is gone");
  const auto held = base::unbase64(secret->doc()["data"]["token"].string());
  if (held && base::equal_constant_time(*held, token)) return {};
  return refused("the Secret holds another token");
}

Result<void> check_times(const Json& claims, base::Time now) {
  const int64_t at = unix_seconds(now);
  if (!claims["exp"].is_integer() || claims["exp"].integer() <= at) return refused("the token has expired");
  if (claims["nbf"].integer() > at) return refused("the token is not valid yet");
  return {};
}

User user_of(const Subject& subject, const Json& claims) {
  User out{std::string(service_account_prefix) + subject.ns + ":" + subject.account,
           service_account_groups(subject.ns),
           subject.uid,
           {}};
  const auto& id = claims["jti"].string();
  if (!id.empty()) out.extra["authentication.kubernetes.io/credential-id"] = {"JTI=" + id};
  if (subject.bound_kind == "pod") {
    out.extra["authentication.kubernetes.io/pod-name"] = {subject.bound_name};
    out.extra["authentication.kubernetes.io/pod-uid"] = {subject.bound_uid};
  }
  return out;
}

}  // namespace

std::optional<ServiceAccountName> service_account_of(std::string_view user_name) {
  if (!user_name.starts_with(service_account_prefix)) return std::nullopt;
  const auto parts = base::split(user_name.substr(service_account_prefix.size()), ':');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  return ServiceAccountName{std::string(parts[0]), std::string(parts[1])};
}

std::vector<std::string> service_account_groups(const std::string& ns) {
  return {"system:serviceaccounts", "system:serviceaccounts:" + ns};
}

ServiceTokens::ServiceTokens(std::string key_pem, std::string public_pem, std::string issuer)
    : key_pem_(std::move(key_pem)),
      public_pem_(std::move(public_pem)),
      key_id_(base::base64_url(crypto::sha256(public_pem_))),
      issuer_(std::move(issuer)) {}

Result<ServiceTokens> ServiceTokens::make(std::string key_pem, std::string issuer) {
  auto public_pem = TRY(crypto::public_key_pem(key_pem));
  TRY(crypto::sign_jwt("{}", key_pem, {}));
  return ServiceTokens(std::move(key_pem), std::move(public_pem), std::move(issuer));
}

Json ServiceTokens::public_key() const {
  auto key = crypto::jwk_of(public_pem_);
  if (!key) return Json::object();
  key->set("use", "sig").set("kid", key_id_);
  key->set("alg", (*key)["kty"].string() == "RSA" ? "RS256" : "ES256");
  return std::move(*key);
}

Result<std::string> ServiceTokens::issue(const Wanted& wanted) const {
  Json own = Json::object({{"namespace", wanted.ns},
                           {"serviceaccount", Json::object({{"name", wanted.account}, {"uid", wanted.account_uid}})}});
  if (!wanted.bound_kind.empty()) {
    own.set(base::lower(wanted.bound_kind), Json::object({{"name", wanted.bound_name}, {"uid", wanted.bound_uid}}));
  }
  const Json claims = Json::object({{"aud", Json::strings(wanted.audiences)},
                                    {"exp", unix_seconds(wanted.expires)},
                                    {"iat", unix_seconds(wanted.issued)},
                                    {"iss", issuer_},
                                    {"jti", wanted.id},
                                    {private_claim, std::move(own)},
                                    {"nbf", unix_seconds(wanted.issued)},
                                    {"sub", std::string(service_account_prefix) + wanted.ns + ":" + wanted.account}});
  return crypto::sign_jwt(claims.dump(), key_pem_, key_id_);
}

Result<std::string> ServiceTokens::issue_for_secret(const std::string& ns, const std::string& account,
                                                    const std::string& account_uid, const std::string& secret) const {
  const Json claims = Json::object({{"iss", secret_issuer},
                                    {secret_claim("namespace"), ns},
                                    {secret_claim("secret.name"), secret},
                                    {secret_claim("service-account.name"), account},
                                    {secret_claim("service-account.uid"), account_uid},
                                    {"sub", std::string(service_account_prefix) + ns + ":" + account}});
  return crypto::sign_jwt(claims.dump(), key_pem_, key_id_);
}

// Checking a signature costs more than the rest of a small request, and clients show the same few tokens.
Result<Json> ServiceTokens::claims_of(std::string_view token) {
  const auto digest = crypto::sha256(token);
  if (const auto known = verified_.find(digest); known != verified_.end()) return known->second;
  const auto payload = TRY(crypto::verify_jwt(token, public_pem_));
  const auto claims = base::parse_json(payload);
  if (!claims) return refused("the token carries no JSON");
  if (verified_.size() >= remembered_tokens_max) verified_.clear();
  verified_.emplace(digest, *claims);
  return *claims;
}

Result<ServiceTokens::Known> ServiceTokens::check(std::string_view token, const std::vector<std::string>& accepted,
                                                  const store::Store& store, base::Time now) {
  const Json claims = TRY(claims_of(token));
  const bool of_secret = claims["iss"].string() == secret_issuer;
  if (!of_secret && claims["iss"].string() != issuer_) return refused("the token has another issuer");
  const auto subject = of_secret ? secret_subject(claims) : bound_subject(claims);
  if (subject.ns.empty() || subject.account.empty()) return refused("the token names no ServiceAccount");
  Known out;
  if (of_secret) {
    TRY(check_secret(subject, token, store));
    out.audiences = default_audiences();
  } else {
    TRY(check_times(claims, now));
    for (const auto& audience : claims["aud"].items()) out.audiences.push_back(audience.string());
  }
  std::erase_if(out.audiences, [&](const std::string& audience) {
    return std::find(accepted.begin(), accepted.end(), audience) == accepted.end();
  });
  if (out.audiences.empty()) return refused("the token is for another audience");
  TRY(check_alive(subject, store));
  out.user = user_of(subject, claims);
  return out;
}

}  // namespace server
