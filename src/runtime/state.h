// The inside of Runtime, shared by runtime.cpp and context.cpp.
#pragma once

#include <unordered_map>

#include "runtime/queue.h"
#include "runtime/runtime.h"

namespace runtime {

struct Runtime::State {
  struct Worker {
    Controller controller;
    std::unique_ptr<Context> context;
    std::unique_ptr<Queue> queue;
  };
  struct Decoded {
    uint64_t revision;
    std::shared_ptr<const void> object;
    bool reported = false;
  };

  explicit State(Runtime& owner);
  void add(Controller controller);
  void start();
  void stop();
  void enqueue(std::string_view controller, Key key);
  bool idle() const;
  void dispatch(const store::Event& event);
  void schedule();
  void run_some();
  void run_one(Worker& worker, const Key& key);
  bool wait_for_creation(Worker& worker, const Key& key);
  void failed(Worker& worker, const Key& key, const base::Error& error);

  Runtime& runtime;
  std::vector<std::unique_ptr<Worker>> workers;
  // Typed view of the store, decoded on first use of each version; by the revision that created the object, which
  // names it for its whole life and is looked up much faster than a key.
  std::unordered_map<uint64_t, Decoded> decoded;
  std::map<std::string, std::string> event_names;  // dedup key -> Event object name
  store::Subscription subscription = 0;
  bool running = false;
  bool scheduled = false;
  uint64_t reconciles = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // callbacks outlive stop()
};

}  // namespace runtime
