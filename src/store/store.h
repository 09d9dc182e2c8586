// Versioned objects: the current state in memory, a durable log below, a history for watches. Reads and writes act on
// memory at once (assumed writes) and travel to the engine in order; nothing outside the process may be touched, and no
// client answered, before when_durable() says so. One thread (the control thread); never suspends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "sys/sys.h"

namespace store {

using base::Error;
using base::Json;
using base::Result;

// `resource` is "plural.group" ("machines.cluster.x-k8s.io") or "plural" for the core group ("secrets").
struct Key {
  std::string resource, ns, name;
  auto operator<=>(const Key&) const = default;
  bool operator==(const Key&) const = default;
  std::string text() const;  // resource/ns/name
};

class DecodedDocuments;

// One version of one object; never changes. Its document is the whole object in its storage version, with
// metadata.resourceVersion set to `revision`.
//
// Decoded, a document takes three times the memory of its text, and most objects rest most of the time. So an entry of
// a Store keeps its text, and its document only for as long as that is read (Limits::decoded_bytes_max).
class Entry : public std::enable_shared_from_this<Entry> {
 public:
  // `text` is the document's where it is known; `doc` may be null then.
  Entry(Key key, uint64_t revision, uint64_t create_revision, Json doc, std::string text = {});

  const Key key;
  const uint64_t revision;  // this version
  const uint64_t create_revision;

  // Decoded when it is not. A reference stays good while somebody besides the Store holds the entry, and in any case
  // until the function or fiber of the loop that asked ends or parks.
  const Json& doc() const;
  const std::string& bytes() const;  // doc().dump(), made once
  const std::string& uid() const;    // metadata.uid; "" when there is none
  const Json& labels() const;        // metadata.labels, for selectors: they look at many that rest
  bool is_of(std::string_view api_version) const;

 private:
  friend class DecodedDocuments;
  // What is asked of objects that rest.
  struct Outline {
    std::string uid;
    Json labels;
  };
  const Outline& outline() const;

  mutable Json doc_;           // null: not decoded
  mutable std::string bytes_;  // empty: not made
  mutable std::optional<Outline> outline_;
  mutable bool read_ = false;                 // the document, since the keeper looked
  std::shared_ptr<DecodedDocuments> keeper_;  // null: what is decoded stays so
};
using Ref = std::shared_ptr<const Entry>;

enum class EventType : unsigned char { added, modified, deleted };
struct Event {
  EventType type;
  uint64_t revision;  // of the change; for deleted: newer than the object's last one
  Ref object;         // for deleted: the last state, stamped with `revision`
  Ref previous;       // null for added
};

// What goes to the engine for each change. `doc` empty means deleted.
struct Record {
  uint64_t revision;
  Key key;
  uint64_t previous_revision;  // 0: must not exist
  uint64_t create_revision;
  std::string doc;
  Ref previous = {};  // what it replaces; only for engines that decide the content
};

// A change that somebody else made to what this store shows, as the engine hears of it.
struct Foreign {
  Key key;
  Json doc;                      // null: the object was deleted
  uint64_t revision = 0;         // 0: the store gives the next number
  uint64_t create_revision = 0;  // 0: the known one, or `revision` for an object that is new here
};

class Store;

// Durable storage. `commit` is called on the control thread, in revision order, any number in flight; `done` must come
// back on the control thread in the same order (perhaps before commit returns). When one fails, every record handed
// over before that failure was reported fails too, so that nothing is kept that builds on a lost write. After the
// engine's destruction no `done` is called; what was in flight then may or may not have become durable.
class Engine {
 public:
  virtual ~Engine() = default;
  // Called once, before anything else: the last revision and all current objects. An engine that also keeps the recent
  // past gives it (older versions and removals, oldest first), so that watches go on across a restart: every change
  // after `compacted` and the version before it must be among `objects` and `past`. Otherwise both stay empty.
  struct Loaded {
    uint64_t revision = 0;
    std::vector<Record> objects;
    uint64_t compacted = 0;
    std::vector<Record> past;
  };
  virtual Result<Loaded> load() = 0;
  virtual void commit(Record record, std::function<void(Result<void>)> done) = 0;
  // Called once, when the store is ready: from now on the engine may tell it what others change (Store::learn and the
  // functions beside it), on the control thread. The store outlives the engine.
  virtual void attach(Store&) {}
  // Whether a write can be taken now; its error is what Store::put and remove give back. Asked before each of them.
  virtual Result<void> may_write() const { return {}; }
  // Whether the engine can hold the object; its error is what put gives back.
  virtual Result<void> fits(const Entry&) const { return {}; }
  // Whether the content is somebody else's to decide (a foreign API server): what was assumed is replaced by what the
  // engine learns, uid included, so an object that was only assumed to exist must not be built upon; and
  // metadata.resourceVersion is theirs: it stays in documents as it is and says nothing about `revision`.
  virtual bool decides_content() const { return false; }
};
// SQLite: WAL, synchronous=FULL, group commit on a thread of its own. `path` is a file that is made when absent, with
// three more beside it: the write-ahead log, a lock that keeps other processes out, and PATH.key, the key with which
// Secrets are encrypted (made with mode 0600 at the first start; without it they are lost). Errors: unavailable when
// the database is in use or cannot be read, corrupt when its content or the key does not fit.
Result<std::unique_ptr<Engine>> open_sqlite(sys::Sys& sys, const std::string& path);
// Keeps nothing; commits are done at once (workload clusters of the rack, tests).
std::unique_ptr<Engine> make_memory_engine(sys::Loop& loop);
// Simulation: a disk that survives the process. Commits become durable after `delay`; a process that ends before loses
// them. Make one disk per simulated machine and one engine per process start.
struct SimDisk;
std::shared_ptr<SimDisk> make_sim_disk();
std::unique_ptr<Engine> make_sim_engine(sys::Loop& loop, std::shared_ptr<SimDisk> disk, base::Duration delay);

using Subscription = uint64_t;

struct Limits {
  size_t history_events_max = 100'000;   // kept for watches that start in the past
  size_t history_bytes_max = 64u << 20;  // of serialised objects in that history
  size_t object_bytes_max = 3u << 20;    // serialised; more is Code::too_large
  size_t decoded_bytes_max = 2u << 20;   // serialised, of objects that rest and are kept decoded all the same
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(sys::Loop& loop, std::unique_ptr<Engine> engine, Limits limits = {});
  ~Store();

