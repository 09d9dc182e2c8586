#include "server/turns.h"

#include <utility>

namespace server {

Turns::~Turns() { *alive_ = false; }

base::Result<void> Turns::take() {
  if (!std::exchange(taken_, true)) {
    begin_round();
    return {};
  }
  sys::Signal mine(loop_);
  waiting_.push_back(&mine);
  auto waited = mine.wait();
  if (!waited) std::erase(waiting_, &mine);
  return waited;
}

void Turns::begin_round() {
  loop_.post([this, alive = alive_] {
    if (*alive) round();
  });
}

void Turns::round() {
  taken_ = !waiting_.empty();
  if (!taken_) return;
  waiting_.front()->set();
  waiting_.pop_front();
  begin_round();
}

}  // namespace server
