#include "etcd/replica.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "etcd/replica_state.h"
#include "store/value_codec.h"

namespace etcd {

using base::Code;
using store::Record;
using store::Sealer;

namespace {

constexpr base::Duration call_limit = base::seconds(5);
constexpr base::Duration load_limit = base::seconds(30);  // per page
constexpr base::Duration retry_gap = base::milliseconds(300);
constexpr base::Duration look_gap = base::seconds(1);  // between looks at whether there is a leader
// etcd takes requests of 1.5 MiB; the rest of a transaction needs some room.
constexpr size_t value_bytes_max = 1300u << 10;

}  // namespace

// ---- start -----------------------------------------------------------------------------------------------------

Result<std::string> common_value(sys::Sys& sys, Api& api, const Sealer& master, const std::string& key,
                                 const std::function<Result<std::string>()>& fresh) {
  constexpr int tries_max = 5;
  for (int tries = 1;; ++tries) {
    const auto found = TRY(api.range({.key = key}, call_limit));
    if (!found.items.empty()) {
      auto opened = master.open(found.items.front().value, common_binding(key));
      if (opened) return opened;
      return std::move(opened).error().context(key).with_fix(
          "give this process the same key file (--store-key) as the others that use this etcd");
    }
    const std::string made = TRY(fresh());
    Txn txn;
    txn.compares.push_back({.what = Compare::What::create_revision, .key = key});
    txn.then.push_back(
        {.kind = Op::Kind::put, .key = key, .value = master.seal(sys.random, made, common_binding(key))});
    const auto stored = api.txn(txn, call_limit);
    if (!stored && stored.error().code != Code::timeout && stored.error().code != Code::unavailable) {
      return stored.error();
    }
    // Whoever was first: all take what is there now.
    if (tries == tries_max) return base::unavailable("etcd does not take " + key);
  }
}

void ReplicaState::start() {
  runner = sys::spawn(sys.loop, "etcd replica", [self = shared_from_this()] { self->run(); });
}

void ReplicaState::stop() {
  stopped = true;
  leading = false;
  on_change = nullptr;
  queue.clear();
  store = nullptr;
  work.set();
  progress.set();
  runner.cancel();
}

Result<void> ReplicaState::read_keys(std::string_view sealed, int64_t at) {
  const auto text = TRY(master.open(sealed, common_binding(layout.keys)).context(layout.keys));
  keys = TRY(Sealer::parse(text).context(layout.keys));
  keys_at = at;
  return {};
}

void ReplicaState::adopt(Snapshot snapshot) {
  applied = snapshot.at;
  head = std::move(snapshot.head_value);
  term = std::move(snapshot.term_value);
  leader.reset();
  leader_since = 0;
  if (snapshot.leader) leader_event({.removed = false, .item = std::move(*snapshot.leader)});
  progress.set();
}

// ---- following -------------------------------------------------------------------------------------------------

void ReplicaState::run() {
  while (!stopped) {
    follow();
    if (!stopped && leading) lead();
  }
}

void ReplicaState::follow() {
  std::unique_ptr<Watch> watch;
  while (!stopped && !leading) {
    if (!watch) {
      auto opened = api->watch(layout.root, prefix_end(layout.root), applied + 1);
      if (over(opened)) return;
      if (!opened) {
        if (!pause(retry_gap)) return;
        continue;
      }
      watch = std::move(*opened);
    }
    const auto events = watch->next(look_gap);
    if (over(events)) return;
    if (events) {
      apply(*events);
    } else if (events.error().code == Code::expired) {
      watch = nullptr;
      resync();
    } else if (events.error().code != Code::timeout) {
      watch = nullptr;
      if (!pause(retry_gap)) return;
    }
    if (!stopped && candidate && !leading && !leader) campaign();
  }
}

void ReplicaState::apply(const std::vector<WatchEvent>& events) {
  for (size_t i = 0; i < events.size() && !stopped && !leading;) {
    const int64_t at = events[i].item.mod_revision;
    std::vector<const WatchEvent*> group;
    for (; i < events.size() && events[i].item.mod_revision == at; ++i) group.push_back(&events[i]);
    if (at > applied) apply_revision(at, group);
  }
}

void ReplicaState::apply_revision(int64_t at, const std::vector<const WatchEvent*>& events) {
  std::vector<Record> changed;
  const WatchEvent* head_event = nullptr;
  const WatchEvent* leader_changed = nullptr;
  for (const auto* event : events) {
    const auto& item = event->item;
    if (item.key == layout.leader) leader_changed = event;
    if (item.key == layout.revision && !event->removed) head_event = event;
    if (item.key == layout.term && !event->removed) term = item.value;
    Result<void> read;
    if (item.key == layout.keys && !event->removed) read = read_keys(item.value, at);
    if (const auto key = layout.object_of(item.key); key && !event->removed) {
      auto record = decode_object(*key, item.value, keys);
      if (record) changed.push_back(std::move(*record));
      if (!record) read = record.error();
    }
    if (!read) base::log::error("a change in etcd cannot be read", {{"error", read.error().text()}});
  }
  if (head_event) {
    if (const auto learned = learn(changed, head_event->item.value); !learned) {
      base::log::error("a change in etcd cannot be taken in", {{"error", learned.error().text()}});
    }
  }
  applied = at;
  progress.set();
  if (leader_changed && !stopped) leader_event(*leader_changed);
}

// The deletions of the same transaction are in the value of the revision key.
Result<void> ReplicaState::learn(const std::vector<Record>& changed, const std::string& head_value) {
  const Head now = TRY(decode_head(head_value));
  std::map<uint64_t, store::Foreign> changes;
  for (const auto& record : changed) {
    changes[record.revision] = {.key = record.key,
                                .doc = TRY(base::parse_json(record.doc).context(record.key.text())),
                                .revision = record.revision,
                                .create_revision = record.create_revision};
  }
  for (const auto& deleted : now.deleted) {
    changes[deleted.revision] = {.key = deleted.key, .doc = {}, .revision = deleted.revision};
  }
  head = head_value;
  for (auto& [revision, change] : changes) {
    if (!stopped) store->learn(std::move(change));
  }
  return {};
}

void ReplicaState::leader_event(const WatchEvent& event) {
  const auto before = leader;
  if (event.removed) {
    leader.reset();
    leader_since = 0;
  } else if (auto now = decode_leader(event.item.value)) {
    leader = std::move(*now);
    leader_since = event.item.create_revision;
    if (candidate && lease != 0 && event.item.lease == lease) return become_leader(leader_since);
  }
  if (leader != before) {
    base::log::info("the leader has changed", {{"leader", leader ? leader->identity : std::string("nobody")}});
    changed();
  }
}

// etcd has forgotten what happened while we were away: take in what is there now.
void ReplicaState::resync() {
  auto snapshot = read_snapshot(*api, layout, load_limit);
  if (over(snapshot)) return;
  if (!snapshot) {
    (void)pause(retry_gap);
    return;
  }
  Result<void> read;
  if (snapshot->keys) read = read_keys(snapshot->keys->value, snapshot->keys->mod_revision);
  const auto objects = decode_objects(*snapshot, layout, keys);
  const auto now = decode_head(snapshot->head_value);
  if (!read || !objects || !now) {
    const auto& error = !read ? read.error() : !objects ? objects.error() : now.error();
    base::log::error("what is in etcd cannot be read", {{"error", error.text()}});
    (void)pause(look_gap);
    return;
  }
  store->forget_past();
  for (auto& change : difference(*store, *objects, now->revision)) store->learn(std::move(change));
  store->forget_past();
  adopt(std::move(*snapshot));
}

// ---- election --------------------------------------------------------------------------------------------------

// Whether it was won is seen in the changes, when everything before it has been taken in.
void ReplicaState::campaign() {
  const auto asked = sys.loop.now();
  if (lease == 0 || asked + options.lease / 2 >= held_until) {
    const auto granted = api->grant(options.lease, call_limit);
    if (over(granted)) return;
    if (!granted) {
      lease = 0;
      (void)pause(retry_gap);
      return;
    }
    lease = *granted;
    held_until = asked + options.lease - options.clock_skew;
  }
  Txn txn;
  txn.compares.push_back({.what = Compare::What::create_revision, .key = layout.leader});
  const auto term_before = decode_term(term);
  if (!term_before) return base::log::error("no election", {{"error", term_before.error().text()}});
  if (term.empty()) {
    txn.compares.push_back({.what = Compare::What::create_revision, .key = layout.term});
  } else {
    txn.compares.push_back({.what = Compare::What::value, .key = layout.term, .value = term});
  }
  Leader self = options.self;
  self.term = std::max(*term_before, store->durable_revision()) + term_gap;
  txn.then.push_back({.kind = Op::Kind::put, .key = layout.term, .value = encode_term(self.term)});
  txn.then.push_back({.kind = Op::Kind::put, .key = layout.leader, .value = encode(self), .lease = lease});
  const auto result = api->txn(txn, call_limit);
  if (over(result)) return;
  if (!result) {
    if (result.error().code != Code::timeout && result.error().code != Code::unavailable) lease = 0;
    (void)pause(retry_gap);
  }
}

void ReplicaState::become_leader(int64_t since) {
  leader_since = since;
  // When it took too long, or much was written by others since the term was chosen: let it pass.
  const bool stale = leader->term < store->durable_revision() + term_gap / 2;
  if (stale || lease_left() <= base::Duration::zero()) {
    const auto gone = std::exchange(lease, 0);
    sys::spawn(sys.loop, "etcd lease", [api = api, gone] { (void)api->revoke(gone, call_limit); });
    return;
  }
  leading = true;
  handed = leader->term;
  store->skip_to(leader->term);
  base::log::info("this process leads now", {{"identity", options.self.identity}});
  progress.set();
  changed();
}

// ---- the engine ------------------------------------------------------------------------------------------------

namespace {

class EtcdReplica : public Replica {
 public:
  EtcdReplica(std::shared_ptr<ReplicaState> state, Loaded loaded)
      : state_(std::move(state)), loaded_(std::move(loaded)), reading_(state_->sys.loop) {}
  ~EtcdReplica() override { state_->stop(); }

