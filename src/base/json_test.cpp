#include <doctest/doctest.h>

#include "base/json.h"
#include "base/text.h"

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

TEST_CASE("json: integers beyond 64 bits are doubles, so that what is written can be read") {
  const auto large = base::parse_json(R"({"a":32444444444424444434.04,"s":"99999999999999999999999","b":-1e19})");
  REQUIRE(large);
  CHECK(large->dump() == R"({"a":32444444444424446000,"s":"99999999999999999999999","b":-10000000000000000000})");
  const auto again = base::parse_json(large->dump());
  REQUIRE(again);
  CHECK(again->dump() == large->dump());
  CHECK(base::parse_json("[1.5e15,-1e-7,1e21,1234567890123456.5,0.1,123456789012345680000.0,1e-10]")->dump() ==
        "[1500000000000000,-1e-7,1e+21,1234567890123456.5,0.1,123456789012345680000,1e-10]");
  // The others in the document keep their type and their last digit.
  const auto mixed = base::parse_json(
      "[18446744073709551616,18446744073709551615,-9223372036854775808,-9223372036854775809,9223372036854775807]");
  REQUIRE(mixed);
  CHECK(mixed->dump() ==
        "[18446744073709552000,18446744073709551615,-9223372036854775808,-9223372036854776000,"
        "9223372036854775807]");
  for (const char* refused : {"[1e400]", "[01]", "[99999999999999999999999x]", "[-]"})
    CHECK_FALSE(base::parse_json(refused));
}

TEST_CASE("json: an object with many members is read in no time, and the last of a name counts") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text += R"("k7":"again","k199999":"last"})";
  std::vector<std::string> twice;
  const auto doc = base::parse_json(text, {.duplicates = &twice});
  REQUIRE(doc);
  CHECK(doc->size() == 200'000);
  CHECK((*doc)["k7"].string() == "again");
  CHECK((*doc)["k199999"].string() == "last");
  CHECK(twice == std::vector<std::string>{"k7", "k199999"});
}

// Both look at eight bytes at a time.
TEST_CASE("json: what needs an escape gets one at every place of a text of every length") {
  const std::pair<std::string, std::string> specials[] = {
      {"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\x1f", "\\u001f"},     {"\x7f", "\x7f"},
      {" ", " "},     {"!", "!"},     {"#", "#"},    {"\xc3\xa9", "\xc3\xa9"}};
  for (size_t length = 0; length < 26; ++length) {
    for (size_t at = 0; at <= length; ++at) {
      for (const auto& [special, escaped] : specials) {
        const std::string before(at, 'a'), after(length - at, 'z');
        std::string quoted;
        base::append_quoted(quoted, before + special + after);
        CHECK(quoted == "\"" + before + escaped + after + "\"");
        CHECK(base::valid_utf8(before + special + after));
        CHECK_FALSE(base::valid_utf8(before + "\xc3" + after));
      }
    }
  }
}
