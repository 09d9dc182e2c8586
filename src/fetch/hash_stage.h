// Hashes what it is given, in order, on a worker that goes on for as long as there is something: it is the one stage
// that cannot be done by several at a time, and asking the loop for more each time would make it wait for the loop.
#pragma once

#include <memory>
#include <string>

#include "crypto/hash.h"
#include "fetch/byte_pool.h"
#include "sys/sys.h"

namespace fetch {

class HashStage {
 public:
  using Bytes = std::shared_ptr<const BytePool::Buffer>;
  // `items_max`: as many wait at most.
  HashStage(sys::Sys& sys, crypto::Digest digest, size_t items_max);

  // Parks while it is full. Errors: cancelled (also after stop()).
  base::Result<void> push(Bytes bytes);
  // When all is hashed; gives the raw digest. Once, and nothing is pushed any more.
  base::Result<std::string> finish();
  // Drops what waits.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fetch
