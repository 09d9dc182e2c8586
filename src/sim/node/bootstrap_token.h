// Bootstrap tokens "id.secret" of a workload cluster (Secrets bootstrap-token-<id> in kube-system) and the signatures
// made with them over cluster-info (Kubernetes bootstrap-signer: detached JWS, HS256).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"

namespace sim {

struct BootstrapToken {
  std::string id, secret;
};
// "abcdef.0123456789abcdef"; nullopt when it is not one.
std::optional<BootstrapToken> parse_bootstrap_token(std::string_view text);

struct TokenSecret {
  BootstrapToken token;
  bool for_authentication = false, for_signing = false;
  std::optional<base::Time> expiration;
  bool expired(base::Time now) const { return expiration && *expiration <= now; }
};
// From a Secret object; nullopt when it is not a token Secret.
std::optional<TokenSecret> token_from_secret(const base::Json& secret);

// "header..signature" over `content`.
std::string sign_detached(const BootstrapToken& token, std::string_view content);
bool detached_signature_matches(const BootstrapToken& token, std::string_view content, std::string_view signature);

}  // namespace sim
