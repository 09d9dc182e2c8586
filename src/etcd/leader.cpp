// The leader's side of a replica: groups of records in one transaction each, the lease, compaction.
#include <algorithm>

#include "base/log.h"
#include "etcd/replica_state.h"

namespace etcd {

using base::Code;

namespace {

// etcd takes 128 operations by default; one is for the revision.
constexpr size_t batch_records_max = 120;
constexpr size_t batch_bytes_max = 1u << 20;
constexpr base::Duration try_limit = base::seconds(2);
constexpr base::Duration retry_gap = base::milliseconds(100);
constexpr base::Duration compact_gap = base::minutes(1);

bool unknown_outcome(const Error& error) { return error.code == Code::unavailable || error.code == Code::timeout; }

}  // namespace

void ReplicaState::lead() {
  const int64_t since = leader_since;
  sys::spawn(sys.loop, "etcd lease", [self = shared_from_this(), since] { self->keep_lease(since); });
  sys::spawn(sys.loop, "etcd lease deadline", [self = shared_from_this(), since] { self->watch_deadline(since); });
  while (!stopped && leads()) {
    if (queue.empty()) {
      work.clear();
      if (over(work.wait_for(std::max(base::Duration::zero(), lease_left())))) return;
      // At the end of this round, so that what it still writes comes along.
      if (over(sys::yield(sys.loop))) return;
      continue;
    }
    auto batch = next_batch();
    const auto outcome = write(batch);
    if (stopped) return;
    if (outcome == Outcome::lost) break;
  }
  if (!stopped) step_down("the lease was lost");
}

// Everything assumed is lost here; what of it did reach etcd comes back as changes from there. Who acts on changes is
// told before, or it would act on what is taken back.
void ReplicaState::step_down(const std::string& why) {
  leading = false;
  queue.clear();
  base::log::warn("this process does not lead any more", {{"why", why}});
  changed();
  if (stopped) return;
  store->roll_back(base::unavailable("the write may be lost: another process leads now"));
  if (stopped) return;
  leader.reset();
  progress.set();
  changed();
  const auto gone = std::exchange(lease, 0);
  if (gone == 0) return;
  sys::spawn(sys.loop, "etcd lease", [api = api, gone] { (void)api->revoke(gone, try_limit); });
}

// For good: what was kept from acting once does not begin again in the same term.
void ReplicaState::lapse() {
  held_until = {};
  work.set();
  changed();
}

// Beside lead() and keep_lease(), whose requests may hang.
void ReplicaState::watch_deadline(int64_t of) {
  const auto still = [&] { return !stopped && leading && leader_since == of; };
  while (still()) {
    if (!leads()) return lapse();
    if (!sys::sleep(sys.loop, lease_left())) return;
  }
}

void ReplicaState::keep_lease(int64_t of) {
  const auto still = [&] { return !stopped && leading && leader_since == of && lease != 0; };
  auto next_compaction = sys.loop.now() + compact_gap;
  base::Duration gap = options.lease / 3;
  while (still()) {
    if (!sys::sleep(sys.loop, gap) || !still()) return;
    const auto asked = sys.loop.now();
    const auto left = api->keep_alive(lease, options.lease / 4);
    if (!still() || !leads()) return;
    gap = options.lease / 3;
    if (left) {
      held_until = asked + *left - options.clock_skew;
    } else if (left.error().code == Code::not_found) {
      return lapse();
    } else {
      gap = retry_gap;
    }
    if (sys.loop.now() < next_compaction) continue;
    next_compaction = sys.loop.now() + compact_gap;
    compact_past();
  }
}

void ReplicaState::compact_past() {
  const auto now = sys.loop.now();
  past.emplace_back(now, applied);
  int64_t upto = 0;
  while (!past.empty() && past.front().first + options.keep_past <= now) {
    upto = past.front().second;
    past.pop_front();
  }
  if (upto == 0) return;
  sys::spawn(sys.loop, "etcd compaction", [api = api, upto] {
    const auto done = api->compact(upto, base::seconds(10));
    if (!done && done.error().code != Code::expired) {
      base::log::debug("etcd was not compacted", {{"error", done.error().text()}});
    }
  });
}

// Up to the limits of a transaction, and no key twice.
std::vector<Waiting> ReplicaState::next_batch() {
  std::vector<Waiting> batch;
  std::map<store::Key, int> seen;
  size_t bytes = 0;
  while (!queue.empty() && batch.size() < batch_records_max) {
    const auto& record = queue.front().record;
    bytes += record.doc.size() + 512;
    if (!batch.empty() && (bytes > batch_bytes_max || seen.contains(record.key))) break;
    seen[record.key] = 1;
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return batch;
}

ReplicaState::Outcome ReplicaState::write(std::vector<Waiting>& batch) {
  Txn txn;
  std::string new_head;
  const auto build = [&] {
    Head now{.revision = batch.back().record.revision, .deleted = {}};
    txn = {};
    txn.compares.push_back({.what = Compare::What::create_revision, .key = layout.leader, .number = leader_since});
    txn.compares.push_back({.what = Compare::What::mod_revision, .key = layout.keys, .number = keys_at});
    if (head.empty()) {
      txn.compares.push_back({.what = Compare::What::create_revision, .key = layout.revision});
    } else {
      txn.compares.push_back({.what = Compare::What::value, .key = layout.revision, .value = head});
    }
    for (const auto& [record, done] : batch) {
      if (record.doc.empty()) {
        now.deleted.push_back({record.key, record.revision});
        txn.then.push_back({.kind = Op::Kind::remove, .key = layout.object(record.key)});
      } else {
        txn.then.push_back({.kind = Op::Kind::put,
                            .key = layout.object(record.key),
                            .value = encode_object(record, keys, sys.random)});
      }
    }
    new_head = encode(now);
    txn.then.push_back({.kind = Op::Kind::put, .key = layout.revision, .value = new_head});
    for (const auto& key : {layout.leader, layout.keys, layout.revision}) {
      txn.otherwise.push_back({.kind = Op::Kind::range, .key = key});
    }
  };
  build();
  // The same transaction again is safe: it can be carried out once only, because it changes what it compares.
  for (;;) {
    if (lease_left() <= base::Duration::zero()) return Outcome::lost;
    const auto result = api->txn(txn, std::min(try_limit, lease_left()));
    if (over(result)) return Outcome::lost;
    if (!result && unknown_outcome(result.error())) {
      if (!pause(retry_gap)) return Outcome::lost;
      continue;
    }
    if (!result) {  // such as a full disk: what is queued builds on it
      for (auto& waiting : queue) batch.push_back(std::move(waiting));
      queue.clear();
      base::log::error("etcd did not take writes", {{"error", result.error().text()}});
      answer(batch, Error{.code = Code::unavailable, .message = result.error().message});
      return Outcome::refused;
    }
    if (result->succeeded) {
      applied = result->revision;
    } else {
      const auto keys_before = keys_at;
      const auto outcome = resolve(*result, new_head);
      if (outcome == Outcome::lost) return outcome;
      if (keys_at != keys_before) build();
      if (outcome == Outcome::refused) continue;
    }
    head = new_head;
    progress.set();
    answer(batch, {});
    return Outcome::kept;
  }
}

// A compare failed: because an earlier try was carried out (kept), because keys were changed (refused: try again), or
// because somebody else leads (lost).
ReplicaState::Outcome ReplicaState::resolve(const TxnResult& result, const std::string& new_head) {
  if (result.found.size() != 3 || result.found[0].empty() || result.found[1].empty()) return Outcome::lost;
  if (result.found[0].front().create_revision != leader_since) return Outcome::lost;
  const auto& sealed = result.found[1].front();
  const bool keys_changed = sealed.mod_revision != keys_at;
  if (keys_changed) {
    if (const auto read = read_keys(sealed.value, sealed.mod_revision); !read) {
      base::log::error("new keys in etcd cannot be read", {{"error", read.error().text()}});
      return Outcome::lost;
    }
  }
  if (!result.found[2].empty() && result.found[2].front().value == new_head) {
    applied = result.found[2].front().mod_revision;
    return Outcome::kept;
  }
  return keys_changed ? Outcome::refused : Outcome::lost;
}

void ReplicaState::answer(std::vector<Waiting>& batch, const Result<void>& result) {
  for (auto& waiting : batch) {
    waiting.done(result);
    if (stopped) return;
  }
}

}  // namespace etcd
