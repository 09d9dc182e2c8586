#include "etcd/sim_etcd.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "sys/fiber.h"

namespace etcd {

using base::Code;
using base::Duration;

struct SimEtcd::State : std::enable_shared_from_this<SimEtcd::State> {
  State(sys::Loop& l, sys::Random& r) : loop(l), random(r) {}

  struct Change {
    int64_t revision;
    std::vector<WatchEvent> events;
  };
  struct Lease {
    Duration life;
    base::Time ends;
    std::set<std::string> keys;
  };

  bool reaches(const std::string& name) const { return quorum && !cut_off.contains(name); }
  Duration latency() {
    const auto spread = static_cast<uint64_t>((faults.latency_max - faults.latency_min).count());
    return faults.latency_min + Duration(static_cast<Duration::rep>(random.below(spread + 1)));
  }
  bool happens(double probability) { return probability > 0 && random.unit() < probability; }

  Result<RangeResult> range(const RangeRequest& request) const;
  Result<TxnResult> txn(const Txn& txn);
  bool holds(const Compare& compare) const;
  void put(const Op& op, Change& change);
  void remove(const std::string& key, Change& change);
  void commit(Change change);
  Result<int64_t> grant(Duration life);
  Result<Duration> keep_alive(int64_t id);
  void watch_lease(int64_t id);
  Result<void> revoke(int64_t id);
  Result<void> compact(int64_t revision);
  std::map<std::string, KeyValue> state_at(int64_t revision) const;

  sys::Loop& loop;
  sys::Random& random;
  Faults faults;
  std::set<std::string> cut_off;
  bool quorum = true;
  int refusals = 0;
  Error refusal;
  int64_t revision = 1, compacted = 0, last_lease = 0;
  std::map<std::string, KeyValue> items;
  std::deque<Change> past;
  std::function<void(const std::vector<WatchEvent>&)> observer;
  std::map<int64_t, Lease> leases;
  std::map<uint64_t, std::function<void()>> listeners;  // of watches
  uint64_t last_listener = 0;
};

// The state of the past, for pages of one revision: undone from the changes since.
std::map<std::string, KeyValue> SimEtcd::State::state_at(int64_t wanted) const {
  std::map<std::string, KeyValue> out;
  for (const auto& change : past) {
    if (change.revision > wanted) break;
    for (const auto& event : change.events) {
      if (event.removed) {
        out.erase(event.item.key);
      } else {
        out[event.item.key] = event.item;
      }
    }
  }
  return out;
}

Result<RangeResult> SimEtcd::State::range(const RangeRequest& request) const {
  if (request.revision != 0 && request.revision < compacted) {
    return Error{.code = Code::expired, .message = "mvcc: required revision has been compacted"};
  }
  RangeResult out;
  out.revision = revision;
  const bool present = request.revision == 0 || request.revision >= revision;
  const auto before = present ? std::map<std::string, KeyValue>() : state_at(request.revision);
  const auto& then = present ? items : before;
  for (auto at = then.lower_bound(request.key); at != then.end(); ++at) {
    if (request.end.empty() ? at->first != request.key : at->first >= request.end) break;
    if (request.limit != 0 && out.items.size() == static_cast<size_t>(request.limit)) {
      out.more = true;
      break;
    }
    out.items.push_back(at->second);
  }
  return out;
}

bool SimEtcd::State::holds(const Compare& compare) const {
  const auto found = items.find(compare.key);
  const KeyValue item = found == items.end() ? KeyValue{} : found->second;
  switch (compare.what) {
    case Compare::What::create_revision:
      return item.create_revision == compare.number;
    case Compare::What::mod_revision:
      return item.mod_revision == compare.number;
    case Compare::What::value:
      return found != items.end() && item.value == compare.value;
  }
  return false;
}

void SimEtcd::State::put(const Op& op, Change& change) {
  auto& item = items[op.key];
  if (item.lease != 0) leases[item.lease].keys.erase(op.key);
  if (item.create_revision == 0) item.create_revision = change.revision;
  item.key = op.key;
  item.value = op.value;
  item.mod_revision = change.revision;
  item.lease = op.lease;
  if (op.lease != 0) leases[op.lease].keys.insert(op.key);
  change.events.push_back({.removed = false, .item = item});
}

void SimEtcd::State::remove(const std::string& key, Change& change) {
  const auto found = items.find(key);
  if (found == items.end()) return;
  if (found->second.lease != 0) leases[found->second.lease].keys.erase(key);
  items.erase(found);
  change.events.push_back({.removed = true, .item = {.key = key, .mod_revision = change.revision}});
}

void SimEtcd::State::commit(Change change) {
  if (change.events.empty()) return;
  revision = change.revision;
  past.push_back(std::move(change));
  if (observer) observer(past.back().events);
  for (const auto& [id, listener] : listeners) listener();
}

Result<TxnResult> SimEtcd::State::txn(const Txn& txn) {
  if (refusals > 0) {
    --refusals;
    return refusal;
  }
  TxnResult out;
  out.succeeded = true;
  for (const auto& compare : txn.compares) out.succeeded = out.succeeded && holds(compare);
  const auto& ops = out.succeeded ? txn.then : txn.otherwise;
  std::set<std::string> written;
  for (const auto& op : ops) {
    if (op.kind == Op::Kind::range) continue;
    if (!written.insert(op.key).second) return base::invalid("duplicate key given in txn request");
    if (op.lease != 0 && !leases.contains(op.lease)) return base::not_found("requested lease not found");
  }
  Change change{.revision = revision + 1, .events = {}};
  for (const auto& op : ops) {
    auto& found = out.found.emplace_back();
    if (op.kind == Op::Kind::put) put(op, change);
    if (op.kind == Op::Kind::remove) remove(op.key, change);
    const auto at = items.find(op.key);
    if (op.kind == Op::Kind::range && at != items.end()) found.push_back(at->second);
  }
  commit(std::move(change));
  out.revision = revision;
  return out;
}

Result<int64_t> SimEtcd::State::grant(Duration life) {
  const int64_t id = ++last_lease;
  leases[id] = {life, loop.now() + life, {}};
  watch_lease(id);
  return id;
}

void SimEtcd::State::watch_lease(int64_t id) {
  const auto found = leases.find(id);
  if (found == leases.end()) return;
  if (loop.now() >= found->second.ends && quorum) {
    (void)revoke(id);
    return;
  }
  const auto rest = std::max<Duration>(found->second.ends - loop.now(), base::milliseconds(100));
  loop.after(rest, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->watch_lease(id);
  });
}

