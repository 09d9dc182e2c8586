// The work queue of one controller: a key is in it once, is handed out to one reconcile at a time, comes back after a
// delay or with exponential backoff. Pure bookkeeping over the loop's timers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "store/store.h"
#include "sys/sys.h"

namespace runtime {

using store::Key;

class Queue {
 public:
  // `ready` is called (on the loop) whenever the queue may have become non-empty.
  Queue(sys::Loop& loop, sys::Random& random, std::function<void()> ready);
  ~Queue();
  Queue(const Queue&) = delete;

  void add(const Key& key);                              // now; again after the present reconcile if it is running
  void add_after(const Key& key, base::Duration delay);  // the earliest of several wins
  bool take(Key& out);                                   // false when nothing is ready
  void finished(const Key& key);                         // the reconcile of `key` ended
  // Failed: comes back after 5 ms * 2^failures, at most 1000 s, minus up to a quarter at random.
  void retry(const Key& key);
  void forget_failures(const Key& key);
  size_t failures(const Key& key) const;
  bool idle() const { return ready_.empty() && running_.empty(); }

 private:
  struct Delayed {
    base::Time due;
    sys::TimerId timer;
  };
  sys::Loop& loop_;
  sys::Random& random_;
  std::function<void()> on_ready_;
  std::deque<Key> ready_;
  std::set<Key> queued_, running_, again_;
  std::map<Key, Delayed> delayed_;
  std::map<Key, size_t> failures_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace runtime
