// ID tokens of an OpenID Connect provider as bearer tokens: its keys are found by discovery (OpenID Connect Discovery
// 1.0 section 4), kept, and fetched again when a token names one that is not among them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "server/authentication_options.h"
#include "server/server.h"
#include "sys/fiber.h"

namespace server {

class Oidc {
 public:
  Oidc(sys::Sys& sys, OidcOptions options);

  // Whether the token says that this issuer made it; if not, somebody else may know it.
  bool concerns(std::string_view token) const;
  // Parks while keys are fetched. unauthenticated with the reason, which does not quote the token.
  base::Result<User> check(std::string_view token);

 private:
  struct Key {
    std::string id, algorithm, pem;  // algorithm "" when the provider does not say
  };
  base::Result<base::Json> claims_of(std::string_view token);
  base::Result<std::string> verify(std::string_view token, const std::string& algorithm, const std::string& key_id,
                                   bool* key_known) const;
  base::Result<void> refresh();
  base::Result<void> fetch();
  base::Result<base::Json> get(const std::string& url) const;
  base::Result<void> check_claims(const base::Json& claims) const;
  base::Result<User> user_of(const base::Json& claims) const;

  sys::Sys& sys_;
  OidcOptions options_;
  std::vector<Key> keys_;
  base::Time next_fetch_ = {};
  std::shared_ptr<sys::Signal> fetching_;       // set when the fetch under way has ended; null when none is
  std::map<std::string, base::Json> verified_;  // claims by digest of tokens whose signature was found good
};

}  // namespace server