  Result<Loaded> load() override { return std::move(loaded_); }

  void attach(store::Store& store) override {
    state_->store = &store;
    state_->start();
  }

  void commit(Record record, std::function<void(Result<void>)> done) override {
    state_->handed = record.revision;
    state_->queue.push_back({std::move(record), std::move(done)});
    state_->work.set();
  }

  Result<void> may_write() const override {
    const auto& s = *state_;
    if (s.leads() && s.handed > std::max(s.store->durable_revision(), s.leader->term) + term_gap / 4) {
      return base::unavailable("too many writes wait for etcd");
    }
    if (s.leads()) return {};
    return Error{.code = Code::unavailable,
                 .message = state_->leader ? "another process writes: " + state_->leader->identity
                                           : "no process leads at the moment"};
  }

  Result<void> fits(const store::Entry& object) const override {
    size_t bytes = object.bytes().size();
    const bool confidential = store::is_confidential(object.key.resource);
    if (bytes > value_bytes_max && !confidential) bytes = store::pack_value(object.bytes()).size();
    if (bytes <= value_bytes_max) return {};
    return Error{.code = Code::too_large,
                 .message = object.key.text() + " has " + std::to_string(bytes) +
                            " bytes as stored, more than etcd takes (" + std::to_string(value_bytes_max) + ")"};
  }

