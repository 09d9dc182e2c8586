// What is typed: stdin, and the terminal behind it when there is one.
#pragma once

#include <memory>
#include <string>

#include "sys/real/epoll_driver.h"
#include "sys/real/real.h"

namespace sys {

std::unique_ptr<Keyboard> open_keyboard(EpollDriver& driver, Loop& loop);

}  // namespace sys
