#include "base/keyed_hash.h"

#include <sys/auxv.h>

#include <algorithm>
#include <cstring>

namespace base {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr uint64_t prime = (uint64_t{1} << 61) - 1;
constexpr size_t word_bytes = 7;  // below the prime

// From the sixteen random bytes that the kernel gives every process. Nothing that can be observed depends on it, so it
// need not come from the environment's randomness.
uint64_t secret() {
  uint64_t out = 1;
  if (const auto* random = reinterpret_cast<const char*>(getauxval(AT_RANDOM))) std::memcpy(&out, random, sizeof out);
  return out % (prime - 2) + 2;
}

uint64_t times(uint64_t a, uint64_t b) {
  const auto product = static_cast<Wide>(a) * b;
  const uint64_t sum = static_cast<uint64_t>(product & prime) + static_cast<uint64_t>(product >> 61);
  return sum >= prime ? sum - prime : sum;
}

}  // namespace

KeyedHash& KeyedHash::add(std::string_view text) {
  static const uint64_t point = secret();
  const auto take = [&](uint64_t word) {
    const uint64_t sum = value_ + word;
    value_ = times(sum >= prime ? sum - prime : sum, point);
  };
  take(text.size() + 1);  // tells ("ab", "c") from ("a", "bc")
  while (!text.empty()) {
    uint64_t word = 0;
    const size_t bytes = std::min(text.size(), word_bytes);
    std::memcpy(&word, text.data(), bytes);
    take(word);
    text.remove_prefix(bytes);
  }
  return *this;
}

}  // namespace base
