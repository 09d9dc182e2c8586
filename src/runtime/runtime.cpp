#include "runtime/runtime.h"

#include "base/log.h"
#include "runtime/queue.h"
#include "runtime/state.h"

namespace runtime {

namespace log = base::log;

Runtime::Runtime(sys::Sys& sys, registry::Registry& registry)
    : sys_(sys), registry_(registry), state_(std::make_unique<State>(*this)) {}

Runtime::~Runtime() { stop(); }

void Runtime::add(Controller controller) { state_->add(std::move(controller)); }
void Runtime::start() { state_->start(); }
void Runtime::stop() { state_->stop(); }
void Runtime::enqueue(std::string_view controller, Key key) { state_->enqueue(controller, std::move(key)); }
bool Runtime::idle() const { return state_->idle(); }
uint64_t Runtime::reconciles() const { return state_->reconciles; }

Runtime::State::State(Runtime& owner) : runtime(owner) {}

void Runtime::State::add(Controller controller) {
  auto worker = std::make_unique<Worker>();
  worker->context = std::make_unique<Context>(runtime, controller.name);
  worker->controller = std::move(controller);
  worker->queue = std::make_unique<Queue>(runtime.sys_.loop, runtime.sys_.random, [this] { schedule(); });
  workers.push_back(std::move(worker));
}

void Runtime::State::start() {
  running = true;
  auto& store = runtime.registry_.store();
  subscription = store.subscribe(false, [this](const store::Event& event) { dispatch(event); });
  for (auto& worker : workers) {
    for (const auto& entry : store.list(worker->controller.resource)) worker->queue->add(entry->key);
  }
}

void Runtime::State::stop() {
  if (!running) return;
  running = false;
  *alive = false;
  runtime.registry_.store().unsubscribe(subscription);
  for (auto& worker : workers) worker->queue = nullptr;
}

void Runtime::State::enqueue(std::string_view controller, Key key) {
  if (!running) return;
  for (auto& worker : workers) {
    if (worker->controller.name == controller) return worker->queue->add(key);
  }
  CHECK_THAT(false, "enqueue for an unknown controller");
}

bool Runtime::State::idle() const {
  if (!running) return true;
  for (const auto& worker : workers) {
    if (!worker->queue->idle()) return false;
  }
  return true;
}

void Runtime::State::dispatch(const store::Event& event) {
  const Key& key = event.object->key;
  if (event.type == store::EventType::deleted) decoded.erase(event.object->create_revision);
  for (auto& worker : workers) {
    if (worker->controller.resource == key.resource) worker->queue->add(key);
    for (const auto& watch : worker->controller.watches) {
      if (watch.resource != key.resource) continue;
      for (auto& wanted : watch.map(*worker->context, event.object->doc())) worker->queue->add(wanted);
      // A change may also cut a tie (an owner reference or label removed): look at both sides.
      if (event.previous && event.type == store::EventType::modified) {
        for (auto& wanted : watch.map(*worker->context, event.previous->doc())) worker->queue->add(wanted);
      }
    }
  }
}

void Runtime::State::schedule() {
  if (scheduled) return;
  scheduled = true;
  runtime.sys_.loop.post([this, flag = alive] {
    if (!*flag) return;
    scheduled = false;
    run_some();
  });
}

// A bounded batch, so that API requests and timers get their turn between reconciles.
void Runtime::State::run_some() {
  constexpr int batch_max = 16;
  int done = 0;
  for (bool found = true; found && done < batch_max;) {
    found = false;
    for (auto& worker : workers) {
      Key key;
      if (!running || !worker->queue->take(key)) continue;
      found = true;
      ++done;
      run_one(*worker, key);
    }
  }
  if (done == batch_max) schedule();
}

void Runtime::State::run_one(Worker& worker, const Key& key) {
  if (wait_for_creation(worker, key)) return;
  ++reconciles;
  Context& ctx = *worker.context;
  ctx.last_write_ = 0;
  const auto outcome = worker.controller.reconcile(ctx, key);
  const uint64_t written = ctx.last_write_;
  auto& store = runtime.registry_.store();
  if (outcome) {
    if (written <= store.durable_revision()) worker.queue->forget_failures(key);
    const Duration again = outcome->delay() > Duration::zero() ? outcome->delay() : worker.controller.resync;
    if (again > Duration::zero()) worker.queue->add_after(key, again);
  } else {
    failed(worker, key, outcome.error());
  }
  if (written <= store.durable_revision()) return worker.queue->finished(key);
  // The object rests until what it ordered survives a crash; a refused write brings it back to look again.
  store.when_durable(written, [flag = alive, &worker, key, good = outcome.ok()](Result<void> durable) {
    if (!*flag) return;
    if (!durable) worker.queue->retry(key);
    if (durable && good) worker.queue->forget_failures(key);
    worker.queue->finished(key);
  });
}

// Where the engine decides the content, an object that is only assumed to exist has no final uid, and what refers to it
// would dangle: its own reconcile waits until it exists.
bool Runtime::State::wait_for_creation(Worker& worker, const Key& key) {
  auto& store = runtime.registry_.store();
  if (!store.engine_decides_content()) return false;
  const auto entry = store.get(key);
  if (!entry || entry->create_revision <= store.durable_revision()) return false;
  store.when_durable(entry->create_revision, [flag = alive, &worker, key](const Result<void>&) {
    if (*flag) worker.queue->add(key);
  });
  worker.queue->finished(key);
  return true;
}

void Runtime::State::failed(Worker& worker, const Key& key, const base::Error& error) {
  switch (error.code) {
    case base::Code::conflict:  // somebody else wrote: look again at once, quietly
      worker.queue->retry(key);
      return;
    case base::Code::cancelled:
      return;
    case base::Code::invalid:  // retrying cannot help before something changes
    case base::Code::bad_request:
      log::error("reconcile refused",
                 {{"controller", worker.controller.name}, {"object", key.text()}, {"error", error.text()}});
      worker.queue->add_after(key, base::minutes(5));
      return;
    default:
      log::warn("reconcile failed",
                {{"controller", worker.controller.name}, {"object", key.text()}, {"error", error.text()}});
      worker.queue->retry(key);
  }
}

std::vector<Key> owner_keys(const Json& doc, std::string_view resource, const meta::Scheme& scheme) {
  std::vector<Key> out;
  const meta::Kind* kind = scheme.by_resource(resource);
  if (!kind) return out;
  for (const auto& owner : doc.path("metadata.ownerReferences").items()) {
    const auto [group, version] = meta::split_api_version(owner["apiVersion"].string());
    if (owner["kind"].string() != kind->kind || group != kind->group) continue;
    out.push_back({std::string(resource), kind->namespaced ? doc.path("metadata.namespace").string() : "",
                   owner["name"].string()});
  }
  return out;
}

}  // namespace runtime
