#include "store/sealer.h"

#include <doctest/doctest.h>

#include "sys/sim/sim.h"

namespace store {

TEST_CASE("a sealed value opens with its key and its binding only") {
  sys::SimWorld world(1);
  const auto sealer = Sealer::generate(world.random());
  const std::string sealed = sealer.seal(world.random(), "password", "secrets/ns/bmc@7");
  CHECK(sealed.find("password") == std::string::npos);
  CHECK(*sealer.open(sealed, "secrets/ns/bmc@7") == "password");
  CHECK(sealer.open(sealed, "secrets/ns/other@7").error().code == base::Code::corrupt);
  CHECK(Sealer::generate(world.random()).open(sealed, "secrets/ns/bmc@7").error().code == base::Code::not_found);
  for (size_t i = 4; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(!sealer.open(changed, "secrets/ns/bmc@7").ok());
  }
  CHECK(sealer.open(sealed.substr(0, 15), "secrets/ns/bmc@7").error().code == base::Code::corrupt);
  CHECK(sealer.seal(world.random(), "password", "x") != sealer.seal(world.random(), "password", "x"));
}

TEST_CASE("a new key in front leaves old values readable") {
  sys::SimWorld world(2);
  const auto old_key = Sealer::generate(world.random());
  const std::string sealed = old_key.seal(world.random(), "password", "x");
  const auto rotated = Sealer::parse(Sealer::generate(world.random()).key_file() + old_key.key_file());
  REQUIRE(rotated.ok());
  CHECK(*rotated->open(sealed, "x") == "password");
  const std::string renewed = rotated->seal(world.random(), "password", "x");
  CHECK(old_key.open(renewed, "x").error().code == base::Code::not_found);
}

TEST_CASE("key files that are not such are refused") {
  for (const char* text : {"", "\n\n", "00000001", "0000001 AAAA", "00000001 AAAA", "xyz", "00000001 AAAA BBBB"}) {
    CHECK(Sealer::parse(text).error().code == base::Code::corrupt);
  }
}

}  // namespace store
