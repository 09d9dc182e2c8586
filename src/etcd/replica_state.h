// Inside etcd only: what a replica's fibers share. Shared by them, because a parked fiber may outlive the replica;
// after `stopped` none of them touches the store.
#pragma once

#include <deque>
#include <map>

#include "etcd/replica.h"
#include "etcd/snapshot.h"
#include "sys/fiber.h"

namespace etcd {

struct Waiting {
  store::Record record;
  std::function<void(Result<void>)> done;
};

struct ReplicaState : std::enable_shared_from_this<ReplicaState> {
  ReplicaState(sys::Sys& s, std::shared_ptr<Api> a, store::Sealer m, ReplicaOptions o)
      : sys(s),
        api(std::move(a)),
        master(std::move(m)),
        options(std::move(o)),
        layout(options.prefix),
        keys(master),
        work(sys.loop),
        progress(sys.loop) {}

  // After a call that parked: whether to end, because the replica or its process does.
  template <class T>
  bool over(const Result<T>& result) {
    if (!result && result.error().code == base::Code::cancelled) stopped = true;
    return stopped;
  }
  bool pause(base::Duration span) { return !over(sys::sleep(sys.loop, span)); }

  bool leads() const { return leading && sys.loop.now() < held_until; }
  void start();
  void stop();
  void changed() {
    if (on_change) on_change();
  }

  // replica.cpp: following and elections
  void run();
  void follow();
  void apply(const std::vector<WatchEvent>& events);
  void apply_revision(int64_t at, const std::vector<const WatchEvent*>& events);
  void leader_event(const WatchEvent& event);
  Result<void> learn(const std::vector<store::Record>& changed, const std::string& head_value);
  void adopt(Snapshot snapshot);
  void resync();
  void campaign();
  void become_leader(int64_t since);
  Result<void> read_keys(std::string_view sealed, int64_t at);

  // leader.cpp: leading
  void lead();
  void step_down(const std::string& why);
  void keep_lease(int64_t of);
  void watch_deadline(int64_t of);
  void lapse();
  void compact_past();
  std::vector<Waiting> next_batch();
  enum class Outcome : unsigned char { kept, refused, lost };
  Outcome write(std::vector<Waiting>& batch);
  Outcome resolve(const TxnResult& result, const std::string& new_head);
  void answer(std::vector<Waiting>& batch, const Result<void>& result);
  base::Duration lease_left() const { return held_until - sys.loop.now(); }

  sys::Sys& sys;
  std::shared_ptr<Api> api;
  store::Sealer master;
  ReplicaOptions options;
  Layout layout;
  store::Sealer keys;  // for values
  int64_t keys_at = 0;
  store::Store* store = nullptr;
  std::function<void()> on_change;

  int64_t applied = 0;  // etcd's revision that the store is at
  std::string head;     // the value of the revision key there
  std::string term;     // of the term key
  std::optional<Leader> leader;
  int64_t leader_since = 0;  // the create revision of its key

  bool stopped = false, candidate = false, leading = false;
  int64_t lease = 0;      // ours, from candidature on
  base::Time held_until;  // by our clock: nobody else can have the lead before
  uint64_t handed = 0;    // the last revision that the store gave out while leading
  std::deque<Waiting> queue;
  sys::Signal work;                                 // something is queued, or the lead is lost
  sys::Signal progress;                             // `applied` or the role has changed
  std::deque<std::pair<base::Time, int64_t>> past;  // what may be compacted when
  sys::Fiber runner;
};

}  // namespace etcd
