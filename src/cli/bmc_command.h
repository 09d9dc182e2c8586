// `ingot bmc` (drive one BMC by hand) and `ingot simulate-bmc` (be one): flags and what they print.
#pragma once

#include <string>
#include <vector>

#include "cli/console_command.h"
#include "sys/real/real.h"

namespace CLI {
class App;
}

namespace cli {

struct BmcFlags {
  std::string address, action = "info";
  std::vector<std::string> values;
  std::string user = "admin", password_file;
  std::vector<std::string> proxies;
  std::string http_boot_uri;
  ConsoleFlags console;
  bool insecure = false, persistent = false, legacy = false, quirk_table = false;
  std::string log_level = "warn";
};
void add_bmc(CLI::App& app, BmcFlags& flags);
int run_bmc(sys::RealSystem& system, const BmcFlags& flags);

struct SimulatedBmcFlags {
  std::string redfish = "127.0.0.1:8443", ipmi = "127.0.0.1:9623";
  std::string user = "admin", password = "password", profile;
  bool plain = false;
  std::string log_level = "info";
};
void add_simulated_bmc(CLI::App& app, SimulatedBmcFlags& flags);
int run_simulated_bmc(sys::RealSystem& system, const SimulatedBmcFlags& flags);

}  // namespace cli
