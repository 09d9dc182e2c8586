// How a disk wants to be used. A simulated one parks the calling fiber, a real one blocks its thread.
#pragma once

#include <cstddef>

namespace fetch {

struct DiskAccess {
  bool blocks = false;             // call it on a worker
  size_t piece_bytes = 64u << 10;  // of one write
  int lanes = 1;                   // calls at a time
};

}  // namespace fetch