  // The newest assumed change. It goes back to durable_revision() when writes are rolled back; their numbers are never
  // given out again.
  uint64_t revision() const;
  uint64_t durable_revision() const;    // the newest change that survives a crash
  uint64_t compacted_revision() const;  // watches and exact lists need a revision >= this

  Ref get(const Key& key) const;  // null when absent
  Ref get(std::string_view resource, std::string_view ns, std::string_view name) const;
  // Sorted by namespace and name. Empty `ns` means all namespaces.
  std::vector<Ref> list(std::string_view resource, std::string_view ns = {}) const;
  // The state of a resource at a past revision; Code::expired when compacted, Code::timeout when it is in the future.
  Result<std::vector<Ref>> list_at(std::string_view resource, std::string_view ns, uint64_t revision) const;
  std::vector<std::string> resources() const;  // that hold at least one object
  // Objects whose metadata.ownerReferences name `uid`; sorted by key.
  std::vector<Ref> owned_by(std::string_view uid) const;
  Ref find_uid(std::string_view uid) const;

  // `expect` is the revision the caller saw: 0 means "must not exist"; a mismatch is Code::conflict (already_exists
  // for 0). Returns the new version. Sets metadata.resourceVersion in the stored doc.
  Result<Ref> put(const Key& key, Json doc, uint64_t expect);
  Result<Ref> remove(const Key& key, uint64_t expect);  // the last state, stamped with the removal's revision

  // A change made elsewhere, already durable there: changes what is shown, tells live subscribers at once, and reaches
  // durable subscribers and the history in order, that is after the assumed writes before it. No engine is called and
  // no size is refused. A deletion of what is not here is no event.
  //
  // Assumed writes of this process that stand in its way are rolled back first, with Code::conflict to who waits for
  // them: with `revision` 0 those from the first one on that has the same key (it was made without knowing the change,
  // and the later ones may build on it); with a number all of them, because then the sequence of revisions is somebody
  // else's. What the engine still answers for a write that was lost in this way is ignored; if it was stored after all,
  // the engine learns it as a foreign change too.
  //
  // A numbered change that is not newer than durable_revision() is known and ignored. Numbers must come in order; gaps
  // are allowed. When two stores share one sequence, one number must never stand for two different changes.
  void learn(Foreign change);
  // Others may have used the numbers up to `revision`: the next write gets a later one.
  void skip_to(uint64_t revision);
  // The past before the present is not known any more, as far as others saw it: watches from there are expired, and
  // epoch() moves on, so that those who follow events know that they miss some.
  void forget_past();
  uint64_t epoch() const;
  bool engine_decides_content() const;
  // Everything assumed is lost, with `error` to who waits for it; as after a failed commit, but without one.
  void roll_back(const Error& error);

  // Calls `fn` once when `revision` is durable (at once if it is), or with the engine's error, after which the assumed
  // state has already been rolled back. A revision of the future waits until it is reached.
  void when_durable(uint64_t revision, std::function<void(Result<void>)> fn);

  // Live changes in order. `durable_only` subscribers (API watches) see an event once it is durable; others (the
  // runtime's cache) at once, and a rolled-back write reaches them as a further event that restores the old state.
  // `fn` may write, subscribe and unsubscribe; events of its writes come after the present one has reached everybody.
  Subscription subscribe(bool durable_only, std::function<void(const Event&)> fn);
  void unsubscribe(Subscription subscription);
  // Events with revision > `after` that are durable, oldest first, for `resource`; Code::expired when compacted.
  Result<std::vector<Event>> history(std::string_view resource, uint64_t after) const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace store
