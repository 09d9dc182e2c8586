// An engine for tests that answers when told, so that a test sees the time between assumed and durable.
#pragma once

#include <deque>

#include "store/store.h"

namespace store {

class ManualEngine : public Engine {
 public:
  explicit ManualEngine(Loaded loaded = {}) : loaded_(std::move(loaded)) {}
  Result<Loaded> load() override { return loaded_; }
  void commit(Record record, std::function<void(Result<void>)> done) override {
    records.push_back(std::move(record));
    waiting.push_back(std::move(done));
  }
  void succeed(size_t count) {
    for (size_t i = 0; i < count; ++i) answer({});
  }
  void fail_all() {
    for (size_t count = waiting.size(); count > 0; --count) answer(base::unavailable("disk full"));
  }
  void answer(Result<void> result) {
    const auto done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(result));
  }

  std::vector<Record> records;
  std::deque<std::function<void(Result<void>)>> waiting;

 private:
  Loaded loaded_;
};

}  // namespace store
