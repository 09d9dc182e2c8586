// What kube-controller-manager does for every API: garbage collection by owner references (background, foreground,
// orphan), emptying of terminating namespaces, expiry of Events, the namespaces that always exist, ServiceAccounts.
// Each part can be left out. Works from store events and timers on the loop; never suspends.
#pragma once

#include <memory>
#include <optional>

#include "registry/registry.h"
#include "registry/service_accounts.h"

namespace registry {

struct HousekeepingOptions {
  bool garbage_collector = true;
  bool initial_namespaces = true;             // default, kube-system, kube-public and kube-node-lease exist
  bool namespaces = true;                     // terminating ones are emptied and released
  base::Duration event_ttl = base::hours(1);  // zero keeps Events for ever
  // nullopt: namespaces get no default ServiceAccount, no root CA, and token Secrets stay empty.
  std::optional<ServiceAccountOptions> service_accounts = {};
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
