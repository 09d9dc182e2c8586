#include "sys/sys.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sys/sim/sim_driver.h"

TEST_CASE("random: bounded numbers are in range and every value occurs about equally often") {
  sys::SeededRandom random(1);
  std::array<int, 6> seen{};
  for (int i = 0; i < 60'000; ++i) ++seen.at(random.below(6));
  for (const int count : seen) CHECK((count > 9'500 && count < 10'500));
  // A bound just above 2^63 shows modulo bias at once: the lower half would be hit twice as often.
  const uint64_t bound = (uint64_t{1} << 63) + (uint64_t{1} << 62);
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += random.below(bound) < bound / 3 ? 1 : 0;
  CHECK((low > 9'500 && low < 10'500));
  for (int i = 0; i < 1000; ++i) {
    const double value = random.unit();
    CHECK((value >= 0 && value < 1));
  }
}

TEST_CASE("random: names have the right alphabet and form") {
  sys::SeededRandom random(2);
  const std::string uuid = random.uuid();
  CHECK(uuid.size() == 36);
  CHECK(uuid[14] == '4');
  CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
  CHECK(random.suffix().size() == 5);
  CHECK(random.suffix(200).find_first_not_of("bcdfghjklmnpqrstvwxz2456789") == std::string::npos);
  CHECK(random.token(200).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
  CHECK(random.bytes(13).size() == 13);
  sys::SeededRandom again(2);
  CHECK(again.uuid() == uuid);
}

TEST_CASE("address: text and parse are each other's inverse") {
  for (const sys::Address& address : {sys::Address{"10.0.0.1", 80}, sys::Address{"fd00::1", 443},
                                      sys::Address{"images.example.com", 65535}, sys::Address{"", 1}}) {
    const auto parsed = sys::Address::parse(address.text());
    REQUIRE(parsed);
    CHECK(*parsed == address);
  }
  CHECK(sys::Address{"fd00::1", 443}.text() == "[fd00::1]:443");
  CHECK(*sys::Address::parse("host", 6443) == sys::Address{"host", 6443});
  CHECK(*sys::Address::parse("fd00::2", 6443) == sys::Address{"fd00::2", 6443});
  CHECK(*sys::Address::parse("[fd00::2]", 6443) == sys::Address{"fd00::2", 6443});
  for (const char* bad :
       {"host", "host:", "host:x", "host:65536", "[fd00::1", "[fd00::1]x", "[host]:1", "a b:1", "a/b:1"}) {
    CHECK_MESSAGE(!sys::Address::parse(bad), bad);
  }
}
