// Linux epoll and the monotonic clock under a Loop. Private to src/sys.
#pragma once

#include <map>
#include <unordered_map>

#include "sys/fiber.h"
#include "sys/loop.h"
#include "sys/real/descriptor.h"

namespace sys {

// What a descriptor is ready for, edge-triggered: clear a signal when the operation said EAGAIN, then wait for it.
struct Watch {
  explicit Watch(Loop& loop) : readable(loop), writable(loop) {}
  Signal readable, writable;
  uint64_t id = 0;
};

class EpollDriver : public Driver {
 public:
  EpollDriver();
  Time now() override;
  bool wait_until(Time next_timer, bool have_timer) override;
  void wake() override;

  void add(int descriptor, Watch& watch);
  void remove(int descriptor, Watch& watch);

 private:
  void give_back_memory();

  Descriptor epoll_;
  Descriptor event_;
  Time wall_start_;
  std::chrono::steady_clock::time_point steady_start_;
  std::chrono::steady_clock::time_point next_trim_;
  std::unordered_map<uint64_t, Watch*> watches_;  // by id, so that a late event of a closed descriptor finds nothing
  uint64_t next_id_ = 1;
};

}  // namespace sys
