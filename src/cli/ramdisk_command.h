// `ingot ramdisk build`: flags and what it prints.
#pragma once

#include <string>

#include "sys/real/real.h"

namespace CLI {
class App;
}

namespace cli {

struct RamdiskFlags {
  std::string root, kernel, modules, agent, shim, grub;
  std::string output = "ramdisk";
  bool as_json = false;
};

// Returns the build command; `program` is how this one was called (the agent lies beside it).
CLI::App* add_ramdisk(CLI::App& app, RamdiskFlags& flags, const std::string& program);
int build_ramdisk(sys::RealSystem& system, const RamdiskFlags& flags);

}  // namespace cli
