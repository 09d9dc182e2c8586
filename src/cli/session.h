// What all commands share: one real system, one main fiber, errors printed the same way.
#pragma once

#include <functional>
#include <string>

#include "sys/real/real.h"

namespace cli {

// Runs `body` in a fiber on the real system and gives its exit status. `stopping` is called at SIGINT or SIGTERM; when
// it is empty, a signal cancels the fiber.
int run_session(const std::function<int(sys::RealSystem&)>& body);

// "ingot: what (layer: cause); fix" on stderr. Returns 1.
int fail(const base::Error& error);

}  // namespace cli
