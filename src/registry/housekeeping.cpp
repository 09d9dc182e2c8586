#include "registry/housekeeping.h"

#include <optional>

#include "registry/event_expiry.h"
#include "registry/garbage_collector.h"
#include "registry/namespace_lifecycle.h"
#include "registry/namespaces.h"

namespace registry {

struct Housekeeping::State {
  std::optional<NamespaceLifecycle> namespaces;
  std::optional<GarbageCollector> garbage_collector;
  std::optional<EventExpiry> events;
  std::optional<ServiceAccounts> service_accounts;
};

Housekeeping::Housekeeping(sys::Sys& sys, Registry& registry, HousekeepingOptions options)
    : state_(std::make_unique<State>()) {
  const bool has_namespaces = registry.scheme().by_resource(namespace_resource) != nullptr;
  if (options.initial_namespaces && has_namespaces) make_initial_namespaces(registry);
  if (options.namespaces && has_namespaces) state_->namespaces.emplace(sys.loop, registry);
  if (options.garbage_collector) state_->garbage_collector.emplace(sys.loop, registry);
  if (options.event_ttl > base::Duration::zero()) state_->events.emplace(sys.loop, registry, options.event_ttl);
  if (options.service_accounts && ServiceAccounts::serves(registry.scheme())) {
    state_->service_accounts.emplace(sys.loop, registry, std::move(*options.service_accounts));
  }
}

Housekeeping::~Housekeeping() = default;

}  // namespace registry
