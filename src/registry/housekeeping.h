// What kube-controller-manager does for every API: garbage collection by owner references (background, foreground,
// orphan), emptying of terminating namespaces, expiry of Events, the namespaces that always exist. Each part can be
// left out. Works from store events and timers on the loop; never suspends.
#pragma once

#include <memory>

#include "registry/registry.h"

namespace registry {

struct HousekeepingOptions {
  bool garbage_collector = true;
  bool namespaces = true;                     // lifecycle, and default, kube-system, kube-public, kube-node-lease exist
  base::Duration event_ttl = base::hours(1);  // zero keeps Events for ever
};

class Housekeeping {
 public:
  Housekeeping(sys::Sys& sys, Registry& registry, HousekeepingOptions options = {});
  ~Housekeeping();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace registry
