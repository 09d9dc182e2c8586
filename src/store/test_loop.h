// A loop for tests whose time moves only when a timer is due.
#pragma once

#include "sys/loop.h"

namespace store {

class TestDriver : public sys::Driver {
 public:
  sys::Time now() override { return now_; }
  bool wait_until(sys::Time next_timer, bool have_timer) override {
    if (have_timer && next_timer > now_) now_ = next_timer;
    return have_timer;
  }
  void wake() override {}

 private:
  sys::Time now_{base::hours(24 * 365 * 56)};
};

struct TestLoop {
  TestDriver driver;
  sys::Loop loop{driver};
};

}  // namespace store
