#include "base/text.h"
#include "sys/sys.h"

namespace sys {

uint64_t Random::below(uint64_t bound) {
  CHECK_THAT(bound > 0, "no number is below 0");
  // Rejects the last, incomplete run of `bound` values, so that every result is equally likely.
  const uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const uint64_t value = next();
    if (value >= rejected) return value % bound;
  }
}

double Random::unit() { return double(next() >> 11) * 0x1.0p-53; }

std::string Random::bytes(size_t count) {
  std::string made;
  made.reserve(count + 8);
  while (made.size() < count) {
    uint64_t value = next();
    for (int i = 0; i < 8; ++i, value >>= 8) made.push_back(char(value & 0xff));
  }
  made.resize(count);
  return made;
}

std::string Random::uuid() {
  std::string raw = bytes(16);
  raw[6] = char((raw[6] & 0x0f) | 0x40);
  raw[8] = char((raw[8] & 0x3f) | 0x80);
  const std::string hex = base::hex(raw);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

namespace {
std::string letters(Random& random, std::string_view alphabet, size_t length) {
  std::string made;
  made.reserve(length);
  while (made.size() < length) made.push_back(alphabet[random.below(alphabet.size())]);
  return made;
}
}  // namespace

std::string Random::suffix(size_t length) { return letters(*this, "bcdfghjklmnpqrstvwxz2456789", length); }
std::string Random::token(size_t length) { return letters(*this, "abcdefghijklmnopqrstuvwxyz0123456789", length); }

}  // namespace sys
