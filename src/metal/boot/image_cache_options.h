#pragma once

#include <cstdint>
#include <string>

namespace metal {

struct ImageCacheOptions {
  std::string directory;                     // empty: no cache
  uint64_t bytes_max = uint64_t{100} << 30;  // of what is stored; the least recently used goes first
  std::string roots_pem;                     // for https image servers; empty: the system's
};

}  // namespace metal
