// Real etcd servers: gRPC over one connection to one of the members at a time; when that one does not answer, the next
// call goes to the next member.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "etcd/api.h"
#include "sys/sys.h"

namespace etcd {

struct ClientOptions {
  std::vector<std::string> endpoints;  // http://HOST:PORT or https://HOST:PORT, at least one
  std::string ca_pem;                  // for https; empty: the system's roots
  std::string certificate_pem, key_pem;
};
// Errors: invalid (an endpoint). Connects at the first call.
Result<std::shared_ptr<Api>> make_client(sys::Sys& sys, ClientOptions options);

}  // namespace etcd