Result<Duration> SimEtcd::State::keep_alive(int64_t id) {
  const auto found = leases.find(id);
  if (found == leases.end()) return base::not_found("the lease is over");
  found->second.ends = loop.now() + found->second.life;
  return found->second.life;
}

Result<void> SimEtcd::State::revoke(int64_t id) {
  const auto found = leases.find(id);
  if (found == leases.end()) return base::not_found("requested lease not found");
  const auto keys = found->second.keys;
  Change change{.revision = revision + 1, .events = {}};
  for (const auto& key : keys) remove(key, change);
  leases.erase(id);
  commit(std::move(change));
  return {};
}

Result<void> SimEtcd::State::compact(int64_t to) {
  if (to <= compacted || to > revision) {
    return Error{.code = Code::expired, .message = "mvcc: required revision has been compacted"};
  }
  compacted = to;  // the changes stay, for state_at; watches and ranges do not get them
  return {};
}

namespace {

// One request under way: carried out on the world's loop, answered through a signal of the client's.
template <class T>
struct Trip {
  explicit Trip(sys::Loop& loop) : arrived(loop) {}
  sys::Signal arrived;
  Result<T> result = base::unavailable("no answer");
};

}  // namespace

class SimClient : public Api {
 public:
  using State = SimEtcd::State;
  SimClient(std::shared_ptr<SimEtcd::State> state, sys::Loop& loop, std::string name)
      : state_(std::move(state)), loop_(loop), name_(std::move(name)) {}

  Result<RangeResult> range(const RangeRequest& request, Duration limit) override {
    return travel<RangeResult>(limit, [request](State& s) { return s.range(request); });
  }
  Result<TxnResult> txn(const Txn& txn, Duration limit) override {
    return travel<TxnResult>(limit, [txn](State& s) { return s.txn(txn); });
  }
  Result<int64_t> grant(Duration life, Duration limit) override {
    return travel<int64_t>(limit, [life](State& s) { return s.grant(life); });
  }
  Result<Duration> keep_alive(int64_t lease, Duration limit) override {
    return travel<Duration>(limit, [lease](State& s) { return s.keep_alive(lease); });
  }
  Result<void> revoke(int64_t lease, Duration limit) override {
    return travel<void>(limit, [lease](State& s) { return s.revoke(lease); });
  }
  Result<void> compact(int64_t revision, Duration limit) override {
    return travel<void>(limit, [revision](State& s) { return s.compact(revision); });
  }
  Result<std::string> version(Duration limit) override {
    return travel<std::string>(limit, [](State&) -> Result<std::string> { return std::string("model"); });
  }
  Result<std::unique_ptr<Watch>> watch(const std::string& key, const std::string& end, int64_t from) override;

