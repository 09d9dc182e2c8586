// Hash of texts that strangers choose, for tables that are only looked up: another one in every process, so that nobody
// can prepare names which all fall into one bucket. Never let the order of such a table be seen.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace base {

// A polynomial over the prime 2^61 - 1 at a secret point: two different sequences of texts of n bytes together have the
// same value with a probability of about n / 2^61.
class KeyedHash {
 public:
  KeyedHash& add(std::string_view text);
  uint64_t value() const { return mix(value_); }

 private:
  uint64_t value_ = 0;
};

}  // namespace base
