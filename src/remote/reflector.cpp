#include "remote/reflector.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;
using base::Error;

namespace {
constexpr base::Duration short_watch = base::seconds(1);  // one that ends sooner, without an event, is no good
constexpr int busy_tries_max = 3;                         // of a WatchList, before a LIST is tried
constexpr std::string_view end_mark = "k8s.io/initial-events-end";
}  // namespace

struct Reflector::State : std::enable_shared_from_this<State> {
  sys::Sys& sys;
  Client client;
  const std::string path;
  ReflectorSink sink;
  ReflectorLimits limits;
  sys::Fiber fiber;
  bool stopped = false, synced = false;
  bool watch_list;      // until the server refuses it
  std::string version;  // where the watch goes on; "" asks for a list
  std::string problem;
  uint64_t lists = 0;
  int busy_tries = 0;
  base::Duration retry;

  State(sys::Sys& s, Client c, std::string p, ReflectorSink to, ReflectorLimits with)
      : sys(s),
        client(std::move(c)),
        path(std::move(p)),
        sink(std::move(to)),
        limits(with),
        watch_list(with.watch_list),
        retry(with.retry_first) {}

  void run();
  Result<void> follow();
  Result<void> stream_list();
  Result<void> read_list();
  Result<void> watch();
  bool take(const std::string& type, const Json& object);
  void replace(std::vector<Json> items, std::string at);
  std::string seconds_asked();
  void failed(const Error& error);
};

void Reflector::State::run() {
  while (!stopped) {
    const auto done = follow();
    if (stopped) return;
    if (done) continue;
    if (done.error().code == Code::cancelled) return;
    failed(done.error());
    // Up to half of it at random, so that many reflectors do not come back at one moment.
    const auto span = static_cast<double>(retry.count()) * (0.5 + sys.random.unit() / 2);
    retry = std::min(retry * 2, limits.retry_most);
    if (!sys::sleep(sys.loop, base::Duration(static_cast<int64_t>(span)))) return;
  }
}

// One attempt: a list when one is needed, and a watch as long as it lasts.
Result<void> Reflector::State::follow() {
  if (!version.empty()) return watch();
  if (watch_list) return stream_list();
  TRY(read_list());
  return watch();
}

void Reflector::State::failed(const Error& error) {
  problem = error.text();
  // The server has forgotten where we are, or has not got there yet (another replica, restored from a backup).
  const bool ahead =
      error.code == Code::timeout && error.message.find("oo large resource version") != std::string::npos;
  if (error.code == Code::expired || ahead) version.clear();
  base::log::debug("watch ended", {{"path", path}, {"why", error.text()}});
}

std::string Reflector::State::seconds_asked() {
  const auto least = std::chrono::duration_cast<base::seconds>(limits.watch_least).count();
  const auto most = std::chrono::duration_cast<base::seconds>(limits.watch_most).count();
  return std::to_string(least + static_cast<int64_t>(sys.random.below(static_cast<uint64_t>(most - least + 1))));
}

void Reflector::State::replace(std::vector<Json> items, std::string at) {
  version = std::move(at);
  ++lists;
  retry = limits.retry_first;
  problem.clear();
  sink.replaced(std::move(items), version);
  synced = true;
}

bool Reflector::State::take(const std::string& type, const Json& object) {
  if (stopped) return false;
  const std::string& at = object.path("metadata.resourceVersion").string();
  if (!at.empty()) version = at;
  retry = limits.retry_first;
  if (type != "BOOKMARK") sink.changed(object, type == "DELETED");
  return !stopped;
}

Result<void> Reflector::State::stream_list() {
  std::map<std::pair<std::string, std::string>, Json> items;
  bool initial = true;
  const std::string query =
      "?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=" +
      seconds_asked() + "&watch=true";
  const auto done = client.watch(path + query, limits.silence, [&](const std::string& type, const Json& object) {
    if (stopped) return false;
    if (!initial) return take(type, object);
    if (type != "BOOKMARK") {
      const std::pair key{object.path("metadata.namespace").string(), object.path("metadata.name").string()};
      if (type == "DELETED") {
        items.erase(key);
      } else {
        items[key] = object;
      }
      return true;
    }
    if (object.path("metadata.annotations")[end_mark].string() != "true") return true;
    initial = false;
    std::vector<Json> all;
    for (auto& [key, item] : items) all.push_back(std::move(item));
    items.clear();
    replace(std::move(all), object.path("metadata.resourceVersion").string());
    return !stopped;
  });
  if (!initial) return done;
  if (done) {
    watch_list = false;
    return base::unavailable("the server ended a WatchList before the list was complete");
  }
  // Not offered, or not possible (a kube-apiserver over an old etcd answers 500): LIST and WATCH are as good. Those who
  // may not list at all, or ask for what is not there, learn nothing by asking otherwise.
  const Code code = done.error().code;
  if (code == Code::cancelled || code == Code::unauthenticated || code == Code::forbidden || code == Code::not_found) {
    return done;
  }
  // A server that is only busy (429, 503: a new definition's storage is being set up) gets a few more tries.
  const bool busy = code == Code::unavailable || code == Code::timeout;
  if (busy && ++busy_tries < busy_tries_max) return done;
  watch_list = false;
  if (code == Code::invalid || code == Code::bad_request || code == Code::unsupported) return {};
  return done;
}

Result<void> Reflector::State::read_list() {
  std::vector<Json> items;
  std::string token, at;
  do {
    std::string query = "?limit=" + std::to_string(limits.page);
    if (!token.empty()) query += "&continue=" + net::percent_encode(token);
    auto page = client.get(path + query);
    if (!page && page.error().code == Code::expired && !token.empty()) {  // too slow for pages: all at once
      items.clear();
      page = client.get(path);
    }
    if (!page) return page.error();
    at = page->path("metadata.resourceVersion").string();  // the same on every page
    token = page->path("metadata.continue").string();
    for (const auto& item : (*page)["items"].items()) items.push_back(item);
  } while (!token.empty());
  replace(std::move(items), std::move(at));
  return {};
}

Result<void> Reflector::State::watch() {
  const base::Time began = sys.loop.now();
  bool any = false;
  const std::string query =
      "?allowWatchBookmarks=true&resourceVersion=" + version + "&timeoutSeconds=" + seconds_asked() + "&watch=true";
  const auto done = client.watch(path + query, limits.silence, [&](const std::string& type, const Json& object) {
    any = true;
    return take(type, object);
  });
  if (done && !any && sys.loop.now() - began < short_watch) {
    return base::unavailable("the server ends watches at once");
  }
  return done;
}

Reflector::Reflector(sys::Sys& sys, Client client, std::string path, ReflectorSink sink, ReflectorLimits limits)
    : state_(std::make_shared<State>(sys, std::move(client), std::move(path), std::move(sink), limits)) {}
Reflector::~Reflector() { stop(); }

void Reflector::start() {
  state_->fiber = sys::spawn(state_->sys.loop, "reflector " + state_->path, [state = state_] { state->run(); });
}

void Reflector::stop() {
  state_->stopped = true;
  state_->fiber.cancel();
}

bool Reflector::synced() const { return state_->synced; }
std::string Reflector::problem() const { return state_->problem; }
uint64_t Reflector::lists() const { return state_->lists; }

}  // namespace remote
