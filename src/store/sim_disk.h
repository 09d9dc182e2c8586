// For tests: what of a simulated disk would be found by a process that starts now.
#pragma once

#include "store/store.h"

namespace store {

// `fn` is called for each change once it is on the disk, in order; an empty one ends it.
void on_durable(SimDisk& disk, std::function<void(const Record&)> fn);

}  // namespace store
