// The sessions of one Redfish service: a small pool, ended by DELETE, by idleness or by a restart of the BMC.
#pragma once

#include <string>
#include <vector>

#include "sim/bmc/server_controls.h"
#include "sys/sys.h"

namespace sim {

struct RedfishSession {
  std::string id, token;
  std::string user;
  BmcRole role = BmcRole::read_only;
  std::string origin;  // address of the client that made it
  base::Time created, used;
};

class RedfishSessions {
 public:
  RedfishSessions(sys::Sys& sys, size_t limit, base::Duration idle_limit)
      : sys_(sys), limit_(limit), idle_limit_(idle_limit) {}

  // Pointers are valid until the next call that is not const. Null: all are taken.
  const RedfishSession* create(const BmcAccount& account, const std::string& origin);
  const RedfishSession* use(const std::string& token);  // null when unknown; restarts the idle time
  const RedfishSession* find(const std::string& id) const;
  bool remove(const std::string& id);
  void expire();
  void clear() { sessions_.clear(); }
  const std::vector<RedfishSession>& all() const { return sessions_; }
  base::Duration idle_limit() const { return idle_limit_; }
  void set_idle_limit(base::Duration limit) { idle_limit_ = limit; }

 private:
  sys::Sys& sys_;
  size_t limit_;
  base::Duration idle_limit_;
  uint64_t made_ = 0;
  std::vector<RedfishSession> sessions_;  // oldest first
};

}  // namespace sim
