// watch: the present state or the recent past first, then every durable change, until somebody ends it. Each watch has
// a bounded buffer of its own and a fiber that empties it, so a slow client delays nobody and is dropped.
#include <algorithm>
#include <list>

#include "meta/user_form.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/list_options.h"
#include "server/selection.h"
#include "server/view.h"
#include "server/watch_hub.h"
#include "sys/trim_stack.h"

namespace server {
namespace {

constexpr size_t converted_at_once_max = 500;
constexpr size_t pending_max = 10'000;  // events, which are shared with the other watches
constexpr size_t write_bytes = 64u << 10;
constexpr auto bookmark_period = base::minutes(1);
constexpr auto poll_period = base::seconds(15);  // for clients that went away silently

// What is still to be sent. An event that is common to all has `event`, else `object` is this watch's own.
struct Change {
  std::string_view type;
  Ref object;
  std::shared_ptr<SharedEvent> event = nullptr;
};

// The last state a selector let through, as of the change that took it out.
Ref with_revision(const Ref& object, uint64_t revision) {
  Json doc = object->doc();
  doc.child("metadata").set("resourceVersion", std::to_string(revision));
  return std::make_shared<store::Entry>(object->key, revision, object->create_revision, std::move(doc));
}

// What a change of the store is to a watch with that selection; an empty type when it is nothing.
Change seen_through(const Selection& selection, const std::shared_ptr<SharedEvent>& shared) {
  const auto& event = shared->event();
  const bool was = event.previous && selection.matches(*event.previous);
  if (event.type == store::EventType::deleted) {
    return selection.matches(*event.object) ? Change{"DELETED", event.object, shared} : Change{};
  }
  const bool is = selection.matches(*event.object);
  if (is) return {was ? "MODIFIED" : "ADDED", event.object, shared};
  if (was) return {"DELETED", with_revision(event.previous, event.revision)};
  return {};
}

class Watch {
 public:
  Watch(Call& call, Selection selection, WatchOptions options)
      : call_(call),
        selection_(std::move(selection)),
        options_(std::move(options)),
        state_(std::make_shared<State>(call.api.sys.loop)) {}
  ~Watch() { call_.api.watchers.erase(&state_->wake); }
  Watch(const Watch&) = delete;

  // Takes up the thread of events without a gap. Nothing here parks.
  Result<void> begin() {
    auto& store = call_.api.store();
    const std::string resource = call_.kind().resource();
    if (options_.after) {
      state_->seen = *options_.after;
      auto past = store.history(resource, *options_.after);
      if (!past) return std::move(past).error();
      for (const auto& event : *past) take(std::make_shared<SharedEvent>(event));
    } else {
      state_->seen = store.durable_revision();
      if (options_.initial_events) {
        for (auto& object : TRY(store.list_at(resource, selection_.ns(), state_->seen))) {
          if (selection_.matches(*object)) state_->pending.push_back({"ADDED", std::move(object)});
        }
      }
    }
    initial_ = state_->pending.size();
    call_.api.hub->join(seat_, {resource, selection_.ns(), selection_.name()},
                        [this](const std::shared_ptr<SharedEvent>& event) { take(event); });
    call_.api.watchers.insert(&state_->wake);
    return {};
  }

  Result<void> run() {
    const auto now = [this] { return call_.api.sys.loop.now(); };
    const auto deadline = now() + life();
    TRY(flush());
    if (options_.list_bookmark) TRY(write(event_frame(call_, "BOOKMARK", bookmark_text(call_, seen(), true))));
    call_.seated_no_more();
    auto next_bookmark = now() + bookmark_period;
    bool quiet = false;  // since the last look
    for (;;) {
      TRY(flush());
      if (call_.api.stopping || state_->overflow) return {};
      if (is_outdated()) return last_bookmark();
      if (now() >= deadline) return last_bookmark();
      if (now() >= next_bookmark) {
        if (options_.bookmarks) TRY(write(event_frame(call_, "BOOKMARK", bookmark_text(call_, seen(), false))));
        next_bookmark = now() + bookmark_period;
      }
      const auto until = std::min({deadline, next_bookmark, now() + poll_period});
      if (std::exchange(quiet, true)) sys::trim_stack();
      const auto woken = state_->wake.wait_for(until - now());
      if (woken) quiet = false;
      if (!woken && woken.error().code == base::Code::cancelled) return base::cancelled();
      if (call_.exchange.client_gone()) return {};
    }
  }

  Result<void> start() {
    net::Headers headers{{"Content-Type", std::string(watch_type(call_))}, {"Cache-Control", "no-cache, private"}};
    call_.add_warnings(headers);
    return call_.exchange.start(200, std::move(headers));
  }

 private:
  struct State {
    explicit State(sys::Loop& loop) : wake(loop) {}
    sys::Signal wake;
    std::list<Change> pending;  // an empty deque would hold half a KiB
    uint64_t seen = 0;          // every change that concerns this watch up to here is in `pending` or was sent
    bool overflow = false;      // the client is too slow
  };

