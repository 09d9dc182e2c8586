#include <doctest/doctest.h>

#include "base/json.h"

using base::Json;

TEST_CASE("json: parse and dump keep order, numbers and duplicates apart") {
  std::vector<std::string> duplicates;
  const auto doc = base::parse_json(R"({"b":1,"a":[1.5,-2,18446744073709551615,true,null],"b":2,"s":"\u00e9\n"})",
                                    {.duplicates = &duplicates});
  REQUIRE(doc);
  CHECK(doc->dump() == "{\"b\":2,\"a\":[1.5,-2,18446744073709551615,true,null],\"s\":\"\u00e9\\n\"}");
  CHECK(duplicates == std::vector<std::string>{"b"});
  CHECK(base::parse_json("{\"a\":").error().code == base::Code::bad_request);
  CHECK(base::parse_json(std::string(200, '[') + std::string(200, ']')).error().code == base::Code::too_large);
}

TEST_CASE("json: a copy does not change with its source") {
  Json a = Json::object({{"x", Json::object({{"y", 1}})}});
  const Json b = a;
  a.child("x").set("y", 2);
  CHECK(b.path("x.y").integer() == 1);
  CHECK(a.path("x.y").integer() == 2);
}

TEST_CASE("json: merge diff and merge patch are inverse") {
  const auto from = *base::parse_json(R"({"a":1,"b":{"c":[1],"d":2},"e":3})");
  const auto to = *base::parse_json(R"({"a":1,"b":{"c":[1,2]},"f":{"g":1}})");
  const Json patch = base::merge_diff(from, to);
  CHECK(patch.dump() == R"({"e":null,"b":{"d":null,"c":[1,2]},"f":{"g":1}})");
  CHECK(base::merge_patch(from, patch) == to);
  CHECK(base::merge_diff(to, to).empty());
}

TEST_CASE("json patch: RFC 6902 operations") {
  const auto doc = *base::parse_json(R"({"a":{"b/c":[1,2]}})");
  const auto run = [&](const char* patch) { return base::json_patch(doc, *base::parse_json(patch)); };
  CHECK(run(R"([{"op":"add","path":"/a/b~1c/-","value":3}])")->dump() == R"({"a":{"b/c":[1,2,3]}})");
  CHECK(run(R"([{"op":"move","from":"/a","path":"/z"}])")->dump() == R"({"z":{"b/c":[1,2]}})");
  CHECK(run(R"([{"op":"replace","path":"/a/b~1c/0","value":9}])")->dump() == R"({"a":{"b/c":[9,2]}})");
  CHECK(run(R"([{"op":"test","path":"/a/b~1c/0","value":9}])").error().code == base::Code::invalid);
  CHECK(run(R"([{"op":"remove","path":"/a/b~1c/7"}])").error().code == base::Code::invalid);
  CHECK(run(R"([{"path":"/a"}])").error().code == base::Code::bad_request);
}
