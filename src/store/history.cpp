#include "store/history.h"

#include <algorithm>

#include "base/check.h"
#include "store/value_codec.h"

namespace store {
namespace {
// Of smaller texts less is gained than it costs those who write.
constexpr size_t compress_from_bytes = 2048;
}  // namespace

History::VersionPtr History::version_of(const Entry& entry) {
  const size_t bytes = entry.bytes().size();
  bytes_ += bytes;
  return std::make_shared<Version>(
      Version{entry.revision, entry.create_revision, entry.weak_from_this(), std::string(), bytes});
}

void History::pack(Version& version, const Entry& entry) {
  if (version.text.empty()) version.text = pack_value(entry.bytes(), compress_from_bytes);
}

void History::add(const Event& event) {
  const Key& key = event.object->key;
  const auto place = by_resource_.try_emplace(key.resource).first;
  Newest& newest = newest_[key.text()];
  VersionPtr previous = std::move(newest.version);
  if (event.previous) {
    if (!previous || previous->revision != event.previous->revision) previous = version_of(*event.previous);
    pack(*previous, *event.previous);
  }
  newest = {event.revision, version_of(*event.object)};
  if (event.type == EventType::deleted) pack(*newest.version, *event.object);
  place->second.push_back(
      {event.type, event.revision, key.ns, key.name, newest.version, event.previous ? std::move(previous) : nullptr});
  order_.push_back(&*place);
  while (order_.size() > limits_.history_events_max || (bytes_ > limits_.history_bytes_max && order_.size() > 1)) {
    drop_oldest();
  }
}

void History::drop_oldest() {
  auto& [resource, events] = *order_.front();
  const Kept& oldest = events.front();
  const auto newest = newest_.find(Key{resource, oldest.ns, oldest.name}.text());
  if (newest != newest_.end() && newest->second.revision == oldest.revision) newest_.erase(newest);
  for (const VersionPtr& version : {oldest.object, oldest.previous}) {
    constexpr long ours = 2;  // in the event and here
    if (version && version.use_count() == ours) bytes_ -= version->text_bytes;
  }
  compacted_ = oldest.revision;
  events.pop_front();
  order_.pop_front();
}

void History::forget(uint64_t upto) {
  while (!order_.empty()) drop_oldest();
  compacted_ = std::max(compacted_, upto);
}

Ref History::entry_of(const VersionPtr& version, const Key& key) {
  if (!version) return nullptr;
  if (auto held = version->entry.lock()) return held;
  auto text = unpack_value(key, version->revision, version->text, nullptr);
  CHECK_THAT(text.ok(), "what was packed can be unpacked");
  return std::make_shared<Entry>(key, version->revision, version->create_revision, Json(), std::move(*text));
}

History::Events::const_iterator History::first_after(const Events& events, uint64_t revision) const {
  return std::upper_bound(events.begin(), events.end(), revision,
                          [](uint64_t wanted, const Kept& kept) { return wanted < kept.revision; });
}

std::vector<Event> History::after(std::string_view resource, uint64_t after) const {
  const auto place = by_resource_.find(resource);
  if (place == by_resource_.end()) return {};
  const auto& [name, events] = *place;
  std::vector<Event> out;
  std::map<Key, Ref> versions;  // an event's object is the next one's previous
  for (auto at = first_after(events, after); at != events.end(); ++at) {
    const Key key{name, at->ns, at->name};
    auto& known = versions[key];
    auto previous =
        known && at->previous && known->revision == at->previous->revision ? known : entry_of(at->previous, key);
    known = entry_of(at->object, key);
    out.push_back({at->type, at->revision, known, std::move(previous)});
  }
  return out;
}

std::map<Key, Ref> History::before(std::string_view resource, uint64_t after) const {
  const auto place = by_resource_.find(resource);
  if (place == by_resource_.end()) return {};
  const auto& [name, events] = *place;
  std::map<Key, Ref> out;
  for (auto at = first_after(events, after); at != events.end(); ++at) {
    const auto [entry, is_first] = out.try_emplace({name, at->ns, at->name});
    if (is_first) entry->second = entry_of(at->previous, entry->first);
  }
  return out;
}

}  // namespace store
