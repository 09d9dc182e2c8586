#include "sim/bmc/redfish_sessions.h"

#include <algorithm>

#include "base/text.h"

namespace sim {

const RedfishSession* RedfishSessions::create(const BmcAccount& account, const std::string& origin) {
  expire();
  if (sessions_.size() >= limit_) return nullptr;
  const auto now = sys_.loop.now();
  const auto token = base::base64_url(sys_.random.bytes(24));
  sessions_.push_back({std::to_string(++made_), token, account.user, account.role, origin, now, now});
  return &sessions_.back();
}

const RedfishSession* RedfishSessions::use(const std::string& token) {
  expire();
  for (auto& session : sessions_) {
    if (!base::equal_constant_time(session.token, token)) continue;
    session.used = sys_.loop.now();
    return &session;
  }
  return nullptr;
}

const RedfishSession* RedfishSessions::find(const std::string& id) const {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& one) { return one.id == id; });
  return found == sessions_.end() ? nullptr : &*found;
}

bool RedfishSessions::remove(const std::string& id) {
  return std::erase_if(sessions_, [&](const auto& one) { return one.id == id; }) > 0;
}

void RedfishSessions::expire() {
  const auto now = sys_.loop.now();
  std::erase_if(sessions_, [&](const auto& one) { return one.used + idle_limit_ <= now; });
}

}  // namespace sim