  void take(const std::shared_ptr<SharedEvent>& event) {
    if (event->event().revision <= state_->seen || state_->overflow) return;
    state_->seen = event->event().revision;
    auto change = seen_through(selection_, event);
    if (change.type.empty()) return;
    if (state_->pending.size() >= pending_max + initial_) {
      state_->overflow = true;
      state_->pending.clear();
    } else {
      state_->pending.push_back(std::move(change));
    }
    state_->wake.set();
  }

  Result<Frame> frame_of(const Change& change) {
    if (change.event && !first_) return change.event->frame(call_, change.type);
    auto text = TRY(object_text(call_, change.object, std::exchange(first_, false)));
    return std::make_shared<const std::string>(event_frame(call_, change.type, text));
  }

  Result<void> flush() {
    while (!state_->pending.empty() && !call_.api.stopping) {
      std::string text;
      Frame frame;
      TRY(convert_ahead());
      while (!state_->pending.empty() && text.size() < write_bytes) {
        const Change change = std::move(state_->pending.front());
        state_->pending.pop_front();
        frame = TRY(frame_of(change));
        if (text.empty() && state_->pending.empty()) break;  // alone, so it need not be copied
        text += *frame;
        frame = nullptr;
      }
      TRY(write(frame ? *frame : text));
      if (!state_->pending.empty()) TRY(call_.api.turns.take());
    }
    state_->wake.clear();
    return {};
  }

  // One call of the conversion webhook for what waits; its converter remembers.
  Result<void> convert_ahead() {
    const auto* convert = meta::converter_of(call_.kind());
    if (!convert) return {};
    std::vector<Json> docs;
    for (const auto& change : state_->pending) {
      docs.push_back(change.object->doc());
      if (docs.size() == converted_at_once_max) break;
    }
    auto converted = (*convert)(docs, call_.api_version());
    if (converted) return {};
    (void)write(event_frame(call_, "ERROR", document_text(call_, status_document(converted.error()))));
    return std::move(converted).error();
  }

  // The kind is another by now, or gone: the client begins anew with what there is.
  bool is_outdated() const {
    if (call_.api.store().epoch() != epoch_) return true;
    const Kind* present = call_.api.registry.scheme().by_plural(call_.kind().group, call_.kind().plural);
    const meta::Version* version = present ? present->version(call_.version().name) : nullptr;
    return !version || version->schema != call_.version().schema;
  }

  // Nothing is pending.
  uint64_t seen() const { return std::max(state_->seen, call_.api.hub->seen()); }

  Result<void> write(std::string_view text) { return call_.exchange.write(text); }

  Result<void> last_bookmark() {
    if (!options_.bookmarks) return {};
    return write(event_frame(call_, "BOOKMARK", bookmark_text(call_, seen(), false)));
  }

  // Without a wish of the client, around the default, so that clients do not all come back at once.
  base::Duration life() {
    if (options_.limit) return *options_.limit;
    const auto middle = std::chrono::duration_cast<base::milliseconds>(call_.api.options.watch_default_limit).count();
    const auto spread = static_cast<uint64_t>(middle * 2 / 3);
    return base::milliseconds(middle * 2 / 3 + static_cast<int64_t>(call_.api.sys.random.below(spread + 1)));
  }

  Call& call_;
  Selection selection_;
  WatchOptions options_;
  std::shared_ptr<State> state_;
  WatchHub::Seat seat_;
  const uint64_t epoch_ = call_.api.store().epoch();
  size_t initial_ = 0;  // events of the beginning, which do not count as slowness
  bool first_ = true;
};

// Failures of a watch's beginning come inside the stream, as etcd-backed servers send them.
Result<void> stream_error(Call& call, const Error& error) {
  TRY(call.exchange.start(200, {{"Content-Type", std::string(watch_type(call))}}));
  return call.exchange.write(event_frame(call, "ERROR", document_text(call, status_document(error))));
}

// Null: the stream says what is wrong. Apart from what follows, so that its stack is not held while the watch lasts.
[[gnu::noinline]] Result<std::unique_ptr<Watch>> begin_watch(Call& call) {
  auto options = TRY(WatchOptions::of(call));
  auto selection = TRY(Selection::of(call));
  if (options.at_least) {
    auto reached = wait_for_revision(call.api, *options.at_least);
    if (!reached) {
      (void)stream_error(call, reached.error());
      return std::unique_ptr<Watch>();
    }
  }
  auto watch = std::make_unique<Watch>(call, std::move(selection), std::move(options));
  auto begun = watch->begin();
  if (begun) return watch;
  (void)stream_error(call, begun.error());
  return std::unique_ptr<Watch>();
}

}  // namespace

Result<void> watch_objects(Call& call) {
  const auto watch = TRY(begin_watch(call));
  // From here on an error only says that the client or the server is gone.
  if (watch && watch->start()) (void)watch->run();
  return {};
}

}  // namespace server
