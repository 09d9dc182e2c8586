// Bearer tokens that are only looked up: a file with people, and bootstrap tokens, which are Secrets.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/server.h"

namespace server {

// The file of --token-auth-file: lines of CSV (RFC 4180) `token,user,uid,"group1,group2"`, the groups may be absent.
class StaticTokens {
 public:
  // Errors: invalid, naming the line.
  static base::Result<StaticTokens> parse(std::string_view csv);
  std::optional<User> find(std::string_view token) const;

 private:
  std::map<std::string, User> users_;  // by digest of the token, so that a look-up tells nothing about others
};

// "ID.SECRET" of a Secret kube-system/bootstrap-token-ID of type bootstrap.kubernetes.io/token that is good for
// authentication and has not expired: system:bootstrap:ID in group system:bootstrappers and those it names.
std::optional<User> bootstrap_user(std::string_view token, const store::Store& store, base::Time now);

}  // namespace server
