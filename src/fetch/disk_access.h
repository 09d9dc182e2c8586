// How a disk wants to be used. A simulated one parks the calling fiber, a real one blocks its thread.
#pragma once

#include <cstddef>

namespace fetch {

struct DiskAccess {
  bool blocks = false;             // call it on a worker
  size_t piece_bytes = 64u << 10;  // of one write
  int lanes = 1;                   // calls at a time
  // Pieces that may wait for the disk, in memory: what a slow disk has to do while an image gives it nothing (its
  // zeros).
  size_t pieces_ahead = 8;
};

// A disk of its own machine: enough at a time and in advance to keep it busy, in about 150 MiB of memory.
constexpr DiskAccess fast_disk{.blocks = true, .piece_bytes = size_t{1} << 20, .lanes = 4, .pieces_ahead = 96};

}  // namespace fetch
