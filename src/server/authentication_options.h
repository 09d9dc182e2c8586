// Who is believed, and on what grounds: the settings of kube-apiserver's authentication, by their meaning.
#pragma once

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

struct AuthenticationOptions {
  bool anonymous = true;  // false: requests without credentials are 401
  RequestHeaderOptions request_header = {};
};

}  // namespace server
