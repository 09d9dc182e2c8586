// Little-endian numbers in formats of disks and firmware.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wire {

inline void append_le(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
inline void store_le(std::string& in, size_t at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) in[at + i] = static_cast<char>((value >> (8 * i)) & 0xff);
}
// What lies behind the end counts as zero.
inline uint64_t load_le(std::string_view from, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) {
    value = value << 8 | (at + i < from.size() ? static_cast<unsigned char>(from[at + i]) : 0u);
  }
  return value;
}

}  // namespace wire
