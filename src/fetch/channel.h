// A bounded queue between fibers of one loop.
#pragma once

#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "sys/fiber.h"

namespace fetch {

template <class T>
class Channel {
 public:
  Channel(sys::Loop& loop, size_t items_max) : items_max_(items_max), room_(loop), arrived_(loop) {}

  // Parks while it is full. Errors: cancelled (also after stop()).
  base::Result<void> push(T item) {
    while (items_.size() >= items_max_ && !stopped_) {
      room_.clear();
      TRY(room_.wait());
    }
    if (stopped_) return base::cancelled();
    items_.push_back(std::move(item));
    arrived_.set();
    return {};
  }
  // Parks while it is empty; nullopt after close(), when all is taken. Errors: cancelled (also after stop()).
  base::Result<std::optional<T>> pop() {
    while (items_.empty() && !closed_ && !stopped_) {
      arrived_.clear();
      TRY(arrived_.wait());
    }
    if (stopped_) return base::cancelled();
    if (items_.empty()) return std::optional<T>();
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    room_.set();
    return item;
  }
  // Everything that waits, at once; nothing after close(), when all is taken.
  base::Result<std::vector<T>> pop_all() {
    auto first = TRY(pop());
    std::vector<T> out;
    if (!first) return out;
    out.push_back(std::move(*first));
    std::move(items_.begin(), items_.end(), std::back_inserter(out));
    items_.clear();
    return out;
  }
  void close() {
    closed_ = true;
    arrived_.set();
  }
  void stop() {
    stopped_ = true;
    items_.clear();
    room_.set();
    arrived_.set();
  }

 private:
  size_t items_max_;
  std::deque<T> items_;
  sys::Signal room_, arrived_;
  bool closed_ = false, stopped_ = false;
};

}  // namespace fetch
