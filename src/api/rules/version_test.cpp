#include "api/rules/version.h"

#include <doctest/doctest.h>

#include "base/json.h"

using namespace api::rules;

TEST_CASE("only full versions are releases") {
  for (const char* good : {"v1.33.0", "v1.33.12-rc.1", "v1.2.3+build.7", "v1.2.3-0a+01"}) {
    CAPTURE(good);
    CHECK(parse_release(good));
  }
  for (const char* bad : {"", "v", "1.33.0", "v1.33", "v1.33.0.1", "v1.033.0", "v1.33.x", "v1.33.0-", "v1.33.0-01",
                          "v1.33.0+", "latest", "v99999999999999999999.0.0", "v1.33.0 "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_release(bad));
  }
}

TEST_CASE("order of releases, as semantic versioning gives it") {
  const char* const sorted[] = {"v1.0.0-alpha",  "v1.0.0-alpha.1", "v1.0.0-alpha.beta", "v1.0.0-beta",
                                "v1.0.0-beta.2", "v1.0.0-beta.11", "v1.0.0-rc.1",       "v1.0.0",
                                "v1.0.1-rc.1",   "v1.2.0",         "v1.10.0",           "v2.0.0"};
  for (size_t i = 0; i + 1 < std::size(sorted); ++i) {
    CAPTURE(sorted[i]);
    CHECK((compare(*parse_release(sorted[i]), *parse_release(sorted[i + 1])) < 0));
    CHECK((compare(*parse_release(sorted[i + 1]), *parse_release(sorted[i])) > 0));
  }
  CHECK((compare(*parse_release("v1.0.0+a"), *parse_release("v1.0.0+b")) == 0));
}

TEST_CASE("a v is put in front of bare versions only") {
  base::Json doc = base::Json::object({{"a", "1.33.0"}, {"b", "v1.33.0"}, {"c", "stable"}, {"d", 1}});
  for (const char* name : {"a", "b", "c", "d", "e"}) prefix_version(doc, name);
  CHECK(doc.dump() == R"({"a":"v1.33.0","b":"v1.33.0","c":"stable","d":1})");
}
