#include "sim/node/bootstrap_token.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace sim {

using base::Json;

namespace {
bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}
}  // namespace

std::optional<BootstrapToken> parse_bootstrap_token(std::string_view text) {
  if (text.size() != 23 || text[6] != '.') return std::nullopt;
  if (!plain(text.substr(0, 6)) || !plain(text.substr(7))) return std::nullopt;
  return BootstrapToken{std::string(text.substr(0, 6)), std::string(text.substr(7))};
}

std::optional<TokenSecret> token_from_secret(const Json& secret) {
  if (secret["type"].string() != "bootstrap.kubernetes.io/token") return std::nullopt;
  const auto value = [&](std::string_view key) {
    return base::unbase64(secret["data"][key].string()).value_or(std::string());
  };
  TokenSecret out;
  out.token = {value("token-id"), value("token-secret")};
  if (!parse_bootstrap_token(out.token.id + "." + out.token.secret)) return std::nullopt;
  if (secret.path("metadata.name").string() != "bootstrap-token-" + out.token.id) return std::nullopt;
  out.for_authentication = value("usage-bootstrap-authentication") == "true";
  out.for_signing = value("usage-bootstrap-signing") == "true";
  if (const std::string until = value("expiration"); !until.empty()) {
    out.expiration = base::parse_rfc3339(until);
    if (!out.expiration) return std::nullopt;
  }
  return out;
}

std::string sign_detached(const BootstrapToken& token, std::string_view content) {
  const std::string header = base::base64_url(Json::object({{"alg", "HS256"}, {"kid", token.id}}).dump());
  const std::string signature = crypto::hmac_sha256(token.secret, header + "." + base::base64_url(content));
  return header + ".." + base::base64_url(signature);
}

bool detached_signature_matches(const BootstrapToken& token, std::string_view content, std::string_view signature) {
  const size_t dots = signature.find("..");
  if (dots == std::string_view::npos) return false;
  const std::string header(signature.substr(0, dots));
  const std::string wanted = crypto::hmac_sha256(token.secret, header + "." + base::base64_url(content));
  const auto given = base::unbase64_url(signature.substr(dots + 2));
  return given && base::equal_constant_time(*given, wanted);
}

}  // namespace sim
