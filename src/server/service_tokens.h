// Tokens of ServiceAccounts: JSON web tokens signed with the manager's key. Bound tokens (TokenRequest) name an
// audience, expire, and end with the ServiceAccount or the object they are bound to; those in Secrets of type
// kubernetes.io/service-account-token last as long as the Secret.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "registry/registry.h"
#include "server/server.h"

namespace server {

inline constexpr std::string_view service_account_prefix = "system:serviceaccount:";

struct ServiceAccountName {
  std::string ns, name;
};
// Of a user name "system:serviceaccount:NS:NAME"; nullopt for others.
std::optional<ServiceAccountName> service_account_of(std::string_view user_name);
// system:serviceaccounts, system:serviceaccounts:NS
std::vector<std::string> service_account_groups(const std::string& ns);

class ServiceTokens {
 public:
  // invalid when the key is neither RSA nor EC P-256.
  static base::Result<ServiceTokens> make(std::string key_pem, std::string issuer);

  struct Wanted {
    std::string ns, account, account_uid;
    std::vector<std::string> audiences;
    base::Time issued, expires;
    std::string id;                                 // of the token; random
    std::string bound_kind, bound_name, bound_uid;  // Secret, or "" when not bound
  };
  base::Result<std::string> issue(const Wanted& wanted) const;
  base::Result<std::string> issue_for_secret(const std::string& ns, const std::string& account,
                                             const std::string& account_uid, const std::string& secret) const;

  struct Known {
    User user;
    std::vector<std::string> audiences;  // those of `accepted` that the token is for
  };
  // unauthenticated, with a reason that does not quote the token.
  base::Result<Known> check(std::string_view token, const std::vector<std::string>& accepted, const store::Store& store,
                            base::Time now);

  const std::string& issuer() const { return issuer_; }
  // As a JSON web key, with kid, alg and use.
  base::Json public_key() const;

  // Who answers without being asked for another: the issuer itself.
  std::vector<std::string> default_audiences() const { return {issuer_}; }

 private:
  ServiceTokens(std::string key_pem, std::string public_pem, std::string issuer);
  base::Result<base::Json> claims_of(std::string_view token);

  std::string key_pem_, public_pem_, key_id_, issuer_;
  std::map<std::string, base::Json> verified_;  // claims by digest of tokens whose signature was found good
};

}  // namespace server
