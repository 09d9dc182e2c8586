#include "remote/mirror.h"

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "remote/event_sender.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;
using base::Error;
using store::Key;

namespace {

constexpr std::string_view events = "events";
constexpr size_t names_kept_max = 10'000;
constexpr base::Duration complaint_gap = base::minutes(10);
constexpr base::Duration question_patience = base::minutes(5);

bool same_object(const Json& a, const Json& b) { return !a.is_null() && !b.is_null() && uid_of(a) == uid_of(b); }

}  // namespace

struct Mirror::State : std::enable_shared_from_this<State> {
  using Done = std::function<void(Result<void>)>;
  struct Queued {
    Write write;
    Done done;
    bool beside = false;  // an Event: handed to the sender when its turn comes, so that a refusal before it drops it
  };
  // What is known of an object that has writes in the queue, apart from what the store assumes.
  struct News {
    Json doc;  // null: deleted
    std::string version;
  };
  struct Object {
    Json truth;  // null: not there
    std::optional<News> news;
    size_t queued = 0;
  };

  State(sys::Sys& s, Client c, const meta::Scheme& kinds, MirrorOptions with)
      : sys(s),
        client(std::move(c)),
        scheme(kinds),
        options(std::move(with)),
        writer(s, client, options.writer),
        sender(s, client),
        wake(s.loop) {}

  // The engine's side.
  void commit(store::Record record, Done done);
  void send_beside(const Write& write);
  void run();
  bool carry_out_first();  // false: cancelled
  void accept(Settled settled);
  void refuse(Settled settled);
  void renamed(const Json& assumed, const Json& real);
  void withdraw(const Key& from);
  void complain(const Write& write, const Error& error);

  // The reflectors' side.
  void replaced(const Kind& kind, std::vector<Json> items, const std::string& version);
  void changed(const Kind& kind, const Json& object, bool deleted);
  void seen(const Key& key, Json doc, bool deleted);
  void show(const Key& key, const Json& doc);
  void drop_old_events();

  sys::Sys& sys;
  Client client;
  const meta::Scheme& scheme;
  MirrorOptions options;
  Writer writer;
  EventSender sender;
  sys::Signal wake;
  sys::Fiber fiber;
  sys::TimerId sweep = 0;
  store::Store* store = nullptr;
  std::vector<std::unique_ptr<Reflector>> reflectors;
  std::deque<Queued> queue;
  std::map<Key, Object> objects;
  std::map<std::string, std::string> gone;   // uid -> resource, of objects we removed, until the watch says so
  std::map<std::string, std::string> names;  // assumed uid -> real uid
  std::map<std::string, base::Time> complaints;
  uint64_t sent = 0, refused = 0;
  bool stopped = false;
};

namespace {

class RemoteEngine : public store::Engine {
 public:
  using Commit = std::function<void(store::Record, std::function<void(Result<void>)>)>;
  RemoteEngine(Commit commit, std::function<void(store::Store*)> attach, std::function<Result<void>()> may_write)
      : commit_(std::move(commit)), attach_(std::move(attach)), may_write_(std::move(may_write)) {}
  ~RemoteEngine() override { attach_(nullptr); }
  Result<Loaded> load() override { return Loaded(); }
  void commit(store::Record record, std::function<void(Result<void>)> done) override {
    commit_(std::move(record), std::move(done));
  }
  void attach(store::Store& store) override { attach_(&store); }
  Result<void> may_write() const override { return may_write_(); }
  bool decides_content() const override { return true; }

 private:
  Commit commit_;
  std::function<void(store::Store*)> attach_;
  std::function<Result<void>()> may_write_;
};

}  // namespace

// ---- writes ------------------------------------------------------------------------------------------------------

void Mirror::State::commit(store::Record record, Done done) {
  const Kind* kind = scheme.by_resource(record.key.resource);
  CHECK_THAT(kind, "a write of a kind that the scheme does not have");
  const auto now = store->get(record.key);
  Queued queued;
  queued.write.kind = kind;
  queued.write.key = record.key;
  if (record.previous) queued.write.before = record.previous->doc();
  if (now && now->revision == record.revision) queued.write.after = now->doc();
  queued.done = std::move(done);
  queued.beside = record.key.resource == events;
  if (!queued.beside) {
    Object& object = objects[record.key];
    if (object.queued++ == 0) object.truth = queued.write.before;
  }
  queue.push_back(std::move(queued));
  wake.set();
}

void Mirror::State::send_beside(const Write& write) {
  if (write.after.is_null()) return;  // only dropped from memory
  Json event = write.after;
  rename_strings(event, names);
  if (write.before.is_null()) {
    sender.create(creation(*write.kind, event));
  } else {
    sender.patch(*write.kind, write.key, changes(write.before, write.after));
  }
}

