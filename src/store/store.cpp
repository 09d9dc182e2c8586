#include "store/store.h"

#include <algorithm>
#include <deque>

#include "store/decoded_documents.h"
#include "store/history.h"
#include "store/table.h"

namespace store {

namespace {}  // namespace

struct Store::State {
  using Waiter = std::function<void(Result<void>)>;
  struct Subscriber {
    bool durable_only;
    std::function<void(const Event&)> fn;
  };
  // One call to be made: an event to the subscribers of one sort, or a waiter with its result.
  struct Call {
    Event event;
    bool durable = false;
    Waiter waiter;
    Result<void> result;
  };
  struct Pending {
    Event event;
    bool foreign = false;  // durable already, but behind assumed writes
  };
  struct Burnt {  // revisions whose writes were rolled back
    uint64_t first, last;
    Error error;
  };
  static constexpr size_t burnt_max = 1000;

  State(sys::Loop& loop, std::unique_ptr<Engine> engine_, Limits limits_, uint64_t revision, uint64_t compacted)
      : limits(limits_),
        decoded(std::make_shared<DecodedDocuments>(loop, limits.decoded_bytes_max)),
        last_number(revision),
        durable(revision),
        history(limits, compacted),
        engine(std::move(engine_)),
        stamp(!engine->decides_content()) {}
  ~State() { decoded->stop(); }

  Ref make_entry(const Key& key, Json doc, uint64_t revision, uint64_t create_revision) const;
  Result<Ref> current_if(const Key& key, uint64_t expect) const;
  Ref change(const Key& key, EventType type, Ref object, Ref previous);
  Result<void> may_write() const { return engine->may_write(); }
  void assume(Event event, bool foreign);
  void learn(Foreign change);
  void make_way(const Foreign& change);
  void committed(uint64_t revision, Result<void> result);
  void confirm_front();
  void confirm_foreign();
  void roll_back_from(size_t index, const Error& error);
  void restore(const Event& lost);
  void burn(uint64_t revision, const Error& error);
  void unburn(uint64_t revision);
  void settle_waiters(uint64_t up_to);
  void fail_waiters(uint64_t revision, const Error& error);
  void deliver();
  const Burnt* burnt_at(uint64_t revision) const;