 private:
  template <class T>
  Result<T> travel(Duration limit, std::function<Result<T>(State&)> work) {
    auto& s = *state_;
    const bool lost = s.happens(s.faults.request_lost), unanswered = s.happens(s.faults.answer_lost);
    const bool late = s.happens(s.faults.late);
    auto trip = std::make_shared<Trip<T>>(loop_);
    const auto delay = late ? limit + 10 * s.latency() : s.latency();
    const bool sent = s.reaches(name_) && !lost;
    if (sent) {
      s.loop.after(delay, [state = state_, trip, work = std::move(work), name = name_, unanswered] {
        if (!state->quorum) return;
        auto result = work(*state);
        if (unanswered || !state->reaches(name)) return;
        state->loop.after(state->latency(), [trip, result = std::move(result)] {
          trip->result = result;
          trip->arrived.set();
        });
      });
    }
    TRY(trip->arrived.wait_for(limit));
    return trip->result;
  }

  std::shared_ptr<State> state_;
  sys::Loop& loop_;
  std::string name_;
};

namespace {

using StatePtr = std::shared_ptr<SimClient::State>;

class SimWatch : public Watch {
 public:
  SimWatch(StatePtr state, sys::Loop& loop, std::string name, std::string key, std::string end, int64_t from)
      : state_(std::move(state)),
        name_(std::move(name)),
        key_(std::move(key)),
        end_(std::move(end)),
        from_(from),
        loop_(loop),
        news_(std::make_shared<sys::Signal>(loop)) {
    listener_ = ++state_->last_listener;
    state_->listeners[listener_] = [news = news_] { news->set(); };
  }
  ~SimWatch() override { state_->listeners.erase(listener_); }

  Result<std::vector<WatchEvent>> next(Duration limit) override {
    const auto until = loop_.now() + limit;
    for (;;) {
      if (from_ <= state_->compacted && !sent_) {
        return Error{.code = Code::expired, .message = "required revision has been compacted"};
      }
      news_->clear();
      auto events = state_->reaches(name_) ? collect() : std::vector<WatchEvent>();
      if (!events.empty()) {
        TRY(sys::sleep(loop_, state_->latency()));
        if (!state_->reaches(name_) || state_->happens(state_->faults.watch_broken)) {
          return base::unavailable("the watch broke");
        }
        return events;
      }
      TRY(news_->wait_for(until - loop_.now()));
    }
  }

 private:
  std::vector<WatchEvent> collect() {
    std::vector<WatchEvent> out;
    const auto& past = state_->past;
    const auto first = std::lower_bound(past.begin(), past.end(), from_,
                                        [](const auto& change, int64_t from) { return change.revision < from; });
    for (auto at = first; at != past.end(); ++at) {
      for (const auto& event : at->events) {
        if (event.item.key >= key_ && event.item.key < end_) out.push_back(event);
      }
    }
    from_ = std::max(from_, state_->revision + 1);
    sent_ = true;
    return out;
  }

  StatePtr state_;
  std::string name_, key_, end_;
  int64_t from_;
  sys::Loop& loop_;
  std::shared_ptr<sys::Signal> news_;
  uint64_t listener_ = 0;
  bool sent_ = false;
};

}  // namespace

Result<std::unique_ptr<Watch>> SimClient::watch(const std::string& key, const std::string& end, int64_t from) {
  if (!state_->reaches(name_)) {
    TRY(sys::sleep(loop_, base::seconds(1)));
    return base::unavailable("no connection");
  }
  return std::unique_ptr<Watch>(std::make_unique<SimWatch>(state_, loop_, name_, key, end, from));
}

SimEtcd::SimEtcd(sys::Loop& world, sys::Random& random) : state_(std::make_shared<State>(world, random)) {}
SimEtcd::~SimEtcd() = default;

std::shared_ptr<Api> SimEtcd::client(sys::Loop& loop, const std::string& name) {
  return std::make_shared<SimClient>(state_, loop, name);
}

SimEtcd::Faults& SimEtcd::faults() { return state_->faults; }

void SimEtcd::set_reachable(const std::string& name, bool reachable) {
  if (reachable) {
    state_->cut_off.erase(name);
  } else {
    state_->cut_off.insert(name);
  }
}

void SimEtcd::set_quorum(bool there) { state_->quorum = there; }

void SimEtcd::refuse(int count, Error error) {
  state_->refusals = count;
  state_->refusal = std::move(error);
}

void SimEtcd::on_commit(std::function<void(const std::vector<WatchEvent>&)> fn) { state_->observer = std::move(fn); }
int64_t SimEtcd::revision() const { return state_->revision; }
void SimEtcd::compact(int64_t revision) { (void)state_->compact(revision); }

std::vector<KeyValue> SimEtcd::all(const std::string& prefix) const {
  return state_->range({.key = prefix, .end = prefix_end(prefix)})->items;
}

}  // namespace etcd
