// `ingot logs HOST`: what the agent of a host said when its work last ended.
#pragma once

#include <string>

#include "sys/real/real.h"

namespace CLI {
class App;
}

namespace cli {

struct LogsFlags {
  std::string data_dir = "ingot-data", ns, host;
  bool list = false, console = false;
};

CLI::App* add_logs_command(CLI::App& app, LogsFlags& flags);
int run_logs_command(sys::RealSystem& system, const LogsFlags& flags);
// What it prints, for tests. Errors: not_found, conflict (hosts of that name in several namespaces).
base::Result<std::string> agent_logs_of(sys::Disk& disk, const LogsFlags& flags);

}  // namespace cli
