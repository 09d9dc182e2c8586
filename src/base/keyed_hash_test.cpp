#include "base/keyed_hash.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace base {
namespace {

uint64_t of(std::string_view first, std::string_view second) { return KeyedHash().add(first).add(second).value(); }

}  // namespace

TEST_CASE("a keyed hash is the same for the same texts, and tells others apart") {
  CHECK(of("default", "a-name-of-usual-length") == of("default", "a-name-of-usual-length"));
  CHECK(of("ab", "c") != of("a", "bc"));
  CHECK(of("", "a") != of("a", ""));
  CHECK(of("", std::string(1, '\0')) != of("", ""));
  CHECK(of("", std::string(7, '\0')) != of("", std::string(8, '\0')));
}

TEST_CASE("texts that differ little spread") {
  std::set<uint64_t> values, buckets;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t value = of("default", "map-" + std::to_string(i));
    values.insert(value);
    buckets.insert(value % 10007);
  }
  CHECK(values.size() == 10000);
  CHECK(buckets.size() > 5000);  // 6,321 for a random function
}

}  // namespace base
