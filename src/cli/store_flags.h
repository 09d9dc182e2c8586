// Which store `ingot serve` uses, on the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/manager.h"

namespace CLI {
class App;
}

namespace cli {

struct EtcdFlags {
  std::vector<std::string> endpoints = {"http://127.0.0.1:2379"};
  std::string ca_file, certificate_file, key_file;
  std::string prefix = "/ingot";
};

struct StoreFlags {
  std::string store = "sqlite";
  EtcdFlags etcd;
  std::string key_file;
  std::string advertise;
};

void add_etcd_flags(CLI::App& command, EtcdFlags& flags);
base::Result<std::shared_ptr<etcd::Api>> connect_etcd(sys::Sys& sys, const EtcdFlags& flags);

void add_store_flags(CLI::App& serve, StoreFlags& flags);
base::Result<void> apply_store_flags(const StoreFlags& flags, ManagerOptions& options);

}  // namespace cli
