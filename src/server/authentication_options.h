// Who is believed, and on what grounds: the settings of kube-apiserver's authentication, by their meaning.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace server {

// A front proxy, or another process of the same API, says in headers whom it speaks for. It is believed when its client
// certificate chains to `client_ca_pem`; those certificates must be nobody else's.
struct RequestHeaderOptions {
  std::string client_ca_pem;               // empty: nobody may
  std::vector<std::string> allowed_names;  // common names; empty: any that the CA signed
  std::vector<std::string> username_headers = {"X-Remote-User"};
  std::vector<std::string> uid_headers = {};
  std::vector<std::string> group_headers = {"X-Remote-Group"};
  std::vector<std::string> extra_header_prefixes = {"X-Remote-Extra-"};
};

// An OpenID Connect provider whose ID tokens are bearer tokens.
struct OidcOptions {
  std::string issuer_url;  // https, exactly as `iss` says it
  std::string client_id;   // that tokens must be for
  std::string ca_pem;      // roots for the provider; empty: the system's
  std::string username_claim = "sub", username_prefix;
  std::string groups_claim, groups_prefix;  // "" for no groups
  std::map<std::string, std::string> required_claims = {};
  std::vector<std::string> signing_algorithms = {"RS256"};
};

struct AuthenticationOptions {
  bool anonymous = true;   // false: requests without credentials are 401
  std::string token_file;  // the CSV of --token-auth-file, not its name; "" for none
  bool bootstrap_tokens = false;
  std::vector<OidcOptions> oidc = {};
  RequestHeaderOptions request_header = {};
};

}  // namespace server
