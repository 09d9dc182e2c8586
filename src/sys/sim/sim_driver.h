// Virtual time and seeded randomness. Private to src/sys.
#pragma once

#include "sys/sys.h"

namespace sys {

// Jumps to the next timer as soon as nothing is ready.
class SimDriver : public Driver {
 public:
  explicit SimDriver(Time start) : now_(start) {}
  Time now() override { return now_; }
  bool wait_until(Time next_timer, bool have_timer) override {
    if (have_timer && next_timer > now_) now_ = next_timer;
    return have_timer;
  }
  void wake() override {}

 private:
  Time now_;
};

// SplitMix64: small, fast, and every seed gives a full-period stream of its own.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

}  // namespace sys
