// Turns for work that would keep the control thread for long: cut into pieces of a fraction of a millisecond, of which
// each round of the loop does one, whoever's it is. Between two pieces everything else that is ready runs.
#pragma once

#include <deque>
#include <memory>

#include "sys/fiber.h"

namespace server {

class Turns {
 public:
  explicit Turns(sys::Loop& loop) : loop_(loop) {}
  ~Turns();
  Turns(const Turns&) = delete;

  // Parks until the next piece may be done; first come, first served. Error: cancelled.
  base::Result<void> take();

 private:
  void begin_round();  // soon
  void round();

  sys::Loop& loop_;
  std::deque<sys::Signal*> waiting_;
  bool taken_ = false;  // in this round
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace server
