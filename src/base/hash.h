// Hashes that are the same on every machine and in every run, for spreading things. Not for what an adversary chooses.
#pragma once

#include <cstdint>
#include <string_view>

namespace base {

// FNV-1a with 64 bits (draft-eastlake-fnv). Texts that differ little at their end differ little in the high bits: mix
// where those count.
inline uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// SplitMix64's last step: another number for each number, and every bit of it depends on every bit of `n`.
inline uint64_t mix(uint64_t n) {
  n += 0x9e3779b97f4a7c15;
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
  n = (n ^ n >> 27) * 0x94d049bb133111eb;
  return n ^ n >> 31;
}

}  // namespace base
