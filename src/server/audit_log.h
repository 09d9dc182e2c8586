// The audit log: lines of JSON in a file that is changed for a new one when it is large, written off the control
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/audit_policy.h"

namespace server {

struct AuditOptions {
  AuditPolicy policy;
  std::string path;                                   // empty: only `print`
  std::function<void(std::string_view lines)> print;  // may be null; called off the control thread
  uint64_t file_bytes_max = 100u << 20;               // 0: the file is never changed for a new one
  size_t backups_max = 0;                             // old files that are kept; 0: all
  base::Duration backup_age_max = {};                 // 0: for ever
};

class AuditLog {
 public:
  AuditLog(sys::Sys& sys, AuditOptions options);
  ~AuditLog();  // writes what is left

  const AuditPolicy& policy() const;
  // What the disk does not take for long is lost, beyond some megabytes; that is logged.
  void write(const base::Json& event);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace server
