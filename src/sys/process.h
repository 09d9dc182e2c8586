// Child programs (QEMU under a rack's server). Kept out of Sys: almost nothing needs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sys/net.h"

namespace sys {

struct ProgramOptions {
  std::vector<std::string> arguments;  // the program first; looked up on PATH when it has no slash
  std::string error_path;              // file that stderr is appended to; empty: ours
};

// A running child. It dies with this object, and with this process however that ends.
class Program {
 public:
  virtual ~Program() = default;
  // Its stdin and stdout as one stream; reading gives the end when it has ended.
  virtual Stream& channel() = 0;
  virtual void kill() = 0;  // SIGKILL; idempotent
  // Parks until it has ended. The exit status, or 128 + the signal. Errors: timeout, cancelled.
  virtual base::Result<int> wait(base::Duration limit) = 0;
  virtual int id() const = 0;
};

class Programs {
 public:
  virtual ~Programs() = default;
  // Errors: not_found (no such program), unavailable.
  virtual base::Result<std::unique_ptr<Program>> start(const ProgramOptions& options) = 0;
};

}  // namespace sys
