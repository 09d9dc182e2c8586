// fork and exec behind sys/process.h. Private to src/sys.
#pragma once

#include "sys/process.h"
#include "sys/real/epoll_driver.h"

namespace sys {

class RealPrograms : public Programs {
 public:
  RealPrograms(EpollDriver& driver, Loop& loop) : driver_(driver), loop_(loop) {}
  Result<std::unique_ptr<Program>> start(const ProgramOptions& options) override;

 private:
  EpollDriver& driver_;
  Loop& loop_;
};

}  // namespace sys
