#include "registry/event_expiry.h"

#include <algorithm>

#include "base/log.h"

namespace registry {
namespace {

constexpr std::string_view event_resources[] = {"events", "events.events.k8s.io"};
constexpr base::Duration granularity = base::minutes(1);  // so that many Events share one timer

// When a stored Event was last written, as well as it tells.
base::Time last_written(const Json& doc, base::Time otherwise) {
  std::optional<base::Time> latest;
  for (const char* path : {"metadata.creationTimestamp", "lastTimestamp", "eventTime", "series.lastObservedTime"}) {
    const auto time = base::parse_rfc3339(doc.path(path).string());
    if (time && (!latest || *time > *latest)) latest = time;
  }
  return std::min(latest.value_or(otherwise), otherwise);
}

}  // namespace

EventExpiry::EventExpiry(sys::Loop& loop, Registry& registry, base::Duration ttl)
    : loop_(loop), registry_(registry), ttl_(ttl) {
  for (const auto resource : event_resources) {
    for (const auto& event : registry_.store().list(resource)) watch(event, last_written(event->doc(), loop_.now()));
  }
  subscription_ = registry_.store().subscribe(false, [this](const store::Event& change) {
    const auto& resource = change.object->key.resource;
    if (change.type == store::EventType::deleted) return;
    if (std::find(std::begin(event_resources), std::end(event_resources), resource) == std::end(event_resources))
      return;
    watch(change.object, loop_.now());
  });
}

EventExpiry::~EventExpiry() {
  *alive_ = false;  // a timer that is due already cannot be cancelled
  registry_.store().unsubscribe(subscription_);
  loop_.cancel(timer_);
}

void EventExpiry::watch(const Ref& event, base::Time written) {
  const base::Duration since_epoch = (written + ttl_).time_since_epoch();
  const base::Time due((since_epoch / granularity + 1) * granularity);
  due_.emplace(due, Due{event->key, event->revision});
  schedule();
}

void EventExpiry::schedule() {
  if (timer_ != 0 || due_.empty()) return;
  const base::Duration delay = std::max<base::Duration>(due_.begin()->first - loop_.now(), base::Duration::zero());
  timer_ = loop_.after(delay, [this, alive = alive_] {
    if (!*alive) return;
    timer_ = 0;
    expire();
  });
}

void EventExpiry::expire() {
  const base::Time now = loop_.now();
  while (!due_.empty() && due_.begin()->first <= now) {
    const Due due = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    const Ref event = registry_.store().get(due.key);
    const Kind* kind = registry_.scheme().by_resource(due.key.resource);
    if (!event || !kind || event->revision != due.revision) continue;
    const auto removed = registry_.remove(*kind, due.key.ns, due.key.name);
    if (!removed) base::log::warn("an Event could not expire", {{"error", removed.error().text()}});
  }
  schedule();
}

}  // namespace registry
