// `ingot apiserver`: the Kubernetes API alone, without Cluster API and bare metal. The flags are kube-apiserver's, so
// that test environments can start it in its place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/api_flags.h"
#include "sys/real/real.h"

namespace CLI {
class App;
}

namespace cli {

struct ApiServerFlags {
  std::string bind_address = "127.0.0.1";
  uint16_t secure_port = 6443;
  std::string data_dir;  // empty: everything is in memory
  std::string cert_dir = "ingot-apiserver";
  std::string certificate, key;  // files; empty: apiserver.crt and apiserver.key in cert_dir
  std::string client_ca;         // a file
  std::string issuer;
  std::string signing_key;                     // a file
  std::vector<std::string> verification_keys;  // files
  std::string log_level = "info";
  ApiFlags api;
};

void add_apiserver(CLI::App& app, ApiServerFlags& flags);
int apiserver(sys::RealSystem& system, const ApiServerFlags& flags);
// What the flags mean. Reads the files they name and makes a serving certificate when there is none.
base::Result<ManagerOptions> apiserver_options(sys::Sys& sys, const ApiServerFlags& flags);

}  // namespace cli
