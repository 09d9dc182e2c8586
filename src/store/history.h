// Durable events of the recent past, per resource, for watches that start there and for lists at a past revision. Holds
// at most a number of events and of bytes; what falls out moves the compacted revision on.
//
// A version that is current is the store's own object; of versions that were replaced only the text is kept, large ones
// compressed, and an object is made of it again when somebody asks.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "store/store.h"

namespace store {

class History {
 public:
  History(const Limits& limits, uint64_t compacted) : limits_(limits), compacted_(compacted) {}
  void add(const Event& event);
  void forget(uint64_t upto);  // drops everything; `upto` is the last revision there was
  uint64_t compacted() const { return compacted_; }
  // Events of `resource` with revision > `after`, oldest first. `after` must be >= compacted().
  std::vector<Event> after(std::string_view resource, uint64_t after) const;
  // What the objects of `resource` that have changed since were then; null for those that were not there.
  std::map<Key, Ref> before(std::string_view resource, uint64_t after) const;

 private:
  // One version of an object, shared by the event that made it and the one that replaced it.
  struct Version {
    uint64_t revision, create_revision;
    std::weak_ptr<const Entry> entry;  // while somebody holds it; the store holds what is current
    std::string text;                  // packed (value_codec.h), once it was replaced
    size_t text_bytes;                 // unpacked
  };
  using VersionPtr = std::shared_ptr<Version>;  // null: there is none
  struct Kept {
    EventType type;
    uint64_t revision;
    std::string ns, name;
    VersionPtr object, previous;
  };
  using Events = std::deque<Kept>;
  struct Newest {
    uint64_t revision;  // of the event
    VersionPtr version;
  };

  static Ref entry_of(const VersionPtr& version, const Key& key);
  static void pack(Version& version, const Entry& entry);
  VersionPtr version_of(const Entry& entry);
  Events::const_iterator first_after(const Events& events, uint64_t revision) const;
  void drop_oldest();

  Limits limits_;
  uint64_t compacted_;
  size_t bytes_ = 0;
  std::map<std::string, Events, std::less<>> by_resource_;
  std::deque<std::pair<const std::string, Events>*> order_;  // whose oldest is the oldest of all, the next, ...
  // By resource/ns/name, of the events that are kept: so that a version is shared by the event that replaced it.
  std::unordered_map<std::string, Newest> newest_;
};

}  // namespace store