void Mirror::State::run() {
  while (!stopped) {
    if (!wake.wait()) return;
    while (!queue.empty() && !stopped) {
      // Without an answer because this fiber is to end: the next wait says so.
      if (!carry_out_first() && !sys::sleep(sys.loop, base::milliseconds(1))) return;
    }
    if (queue.empty()) wake.clear();
  }
}

bool Mirror::State::carry_out_first() {
  if (queue.front().beside) {
    const Queued first = std::move(queue.front());
    queue.pop_front();
    send_beside(first.write);
    first.done({});
    return true;
  }
  Write write = queue.front().write;
  Object& object = objects[write.key];
  if (object.news) {
    const Error changed = base::conflict(write.key.text() + " was changed elsewhere at the same time");
    refuse({.accepted = false, .known = false, .truth = Json(), .error = changed});
    return true;
  }
  write.truth = object.truth;
  if (!names.empty()) {
    rename_strings(write.before, names);
    rename_strings(write.after, names);
  }
  if (options.may_act) {
    if (auto may = options.may_act(); !may) {
      refuse({.accepted = false, .known = false, .truth = Json(), .error = std::move(may).error()});
      return true;
    }
  }
  Settled settled = writer.carry_out(write);
  if (stopped || queue.empty()) return true;
  if (settled.accepted) {
    accept(std::move(settled));
  } else if (settled.error.code == Code::cancelled) {
    return false;
  } else {
    refuse(std::move(settled));
  }
  return true;
}

// The server has taken the first write: what it made of it is shown, unless later writes build on what was assumed.
void Mirror::State::accept(Settled settled) {
  ++sent;
  const Queued first = std::move(queue.front());
  queue.pop_front();
  const Key key = first.write.key;
  Object& object = objects[key];
  const Json before = object.truth;
  object.truth = std::move(settled.truth);
  --object.queued;
  const bool told = object.news && object.news->doc.is_null();
  if (object.truth.is_null() && !before.is_null() && !told) gone[uid_of(before)] = key.resource;
  if (object.news && (object.truth.is_null() || !newer(object.news->version, version_of(object.truth)))) {
    const bool reborn =
        object.truth.is_null() && !object.news->doc.is_null() && !same_object(object.news->doc, before);
    if (!reborn) object.news.reset();
  }
  const bool is_new = first.write.before.is_null() && !object.truth.is_null();
  if (is_new) renamed(first.write.after, object.truth);
  const bool last = object.queued == 0;
  const Json shown = object.news ? object.news->doc : object.truth;
  if (last) objects.erase(key);
  first.done({});
  if (last) return show(key, shown);
  // What was written to a new object before its uid was known has to be thought over.
  if (is_new && uid_of(first.write.after) != uid_of(shown)) withdraw(key);
}

void Mirror::State::renamed(const Json& assumed, const Json& real) {
  if (uid_of(assumed) == uid_of(real)) return;
  if (names.size() >= names_kept_max) names.clear();  // nothing in the queue is that old
  names[uid_of(assumed)] = uid_of(real);
}

// The first write was refused: the store takes back everything assumed, and shows what the server has.
void Mirror::State::refuse(Settled settled) {
  ++refused;
  std::deque<Queued> lost;
  std::map<Key, Object> known;
  lost.swap(queue);
  known.swap(objects);
  const Write& write = lost.front().write;
  Error error = std::move(settled.error).context(write.key.text() + " was not written");
  if (settled.known) {
    Object& object = known[write.key];
    if (!object.news || (!settled.truth.is_null() && newer(version_of(settled.truth), object.news->version))) {
      object.truth = std::move(settled.truth);
      object.news.reset();
    }
  }
  complain(write, error);
  for (const auto& one : lost) one.done(error);
  for (const auto& [key, object] : known) {
    if (!objects.contains(key)) show(key, object.news ? object.news->doc : object.truth);
  }
}

// Takes back what is queued from the first write of that object on.
void Mirror::State::withdraw(const Key& from) {
  size_t at = 0;
  while (at < queue.size() && (queue[at].beside || queue[at].write.key != from)) ++at;
  std::set<Key> touched{from};
  for (size_t i = at; i < queue.size(); ++i) {
    if (!queue[i].beside) --objects[queue[i].write.key].queued;
    touched.insert(queue[i].write.key);
  }
  queue.resize(at);
  // The store takes the same writes back when it learns of the first object.
  std::vector<std::pair<Key, Json>> shown;
  for (const auto& key : touched) {
    const auto found = objects.find(key);
    if (found == objects.end()) continue;
    if (found->second.queued > 0) continue;
    shown.emplace_back(key, found->second.news ? found->second.news->doc : found->second.truth);
    objects.erase(found);
  }
  for (const auto& [key, doc] : shown) {
    if (key == from) show(key, doc);
  }
  for (const auto& [key, doc] : shown) {
    if (key != from) show(key, doc);
  }
}

