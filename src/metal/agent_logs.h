// The logs that agents hand over at a failure and at the end of cleaning and writing, kept as text per host, bounded in
// number, size and age. What agents send is foreign: it is unpacked with limits, and what could steer a terminal goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sys/sys.h"

namespace metal {

struct AgentLogLimits {
  size_t bytes_per_log = 4u << 20;
  size_t logs_per_host = 10;
  base::Duration age = base::hours(24 * 30);
};

// The text in an agent's answer (`packed`: base64 of a gzip-compressed tar), each file under a line with its name, the
// newest `bytes_max` of it. Every occurrence of a secret is replaced. Errors: invalid, corrupt, too_large.
base::Result<std::string> agent_log_text(const std::string& packed, const std::vector<std::string>& secrets,
                                         size_t bytes_max);

// DIR/NAMESPACE/NAME/2026-11-21T225100Z-clean-failed.log
class AgentLogs {
 public:
  AgentLogs(sys::Sys& sys, std::string dir, AgentLogLimits limits = {})
      : sys_(sys), dir_(std::move(dir)), limits_(limits) {}
  // `what`: "clean-failed". Removes what has become too much or too old.
  base::Result<void> keep(const std::string& ns, const std::string& name, const std::string& what,
                          std::string_view text);

 private:
  sys::Sys& sys_;
  std::string dir_;
  AgentLogLimits limits_;
};

}  // namespace metal