  void run_for_leader() override { state_->candidate = true; }

  void resign() override {
    auto& s = *state_;
    s.candidate = false;
    const auto lease = std::exchange(s.lease, 0);
    if (s.leading) s.lapse();
    s.held_until = {};
    s.work.set();
    if (lease != 0) (void)s.api->revoke(lease, base::seconds(2));
  }

  bool leads() const override { return state_->leads(); }
  std::optional<Leader> leader() const override { return state_->leader; }
  void on_change(std::function<void()> fn) override { state_->on_change = std::move(fn); }
  const Sealer& sealer() const override { return state_->master; }

  // Those who come while a read is under way share the next one.
  Result<void> catch_up(base::Duration limit) override {
    if (state_->leads()) return {};
    const auto state = state_;
    const auto until = state->sys.loop.now() + limit;
    const auto found = TRY(read_shared(until));
    while (state->applied < found && !state->leads()) {
      if (state->stopped) return base::unavailable("stopping");
      state->progress.clear();
      TRY(state->progress.wait_for(until - state->sys.loop.now()));
    }
    return {};
  }

 private:
  struct Read {
    explicit Read(sys::Loop& loop) : done(loop) {}
    sys::Signal done;
    Result<int64_t> at = base::unavailable("not read");
  };

  // etcd's revision of the newest write.
  Result<int64_t> read_shared(base::Time until) {
    const auto state = state_;
    if (!next_) {
      next_ = std::make_shared<Read>(state->sys.loop);
      const auto before = std::exchange(current_, next_);
      const auto mine = next_;
      sys::spawn(state->sys.loop, "etcd read", [this, state, before, mine, until] {
        if (before) (void)before->done.wait();
        if (state->stopped) return mine->done.set();
        if (next_ == mine) next_ = nullptr;  // from here on others would be too late for it
        const auto limit = std::max<base::Duration>(base::milliseconds(1), until - state->sys.loop.now());
        const auto found = state->api->range({.key = state->layout.revision}, limit);
        if (!found) {
          mine->at = found.error();
        } else {
          mine->at = found->items.empty() ? 0 : found->items.front().mod_revision;
        }
        mine->done.set();
      });
    }
    const auto read = next_;
    TRY(read->done.wait_for(until - state->sys.loop.now()));
    return read->at;
  }

  std::shared_ptr<ReplicaState> state_;
  Loaded loaded_;
  sys::Signal reading_;
  std::shared_ptr<Read> next_, current_;
};

}  // namespace

Result<std::unique_ptr<Replica>> open_replica(sys::Sys& sys, std::shared_ptr<Api> api, Sealer master,
                                              ReplicaOptions options) {
  auto state = std::make_shared<ReplicaState>(sys, api, std::move(master), std::move(options));
  // The first process makes the first key.
  TRY(common_value(sys, *api, state->master, state->layout.keys,
                   [&]() -> Result<std::string> { return Sealer::generate(sys.random).key_file(); }));
  auto snapshot = TRY(read_snapshot(*api, state->layout, load_limit));
  if (!snapshot.keys) return base::corrupt(state->layout.keys + " went away while it was read");
  TRY(state->read_keys(snapshot.keys->value, snapshot.keys->mod_revision));
  store::Engine::Loaded loaded;
  loaded.revision = TRY(decode_head(snapshot.head_value)).revision;
  loaded.objects = TRY(decode_objects(snapshot, state->layout, state->keys));
  state->adopt(std::move(snapshot));
  return std::unique_ptr<Replica>(std::make_unique<EtcdReplica>(std::move(state), std::move(loaded)));
}

}  // namespace etcd