  Limits limits;
  std::shared_ptr<DecodedDocuments> decoded;
  Table table;
  uint64_t last_number;  // the last revision number given out; never reused, even after a roll back
  uint64_t durable;
  uint64_t epoch = 0;
  std::deque<Pending> pending;  // not durable here yet; oldest first; the first is never foreign
  uint64_t withdrawn = 0;       // rolled back without the engine: what it says about writes up to here does not count
  History history;
  std::multimap<uint64_t, Waiter> waiters;
  std::deque<Burnt> burnt;
  std::map<Subscription, std::shared_ptr<Subscriber>> subscribers;
  Subscription last_subscription = 0;
  std::deque<Call> calls;
  bool delivering = false;
  std::unique_ptr<Engine> engine;  // goes first, so that nothing calls back into the rest
  bool stamp;                      // documents get our revision as their resourceVersion
};

Ref Store::State::make_entry(const Key& key, Json doc, uint64_t revision, uint64_t create_revision) const {
  if (stamp) doc.child("metadata").set("resourceVersion", std::to_string(revision));
  auto entry = std::make_shared<Entry>(key, revision, create_revision, std::move(doc));
  decoded->adopt(*entry);
  return entry;
}

Result<Ref> Store::State::current_if(const Key& key, uint64_t expect) const {
  Ref current = table.find(key);
  if (expect == 0 && current) {
    return Error{.code = base::Code::already_exists, .message = key.text() + " already exists"};
  }
  if (expect != (current ? current->revision : 0)) {
    return base::conflict(key.text() + " is at revision " + std::to_string(current ? current->revision : 0) +
                          ", not at " + std::to_string(expect));
  }
  return current;
}

void Store::State::assume(Event event, bool foreign) {
  table.set(event.object->key, event.type == EventType::deleted ? nullptr : event.object);
  pending.push_back({event, foreign});
  calls.push_back({.event = std::move(event)});
}

// Assumes the change, tells the live subscribers and hands it to the engine.
Ref Store::State::change(const Key& key, EventType type, Ref object, Ref previous) {
  const uint64_t revision = object->revision;
  Record record{.revision = revision,
                .key = key,
                .previous_revision = previous ? previous->revision : 0,
                .create_revision = object->create_revision,
                .doc = type == EventType::deleted ? std::string() : object->bytes()};
  if (engine->decides_content()) record.previous = previous;
  assume({type, revision, object, std::move(previous)}, false);
  engine->commit(std::move(record), [this, revision](Result<void> result) { committed(revision, std::move(result)); });
  deliver();
  return object;
}

void Store::State::learn(Foreign change) {
  if (change.revision != 0 && change.revision <= durable) return;
  make_way(change);
  Ref current = table.find(change.key);
  const bool deleted = change.doc.is_null();
  if (deleted && !current && change.revision == 0) return deliver();
  const uint64_t revision = change.revision != 0 ? change.revision : last_number + 1;
  last_number = std::max(last_number, revision);
  unburn(revision);
  if (deleted && !current) {  // nothing to tell, but the number is used
    durable = revision;
    settle_waiters(durable);
    return deliver();
  }
  const uint64_t create_revision = change.create_revision != 0 ? change.create_revision
                                   : current                   ? current->create_revision
                                                               : revision;
  Ref object = make_entry(change.key, deleted ? current->doc() : std::move(change.doc), revision, create_revision);
  const auto type = deleted ? EventType::deleted : current ? EventType::modified : EventType::added;
  assume({type, revision, std::move(object), std::move(current)}, true);
  confirm_foreign();
  deliver();
}

// Rolls back the assumed writes that cannot stand beside the change.
void Store::State::make_way(const Foreign& change) {
  for (size_t i = 0; i < pending.size(); ++i) {
    if (pending[i].foreign || (change.revision == 0 && pending[i].event.object->key != change.key)) continue;
    withdrawn = pending.back().event.revision;
    roll_back_from(i, base::conflict(pending[i].event.object->key.text() + " was changed elsewhere at the same time"));
    return;
  }
}

void Store::State::committed(uint64_t revision, Result<void> result) {
  // After a failure everything pending was rolled back at once; the failures that follow it have nothing left to do.
  if (pending.empty() || pending.front().event.revision > revision) {
    CHECK_THAT(!result.ok() || revision <= withdrawn, "the engine kept a write that was rolled back");
    return;
  }
  CHECK_THAT(pending.front().event.revision == revision, "the engine answered out of order");
  if (!result) {
    roll_back_from(0, result.error());
  } else {
    confirm_front();
    confirm_foreign();
  }
  deliver();
}

void Store::State::confirm_front() {
  Event event = std::move(pending.front().event);
  pending.pop_front();
  durable = event.revision;
  history.add(event);
  calls.push_back({.event = std::move(event), .durable = true});
  settle_waiters(durable);
}

void Store::State::confirm_foreign() {
  while (!pending.empty() && pending.front().foreign) confirm_front();
}

// Takes back the assumed writes from there on, newest first. Foreign changes among them stay: none of them has the key
// of an assumed write before it, so they do not build on what is lost.
void Store::State::roll_back_from(size_t index, const Error& error) {
  std::vector<Event> lost;
  std::deque<Pending> kept;
  for (auto at = pending.begin() + static_cast<std::ptrdiff_t>(index); at != pending.end(); ++at) {
    if (at->foreign) {
      kept.push_back(std::move(*at));
    } else {
      lost.push_back(std::move(at->event));
    }
  }
  pending.resize(index);
  for (auto& change : kept) pending.push_back(std::move(change));
  for (const auto& event : lost) burn(event.revision, error);
  for (auto at = lost.rbegin(); at != lost.rend(); ++at) {
    restore(*at);
    burn(last_number, error);
  }
  for (const auto& event : lost) fail_waiters(event.revision, error);
  confirm_foreign();
}

void Store::State::restore(const Event& lost) {
  table.set(lost.object->key, lost.previous);
  Event event{EventType::modified, ++last_number, lost.previous, lost.object};
  if (lost.type == EventType::added) event = {EventType::deleted, last_number, lost.object, lost.object};
  if (lost.type == EventType::deleted) event = {EventType::added, last_number, lost.previous, nullptr};
  calls.push_back({.event = std::move(event)});
}

void Store::State::burn(uint64_t revision, const Error& error) {
  if (!burnt.empty() && burnt.back().last + 1 == revision) {
    burnt.back().last = revision;
    burnt.back().error = error;
    return;
  }
  burnt.push_back({revision, revision, error});
  if (burnt.size() > burnt_max) burnt.pop_front();
}

// A write that was rolled back without knowing its outcome was kept after all.
void Store::State::unburn(uint64_t revision) {
  for (auto at = burnt.begin(); at != burnt.end(); ++at) {
    if (revision < at->first || revision > at->last) continue;
    const Burnt rest{revision + 1, at->last, at->error};
    at->last = revision - 1;
    if (rest.first <= rest.last) at = std::prev(burnt.insert(std::next(at), rest));
    if (at->first > at->last) burnt.erase(at);
    return;
  }
}

void Store::State::settle_waiters(uint64_t up_to) {
  while (!waiters.empty() && waiters.begin()->first <= up_to) {
    calls.push_back({.event = {}, .waiter = std::move(waiters.begin()->second), .result = {}});
    waiters.erase(waiters.begin());
  }
}

void Store::State::fail_waiters(uint64_t revision, const Error& error) {
  const auto [first, last] = waiters.equal_range(revision);
  for (auto at = first; at != last; ++at) {
    calls.push_back({.event = {}, .waiter = std::move(at->second), .result = error});
  }
  waiters.erase(first, last);
}

// One change reaches everybody before the next one, also when a subscriber writes.
void Store::State::deliver() {
  if (delivering) return;
  delivering = true;
  while (!calls.empty()) {
    const Call call = std::move(calls.front());
    calls.pop_front();
    if (call.waiter) {
      call.waiter(call.result);
      continue;
    }
    // Subscribers that come during the delivery have a higher number and must not see this event.
    const Subscription newest = last_subscription;
    for (Subscription at = 0;;) {
      const auto next = subscribers.upper_bound(at);
      if (next == subscribers.end() || next->first > newest) break;
      at = next->first;
      const auto subscriber = next->second;  // keeps it while it may unsubscribe itself
      if (subscriber->durable_only == call.durable) subscriber->fn(call.event);
    }
  }
  delivering = false;
}

const Store::State::Burnt* Store::State::burnt_at(uint64_t revision) const {
  for (const auto& range : burnt) {
    if (range.first <= revision && revision <= range.last) return &range;
  }
  return nullptr;
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

namespace {

// Its revision is its place in the log, whatever the text says.
Result<std::shared_ptr<Entry>> entry_of(const Record& record) {
  auto doc = base::parse_json(record.doc);
  if (!doc) return std::move(doc).error().context("stored object " + record.key.text());
  const std::string revision = std::to_string(record.revision);
  const bool same = (*doc)["metadata"]["resourceVersion"].string() == revision;
  if (!same) doc->child("metadata").set("resourceVersion", revision);
  return std::make_shared<Entry>(record.key, record.revision, record.create_revision, std::move(*doc),
                                 same ? record.doc : std::string());
}

Ref removed(const Record& record, const Entry& last) {
  Json doc = last.doc();
  doc.child("metadata").set("resourceVersion", std::to_string(record.revision));
  return std::make_shared<Entry>(record.key, record.revision, record.create_revision, std::move(doc));
}

// Tells the changes after `loaded.compacted` again, oldest first.
Result<void> replay(const Engine::Loaded& loaded, std::map<uint64_t, Ref> versions, History& history) {
  std::map<uint64_t, const Record*> changes;
  for (const auto& record : loaded.objects) changes[record.revision] = &record;
  for (const auto& record : loaded.past) {
    changes[record.revision] = &record;
    if (!record.doc.empty()) versions[record.revision] = TRY(entry_of(record));
  }
  for (auto at = changes.upper_bound(loaded.compacted); at != changes.end(); ++at) {
    const Record& record = *at->second;
    Event event{EventType::added, record.revision, nullptr, nullptr};
    if (record.previous_revision != 0) {
      event.type = record.doc.empty() ? EventType::deleted : EventType::modified;
      event.previous = versions[record.previous_revision];
      if (!event.previous) return base::corrupt("the version before " + record.key.text() + " is missing");
    }
    const bool gone = event.type == EventType::deleted;
    event.object = gone ? removed(record, *event.previous) : versions[record.revision];
    history.add(event);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(sys::Loop& loop, std::unique_ptr<Engine> engine, Limits limits) {
  const auto loaded = TRY(engine->load());
  // Clients take resourceVersion "0" for "any", so an empty store is at 1.
  const uint64_t revision = std::max<uint64_t>(loaded.revision, 1);
  const bool has_past = loaded.compacted != 0;
  auto state =
      std::make_unique<State>(loop, std::move(engine), limits, revision, has_past ? loaded.compacted : revision);
  std::map<uint64_t, Ref> versions;
  for (const auto& record : loaded.objects) {
    const auto entry = TRY(entry_of(record));
    if (has_past) versions[record.revision] = entry;
    state->table.set(record.key, entry);
    state->decoded->let_go(*entry);
    state->decoded->adopt(*entry);
  }
  if (has_past) TRY(replay(loaded, std::move(versions), state->history));
  auto store = std::unique_ptr<Store>(new Store(std::move(state)));
  store->state_->engine->attach(*store);
  return store;
}

uint64_t Store::revision() const {
  return state_->pending.empty() ? state_->durable : state_->pending.back().event.revision;
}
uint64_t Store::durable_revision() const { return state_->durable; }
uint64_t Store::compacted_revision() const { return state_->history.compacted(); }

Ref Store::get(const Key& key) const { return state_->table.find(key); }
Ref Store::get(std::string_view resource, std::string_view ns, std::string_view name) const {
  return state_->table.find(resource, ns, name);
}
std::vector<Ref> Store::list(std::string_view resource, std::string_view ns) const {
  return state_->table.list(resource, ns);
}
std::vector<std::string> Store::resources() const { return state_->table.resources(); }
std::vector<Ref> Store::owned_by(std::string_view uid) const { return state_->table.owned_by(uid); }
Ref Store::find_uid(std::string_view uid) const { return state_->table.find_uid(uid); }

namespace {
Error too_old(uint64_t revision, uint64_t compacted) {
  return {.code = base::Code::expired,
          .message = "too old resource version: " + std::to_string(revision) + " (" + std::to_string(compacted) + ")"};
}
}  // namespace

Result<std::vector<Ref>> Store::list_at(std::string_view resource, std::string_view ns, uint64_t revision) const {
  if (revision < compacted_revision()) return too_old(revision, compacted_revision());
  if (revision > this->revision()) {
    return base::timeout("Too large resource version: " + std::to_string(revision) +
                         ", current: " + std::to_string(this->revision()));
  }
  // Undo what happened since: of an object's changes the first says what it was.
  std::map<Key, Ref> undone = state_->history.before(resource, revision);
  for (const auto& [event, foreign] : state_->pending) {
    if (event.revision > revision && event.object->key.resource == resource)
      undone.try_emplace(event.object->key, event.previous);
  }
  std::vector<Ref> out;
  auto next = undone.begin();
  const auto take_before = [&](const Key* key) {  // objects that are gone now but were there then
    for (; next != undone.end() && (!key || next->first < *key); ++next) {
      if (next->second && (ns.empty() || next->first.ns == ns)) out.push_back(next->second);
    }
  };
  for (auto& entry : list(resource, ns)) {
    take_before(&entry->key);
    if (next != undone.end() && next->first == entry->key) {
      if (next->second) out.push_back(next->second);
      ++next;
    } else {
      out.push_back(std::move(entry));
    }
  }
  take_before(nullptr);
  return out;
}

Result<Ref> Store::put(const Key& key, Json doc, uint64_t expect) {
  State& state = *state_;
  TRY(state.may_write());
  Ref current = TRY(state.current_if(key, expect));
  const uint64_t revision = state.last_number + 1;
  Ref object = state.make_entry(key, std::move(doc), revision, current ? current->create_revision : revision);
  if (object->bytes().size() > state.limits.object_bytes_max) {
    return Error{.code = base::Code::too_large,
                 .message = key.text() + " has " + std::to_string(object->bytes().size()) + " bytes, more than " +
                            std::to_string(state.limits.object_bytes_max)};
  }
  TRY(state.engine->fits(*object));
  state.last_number = revision;
  const auto type = current ? EventType::modified : EventType::added;
  return state.change(key, type, std::move(object), std::move(current));
}

Result<Ref> Store::remove(const Key& key, uint64_t expect) {
  State& state = *state_;
  TRY(state.may_write());
  if (!state.table.find(key)) return base::not_found(key.text() + " not found");
  Ref current = TRY(state.current_if(key, expect));
  const uint64_t revision = ++state.last_number;
  Ref object = state.make_entry(key, current->doc(), revision, current->create_revision);
  return state.change(key, EventType::deleted, std::move(object), std::move(current));
}

void Store::learn(Foreign change) { state_->learn(std::move(change)); }

bool Store::engine_decides_content() const { return !state_->stamp; }

void Store::skip_to(uint64_t revision) { state_->last_number = std::max(state_->last_number, revision); }

void Store::forget_past() {
  state_->history.forget(state_->durable);
  ++state_->epoch;
}

uint64_t Store::epoch() const { return state_->epoch; }

void Store::roll_back(const Error& error) {
  if (state_->pending.empty()) return;
  state_->withdrawn = state_->pending.back().event.revision;
  state_->roll_back_from(0, error);
  state_->deliver();
}

void Store::when_durable(uint64_t revision, std::function<void(Result<void>)> fn) {
  if (const auto* lost = state_->burnt_at(revision)) {
    fn(lost->error);
  } else if (revision <= state_->durable) {
    fn({});
  } else {
    state_->waiters.emplace(revision, std::move(fn));
  }
}

Subscription Store::subscribe(bool durable_only, std::function<void(const Event&)> fn) {
  const Subscription subscription = ++state_->last_subscription;
  state_->subscribers[subscription] =
      std::make_shared<State::Subscriber>(State::Subscriber{durable_only, std::move(fn)});
  return subscription;
}

void Store::unsubscribe(Subscription subscription) { state_->subscribers.erase(subscription); }

Result<std::vector<Event>> Store::history(std::string_view resource, uint64_t after) const {
  if (after < compacted_revision()) return too_old(after, compacted_revision());
  return state_->history.after(resource, after);
}

}  // namespace store
