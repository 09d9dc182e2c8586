#include "runtime/queue.h"

#include <algorithm>

namespace runtime {

Queue::Queue(sys::Loop& loop, sys::Random& random, std::function<void()> ready)
    : loop_(loop), random_(random), on_ready_(std::move(ready)) {}

Queue::~Queue() {
  *alive_ = false;  // a timer that is due already cannot be cancelled
  for (const auto& [key, delayed] : delayed_) loop_.cancel(delayed.timer);
}

void Queue::add(const Key& key) {
  if (running_.count(key)) {
    again_.insert(key);
    return;
  }
  if (!queued_.insert(key).second) return;
  if (const auto found = delayed_.find(key); found != delayed_.end()) {
    loop_.cancel(found->second.timer);
    delayed_.erase(found);
  }
  ready_.push_back(key);
  on_ready_();
}

void Queue::add_after(const Key& key, base::Duration delay) {
  if (delay <= base::Duration::zero()) return add(key);
  const base::Time due = loop_.now() + delay;
  if (queued_.count(key)) return;
  if (const auto found = delayed_.find(key); found != delayed_.end()) {
    if (found->second.due <= due) return;
    loop_.cancel(found->second.timer);
  }
  const sys::TimerId timer = loop_.after(delay, [this, alive = alive_, key] {
    if (!*alive) return;
    delayed_.erase(key);
    add(key);
  });
  delayed_[key] = {due, timer};
}

bool Queue::take(Key& out) {
  if (ready_.empty()) return false;
  out = std::move(ready_.front());
  ready_.pop_front();
  queued_.erase(out);
  running_.insert(out);
  return true;
}

void Queue::finished(const Key& key) {
  running_.erase(key);
  if (again_.erase(key)) add(key);
}

void Queue::retry(const Key& key) {
  constexpr base::Duration first = base::milliseconds(5), most = base::seconds(1000);
  const size_t count = failures_[key]++;
  const base::Duration delay = count < 18 ? std::min<base::Duration>(first * (int64_t{1} << count), most) : most;
  const auto jitter = base::Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(delay.count() / 4 + 1))));
  add_after(key, delay - jitter);
}

void Queue::forget_failures(const Key& key) { failures_.erase(key); }

size_t Queue::failures(const Key& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

}  // namespace runtime
