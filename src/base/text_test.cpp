#include <doctest/doctest.h>

#include "base/text.h"
#include "base/time.h"

TEST_CASE("text: encodings round trip and reject foreign characters") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", std::string("\x00\xff", 2).c_str()}) {
    CHECK(base::unbase64(base::base64(text)) == text);
    CHECK(base::unbase64_url(base::base64_url(text)) == text);
    CHECK(base::unhex(base::hex(text)) == text);
  }
  CHECK(base::base64("foob") == "Zm9vYg==");
  CHECK(!base::unbase64("Zm9vYg"));
  CHECK(!base::unbase64("Zm9*"));
  CHECK(base::equal_constant_time("abc", "abc"));
  CHECK(!base::equal_constant_time("abc", "abd"));
  CHECK(!base::equal_constant_time("abc", "ab"));
  CHECK(!base::valid_utf8("\xc0\x80"));
  CHECK(base::valid_utf8("h\xc3\xa9"));
}

TEST_CASE("time: RFC 3339, Go durations and ages") {
  const auto time = base::parse_rfc3339("2026-02-28T23:59:59.25+01:00");
  REQUIRE(time);
  CHECK(base::rfc3339(*time) == "2026-02-28T22:59:59Z");
  CHECK(base::rfc3339_micro(*time) == "2026-02-28T22:59:59.250000Z");
  CHECK(!base::parse_rfc3339("2026-02-30T00:00:00Z"));
  CHECK(!base::parse_rfc3339("2026-02-03"));
  CHECK(base::parse_go_duration("1h5m") == base::Duration(base::minutes(65)));
  CHECK(base::parse_go_duration("1.5s") == base::Duration(base::milliseconds(1500)));
  CHECK(!base::parse_go_duration("5"));
  CHECK(base::go_duration(base::minutes(65)) == "1h5m0s");
  CHECK(base::go_duration(base::milliseconds(1500)) == "1.5s");
  CHECK(base::human_duration(base::seconds(303)) == "5m3s");
  CHECK(base::human_duration(base::hours(52)) == "2d4h");
}
