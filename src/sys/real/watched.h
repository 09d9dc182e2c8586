// A descriptor in the epoll set, and waiting for it. Private to src/sys.
#pragma once

#include "sys/deadline.h"
#include "sys/real/descriptor.h"
#include "sys/real/epoll_driver.h"

namespace sys {

class Watched {
 public:
  Watched(EpollDriver& driver, Loop& loop, Descriptor descriptor)
      : driver_(driver), watch_(loop), descriptor_(std::move(descriptor)) {
    driver_.add(descriptor_.number(), watch_);
  }
  ~Watched() { close(); }
  Watched(const Watched&) = delete;

  // Wakes whoever waits; they see is_closed().
  void close() {
    if (!descriptor_) return;
    driver_.remove(descriptor_.number(), watch_);
    descriptor_.close();
    watch_.readable.set();
    watch_.writable.set();
  }
  bool is_closed() const { return !descriptor_; }
  int number() const { return descriptor_.number(); }
  // After EAGAIN.
  Result<void> wait_readable(Duration limit) { return wait(watch_.readable, limit); }
  Result<void> wait_writable(Duration limit) { return wait(watch_.writable, limit); }

 private:
  static Result<void> wait(Signal& signal, Duration limit) {
    signal.clear();
    return signal.wait_for(limit);
  }
  EpollDriver& driver_;
  Watch watch_;
  Descriptor descriptor_;
};

}  // namespace sys