// People see on the object why its controller gets nowhere. Conflicts pass by themselves.
void Mirror::State::complain(const Write& write, const Error& error) {
  const bool passing = error.code == Code::conflict || error.code == Code::already_exists ||
                       error.code == Code::not_found || error.code == Code::cancelled;
  if (passing) {
    base::log::debug("write refused", {{"object", write.key.text()}, {"error", error.text()}});
    return;
  }
  base::log::warn("write refused", {{"object", write.key.text()}, {"error", error.text()}});
  base::Time& last = complaints[write.key.text() + error.message];
  if (last != base::Time{} && sys.loop.now() - last < complaint_gap) return;
  if (complaints.size() > names_kept_max) complaints.clear();
  complaints[write.key.text() + error.message] = sys.loop.now();
  Json about = Json::object();
  if (!write.before.is_null()) {
    about.set("apiVersion", write.before["apiVersion"]).set("kind", write.before["kind"]);
    about.set("namespace", write.key.ns).set("name", write.key.name).set("uid", uid_of(write.before));
  } else {
    for (const auto& owner : write.after.path("metadata.ownerReferences").items()) {
      if (!owner["controller"].boolean()) continue;
      about.set("apiVersion", owner["apiVersion"]).set("kind", owner["kind"]).set("namespace", write.key.ns);
      about.set("name", owner["name"]).set("uid", owner["uid"]);
      rename_strings(about, names);
    }
  }
  if (about.empty()) return;
  const std::string ns = write.key.ns.empty() ? "default" : write.key.ns;
  const std::string stamp = base::rfc3339(sys.loop.now());
  Json event = Json::object({{"apiVersion", "v1"}, {"kind", "Event"}});
  event.set("metadata",
            Json::object({{"name", about["name"].string().substr(0, 200) + "." + base::hex(sys.random.bytes(8))},
                          {"namespace", ns}}));
  event.set("involvedObject", about).set("type", "Warning").set("reason", "WriteRefused");
  event.set("message", error.message.substr(0, 1024)).set("count", 1);
  event.set("firstTimestamp", stamp).set("lastTimestamp", stamp);
  event.set("source", Json::object({{"component", "ingot"}})).set("reportingComponent", "ingot");
  event.set("reportingInstance", "ingot");
  sender.create(std::move(event));
}

// ---- what is there -----------------------------------------------------------------------------------------------

void Mirror::State::show(const Key& key, const Json& doc) {
  if (!store) return;
  const auto current = store->get(key);
  if (doc.is_null() && !current) return;
  if (current && !doc.is_null() && current->doc() == doc) return;
  store->learn({.key = key, .doc = doc});
}

void Mirror::State::changed(const Kind& kind, const Json& object, bool deleted) {
  auto shown = as_shown(kind, object);
  if (!shown) {
    base::log::error("an object of the API server does not decode",
                     {{"object", key_of(kind, object).text()}, {"error", shown.error().text()}});
    return;
  }
  const Key key = key_of(kind, *shown);
  seen(key, std::move(*shown), deleted);
}

void Mirror::State::seen(const Key& key, Json doc, bool deleted) {
  if (!store) return;
  const std::string version = version_of(doc), uid = uid_of(doc);
  if (deleted) {
    gone.erase(uid);
  } else if (gone.contains(uid)) {
    return;  // from before we removed it
  }
  const auto known = objects.find(key);
  if (known != objects.end()) {
    Object& object = known->second;
    // A uid that is gone never comes back, so its deletion counts whatever its version is.
    const bool ends = deleted && same_object(object.truth, doc);
    if (!ends && same_object(object.truth, doc) && !newer(version, version_of(object.truth))) return;
    if (!ends && object.news && !newer(version, object.news->version)) return;
    const bool earlier = object.truth.is_null() && !(object.news && same_object(object.news->doc, doc));
    if (deleted && earlier) return;  // one of that name before ours
    object.news = News{deleted ? Json() : std::move(doc), version};
    return;
  }
  const auto current = store->get(key);
  if (!deleted && current && uid_of(current->doc()) == uid && !newer(version, version_of(current->doc()))) return;
  if (deleted && (!current || uid_of(current->doc()) != uid)) return;
  show(key, deleted ? Json() : doc);
}

void Mirror::State::replaced(const Kind& kind, std::vector<Json> items, const std::string& version) {
  if (!store) return;
  std::set<Key> there;
  std::set<std::string> uids;
  for (const auto& item : items) {
    there.insert(key_of(kind, item));
    uids.insert(uid_of(item));
    changed(kind, item, false);
  }
  for (const auto& entry : store->list(kind.resource())) {
    if (there.contains(entry->key)) continue;
    const auto known = objects.find(entry->key);
    if (known == objects.end()) {
      if (!newer(version_of(entry->doc()), version)) show(entry->key, Json());
    } else if (!known->second.truth.is_null() && !newer(version_of(known->second.truth), version)) {
      known->second.news = News{Json(), version};
    }
  }
  std::erase_if(gone, [&](const auto& one) { return one.second == kind.resource() && !uids.contains(one.first); });
}

