#include "fetch/hash_stage.h"

#include <deque>
#include <mutex>
#include <utility>

#include "sys/fiber.h"

namespace fetch {

using base::Result;

// The queue and what is known of the worker are the mutex's, and the digest the worker's while there is one.
struct HashStage::State : std::enable_shared_from_this<State> {
  State(sys::Sys& with, crypto::Digest into, size_t most)
      : sys(with), digest(std::move(into)), items_max(most), changed(with.loop) {}

  // Whether it was taken; if not, `changed` will be set when there is room.
  bool take(Bytes& bytes) {
    const std::lock_guard lock(mutex);
    is_waited_for = waiting.size() >= items_max;
    if (is_waited_for) return false;
    waiting.push_back(std::move(bytes));
    if (!std::exchange(has_worker, true)) start_worker();
    return true;
  }

  void start_worker() {
    sys.offload.run([self = shared_from_this()] { self->work(); },
                    [self = shared_from_this()] { self->changed.set(); });
  }

  void work() {
    while (const Bytes next = take_next()) digest.update(next->view());
  }

  Bytes take_next() {
    const std::lock_guard lock(mutex);
    if (is_waited_for && waiting.size() <= items_max / 2) {
      is_waited_for = false;
      sys.loop.post_from_any_thread([self = shared_from_this()] { self->changed.set(); });
    }
    has_worker = !waiting.empty();
    if (!has_worker) return nullptr;
    Bytes next = std::move(waiting.front());
    waiting.pop_front();
    return next;
  }

  bool is_busy() {
    const std::lock_guard lock(mutex);
    return has_worker;
  }

  sys::Sys& sys;
  crypto::Digest digest;
  size_t items_max;
  sys::Signal changed;
  std::mutex mutex;
  std::deque<Bytes> waiting;
  bool has_worker = false, is_waited_for = false, stopped = false;
};

HashStage::HashStage(sys::Sys& sys, crypto::Digest digest, size_t items_max)
    : state_(std::make_shared<State>(sys, std::move(digest), items_max)) {}

Result<void> HashStage::push(Bytes bytes) {
  const auto state = state_;
  for (;;) {
    state->changed.clear();
    if (state->stopped) return base::cancelled();
    if (state->take(bytes)) return {};
    TRY(state->changed.wait());
  }
}

Result<std::string> HashStage::finish() {
  const auto state = state_;
  for (;;) {
    state->changed.clear();
    if (state->stopped) return base::cancelled();
    if (!state->is_busy()) return state->digest.finish();
    TRY(state->changed.wait());
  }
}

void HashStage::stop() {
  state_->stopped = true;
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.clear();
  }
  state_->changed.set();
}

}  // namespace fetch
