// `ingot store check | copy | rotate-key`: upkeep of the data itself.
#pragma once

#include <string>

#include "cli/store_flags.h"
#include "sys/real/real.h"

namespace CLI {
class App;
}

namespace cli {

// A store is named "sqlite:FILE" or "etcd:PREFIX" ("etcd:" for the prefix of --etcd-prefix).
struct StoreCommandFlags {
  std::string store, from, to;
  EtcdFlags etcd;
  std::string key_file = "store.key";
};

struct StoreCommands {
  CLI::App* check = nullptr;
  CLI::App* copy = nullptr;
  CLI::App* rotate = nullptr;
};
StoreCommands add_store_commands(CLI::App& app, StoreCommandFlags& flags);
// The one that was parsed.
int run_store_command(sys::RealSystem& system, const StoreCommands& commands, const StoreCommandFlags& flags);

// The parts, for tests; call from a fiber. Each gives the lines to print.
base::Result<std::string> check_store(sys::Sys& sys, const StoreCommandFlags& flags);
base::Result<std::string> copy_store(sys::Sys& sys, const StoreCommandFlags& flags);
base::Result<std::string> rotate_store_key(sys::Sys& sys, const StoreCommandFlags& flags);

}  // namespace cli
