// The flags of `ingot serve` that concern its API: named and meant as those of kube-apiserver.
#pragma once

#include <string>
#include <vector>

#include "cli/manager.h"

namespace CLI {
class App;
}

namespace cli {

struct ApiFlags {
  std::vector<std::string> controllers = {"*"};
  std::string event_ttl = "1h0m0s";
  bool anonymous = true;
  std::string request_header_ca;  // a file
  server::RequestHeaderOptions request_header;
  std::string token_file;
  bool bootstrap_tokens = false;
  server::OidcOptions oidc;
  std::string oidc_ca;                            // a file
  std::vector<std::string> oidc_required_claims;  // key=value

  bool priorities = true;
  uint32_t reads_max = 400, writes_max = 200;
  std::string request_limit = "1m0s";

  std::string audit_policy, audit_path;
  uint64_t audit_megabytes_max = 0;
  size_t audit_backups_max = 0;
  int audit_days_max = 0;
};

void add_api_flags(CLI::App& serve, ApiFlags& flags);
// Reads the files that the flags name. Errors name the flag.
base::Result<void> apply_api_flags(sys::Sys& sys, const ApiFlags& flags, ManagerOptions& options);

}  // namespace cli
