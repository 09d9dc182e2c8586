// For tests: what blocks has to run in a fiber, and a failed REQUIRE, which throws, must not leave it.
#pragma once

#include <exception>
#include <functional>

#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace sys {

// Runs `body` in a fiber of `process` and the world with it until the end of `body`, whose exception is thrown on.
// False when it never ends.
inline bool run_in_fiber(SimWorld& world, Sys& process, const std::function<void()>& body) {
  bool done = false;
  std::exception_ptr thrown;
  spawn(process.loop, "test", [&] {
    try {
      body();
    } catch (...) {
      thrown = std::current_exception();
    }
    done = true;
  });
  const bool ended = world.loop().run_until([&] { return done; });
  if (thrown) std::rethrow_exception(thrown);
  return ended;
}

}  // namespace sys
