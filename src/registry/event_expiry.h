// Events vanish some time after they were last written, so that they do not fill the store.
#pragma once

#include <map>
#include <memory>

#include "registry/registry.h"

namespace registry {

class EventExpiry {
 public:
  EventExpiry(sys::Loop& loop, Registry& registry, base::Duration ttl);
  ~EventExpiry();
  EventExpiry(const EventExpiry&) = delete;

 private:
  struct Due {
    store::Key key;
    uint64_t revision;  // only if the Event has not been written since
  };
  void watch(const Ref& event, base::Time written);
  void schedule();
  void expire();

  sys::Loop& loop_;
  Registry& registry_;
  base::Duration ttl_;
  std::multimap<base::Time, Due> due_;
  sys::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  store::Subscription subscription_ = 0;
};

}  // namespace registry
