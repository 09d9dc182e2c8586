#include "server/accept.h"

#include <doctest/doctest.h>

TEST_CASE("Accept: best clause first") {
  struct Case {
    const char* header;
    std::vector<std::string> types;
  };
  const Case cases[] = {
      {"", {"*/*"}},
      {"application/json", {"application/json"}},
      {"text/html;q=0.5, application/json", {"application/json", "text/html"}},
      {"*/*, application/*, application/json", {"application/json", "application/*", "*/*"}},
      {"application/yaml;q=0.9,application/json;q=0.9", {"application/yaml", "application/json"}},
      {"application/json;q=0,application/yaml", {"application/yaml"}},
      {" Application/JSON ; Q=0.1 ,, text/plain", {"text/plain", "application/json"}},
      {"a/b;q=nonsense,c/d;q=0.9", {"a/b", "c/d"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.header);
    std::vector<std::string> types;
    for (const auto& range : server::parse_accept(c.header)) types.push_back(range.type);
    CHECK(types == c.types);
  }
}

TEST_CASE("Accept: parameters and wildcards") {
  const auto ranges = server::parse_accept("application/json;as=Table;G=meta.k8s.io;v=\"v1\";q=1, text/*;q=0.1");
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].parameter("as") == "Table");
  CHECK(ranges[0].parameter("g") == "meta.k8s.io");
  CHECK(ranges[0].parameter("v") == "v1");
  CHECK(ranges[0].parameter("q") == "");
  CHECK(ranges[0].accepts("application/json"));
  CHECK_FALSE(ranges[0].accepts("application/yaml"));
  CHECK(ranges[1].accepts("text/plain"));
  CHECK_FALSE(ranges[1].accepts("application/json"));
  CHECK(server::parse_accept("*/*")[0].accepts("application/json"));
}
