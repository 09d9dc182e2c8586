// Timers by time, then by the order in which they were set. An indexed binary heap: setting and cancelling cost
// O(log n) and allocate nothing but vector growth.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"

namespace sys {

class TimerHeap {
 public:
  using Function = std::function<void()>;
  struct Entry {
    Function fn;
    uint32_t scope = 0;
  };

  uint64_t add(base::Time at, uint32_t scope, Function fn);  // the id, never 0
  Function remove(uint64_t id);                              // empty when it is unknown
  bool empty() const { return heap_.empty(); }
  base::Time next() const { return heap_.front().at; }  // not when empty
  Entry pop();
  std::vector<Function> remove_scope(uint32_t scope);

 private:
  struct Key {
    base::Time at;
    uint64_t sequence;
    uint32_t slot;
    bool operator<(const Key& other) const { return at != other.at ? at < other.at : sequence < other.sequence; }
  };
  struct Slot {
    Entry entry;
    uint32_t generation = 1;
    uint32_t position = 0;  // in heap_
    bool used = false;
  };
  Entry take(size_t position);
  void place(size_t position, const Key& key);
  void sift_up(size_t position);
  void sift_down(size_t position);

  std::vector<Key> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  uint64_t sequence_ = 0;
};

}  // namespace sys
