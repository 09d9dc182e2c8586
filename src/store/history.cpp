#include "store/history.h"

#include <algorithm>

namespace store {

void History::add(Event event) {
  bytes_ += event.object->bytes().size();
  auto& events = by_resource_[event.object->key.resource];
  events.push_back(std::move(event));
  order_.push_back(&events);
  while (order_.size() > limits_.history_events_max || (bytes_ > limits_.history_bytes_max && order_.size() > 1)) {
    drop_oldest();
  }
}

void History::drop_oldest() {
  auto& events = *order_.front();
  bytes_ -= events.front().object->bytes().size();
  compacted_ = events.front().revision;
  events.pop_front();
  order_.pop_front();
}

void History::forget(uint64_t upto) {
  while (!order_.empty()) drop_oldest();
  compacted_ = std::max(compacted_, upto);
}

std::vector<Event> History::after(std::string_view resource, uint64_t after) const {
  const auto events = by_resource_.find(resource);
  if (events == by_resource_.end()) return {};
  const auto first = std::upper_bound(events->second.begin(), events->second.end(), after,
                                      [](uint64_t revision, const Event& event) { return revision < event.revision; });
  return {first, events->second.end()};
}

}  // namespace store