// Events that we wrote stay in the store only to count repetitions.
void Mirror::State::drop_old_events() {
  sweep = sys.loop.after(base::minutes(10), [self = weak_from_this()] {
    if (const auto state = self.lock(); state && !state->stopped) state->drop_old_events();
  });
  if (!store) return;
  for (const auto& entry : store->list(events)) {
    const auto last = base::parse_rfc3339(entry->doc()["lastTimestamp"].string());
    if (last && sys.loop.now() - *last < options.events_kept) continue;
    show(entry->key, Json());
  }
}

// ---- the outside -------------------------------------------------------------------------------------------------

Mirror::Mirror(sys::Sys& sys, Client client, const meta::Scheme& scheme, MirrorOptions options)
    : state_(std::make_shared<State>(sys, std::move(client), scheme, std::move(options))) {}

Mirror::~Mirror() { stop(); }

std::unique_ptr<store::Engine> Mirror::engine() {
  const auto state = state_;
  return std::make_unique<RemoteEngine>(
      [state](store::Record record, State::Done done) { state->commit(std::move(record), std::move(done)); },
      [state](store::Store* store) { state->store = store; },
      [state]() -> Result<void> {
        if (state->stopped) return base::unavailable("this process does not write any more");
        return state->options.may_act ? state->options.may_act() : Result<void>();
      });
}

Result<void> Mirror::start(base::Duration limit) {
  State& state = *state_;
  CHECK_THAT(state.store, "the store is opened with the mirror's engine first");
  for (const auto& resource : state.options.resources) {
    const Kind* kind = state.scheme.by_resource(resource);
    CHECK_THAT(kind, "a resource to follow is in the scheme");
    ReflectorSink sink;
    sink.replaced = [self = state_.get(), kind](std::vector<Json> items, const std::string& version) {
      self->replaced(*kind, std::move(items), version);
    };
    sink.changed = [self = state_.get(), kind](const Json& object, bool deleted) {
      self->changed(*kind, object, deleted);
    };
    state.reflectors.push_back(std::make_unique<Reflector>(state.sys, state.client, collection_path(*kind, ""),
                                                           std::move(sink), state.options.reflector));
    state.reflectors.back()->start();
  }
  state.fiber = sys::spawn(state.sys.loop, "writes", [self = state_] { self->run(); });
  state.drop_old_events();
  const base::Time end = state.sys.loop.now() + limit;
  for (const auto& reflector : state.reflectors) {
    while (!reflector->synced()) {
      if (state.sys.loop.now() >= end) {
        return Error{Code::timeout, "the API server did not give every list in time: " + reflector->problem(),
                     base::Layer::api, "look at its log, and whether this user may list and watch"};
      }
      TRY(sys::sleep(state.sys.loop, base::milliseconds(20)));
    }
  }
  return {};
}

void Mirror::stop() {
  State& state = *state_;
  if (state.stopped) return;
  state.stopped = true;
  state.fiber.cancel();
  state.sender.stop();
  state.sys.loop.cancel(state.sweep);
  for (auto& reflector : state.reflectors) reflector->stop();
}

Result<bool> Mirror::is_current(const store::Ref& entry) {
  const auto state = state_;
  const Kind* kind = state->scheme.by_resource(entry->key.resource);
  CHECK_THAT(kind, "a question about a kind that the scheme has");
  const base::Time end = state->sys.loop.now() + question_patience;
  for (;;) {
    if (state->options.may_act) TRY(state->options.may_act());
    auto found = state->client.get(object_path(*kind, entry->key));
    if (state->options.may_act) TRY(state->options.may_act());
    if (found) {
      if (uid_of(*found) == entry->uid() && version_of(*found) == version_of(entry->doc())) return true;
      state->changed(*kind, *found, false);
      return false;
    }
    if (found.error().code == Code::not_found) {
      state->gone[entry->uid()] = kind->resource();
      if (!state->objects.contains(entry->key)) state->show(entry->key, Json());
      return false;
    }
    if (found.error().code == Code::cancelled || state->sys.loop.now() >= end) return found.error();
    TRY(sys::sleep(state->sys.loop, base::seconds(1)));
  }
}

size_t Mirror::queued() const { return state_->queue.size(); }
uint64_t Mirror::sent() const { return state_->sent; }
uint64_t Mirror::refused() const { return state_->refused; }

}  // namespace remote
