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
  bool anonymous = true;
  std::string request_header_ca;  // a file
  server::RequestHeaderOptions request_header;
};

void add_api_flags(CLI::App& serve, ApiFlags& flags);
// Reads the files that the flags name. Errors name the flag.
base::Result<void> apply_api_flags(sys::Sys& sys, const ApiFlags& flags, ManagerOptions& options);

}  // namespace cli
