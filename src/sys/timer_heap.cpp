#include "sys/timer_heap.h"

#include <utility>

namespace sys {

void TimerHeap::place(size_t position, const Key& key) {
  heap_[position] = key;
  slots_[key.slot].position = uint32_t(position);
}

void TimerHeap::sift_up(size_t position) {
  const Key key = heap_[position];
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (!(key < heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, key);
}

void TimerHeap::sift_down(size_t position) {
  const Key key = heap_[position];
  for (;;) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (!(heap_[child] < key)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, key);
}

uint64_t TimerHeap::add(base::Time at, uint32_t scope, Function fn) {
  uint32_t index = 0;
  if (free_.empty()) {
    index = uint32_t(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.entry = {std::move(fn), scope};
  slot.used = true;
  heap_.push_back({at, sequence_++, index});
  sift_up(heap_.size() - 1);
  return (uint64_t{slot.generation} << 32) | index;
}

TimerHeap::Entry TimerHeap::take(size_t position) {
  const uint32_t index = heap_[position].slot;
  Slot& slot = slots_[index];
  Entry entry = std::move(slot.entry);
  slot.entry = {};
  slot.used = false;
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(index);
  const Key last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    place(position, last);
    sift_up(position);
    sift_down(slots_[last.slot].position);
  }
  return entry;
}

TimerHeap::Function TimerHeap::remove(uint64_t id) {
  const auto index = uint32_t(id);
  if (id == 0 || index >= slots_.size()) return {};
  const Slot& slot = slots_[index];
  if (!slot.used || slot.generation != uint32_t(id >> 32)) return {};
  return take(slot.position).fn;
}

TimerHeap::Entry TimerHeap::pop() { return take(0); }

std::vector<TimerHeap::Function> TimerHeap::remove_scope(uint32_t scope) {
  std::vector<Function> removed;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].used && slots_[i].entry.scope == scope) removed.push_back(take(slots_[i].position).fn);
  }
  return removed;
}

}  // namespace sys
