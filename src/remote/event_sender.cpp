#include "remote/event_sender.h"

#include "base/log.h"

namespace remote {

namespace {
constexpr size_t queue_max = 1000;
constexpr const char* manager = "?fieldManager=ingot";
}  // namespace

struct EventSender::State {
  struct Item {
    std::string path;
    Json body;
    bool patch;
  };
  State(sys::Sys& s, Client c) : sys(s), client(std::move(c)), wake(s.loop) {}
  void put(Item item);
  void run();

  sys::Sys& sys;
  Client client;
  sys::Signal wake;
  std::deque<Item> queue;
  sys::Fiber fiber;
  bool stopped = false;
};

void EventSender::State::put(Item item) {
  if (queue.size() >= queue_max) queue.pop_front();
  queue.push_back(std::move(item));
  wake.set();
}

void EventSender::State::run() {
  while (!stopped) {
    if (!wake.wait()) return;
    while (!queue.empty() && !stopped) {
      const Item item = std::move(queue.front());
      queue.pop_front();
      const auto done = item.patch ? client.merge_patch(item.path, item.body) : client.post(item.path, item.body);
      if (done) continue;
      if (done.error().code == base::Code::cancelled) return;
      base::log::warn("an Event was not stored",
                      {{"reason", item.body["reason"].string()}, {"error", done.error().text()}});
    }
    wake.clear();
  }
}

EventSender::EventSender(sys::Sys& sys, Client client) : state_(std::make_shared<State>(sys, std::move(client))) {
  state_->fiber = sys::spawn(sys.loop, "events", [state = state_] { state->run(); });
}
EventSender::~EventSender() { stop(); }

void EventSender::create(Json event) {
  std::string path = "/api/v1/namespaces/" + event.path("metadata.namespace").string() + "/events";
  state_->put({path + manager, std::move(event), false});
}

void EventSender::patch(const Kind& kind, const store::Key& key, Json patch) {
  state_->put({object_path(kind, key) + manager, std::move(patch), true});
}

void EventSender::stop() {
  state_->stopped = true;
  state_->fiber.cancel();
}

}  // namespace remote
