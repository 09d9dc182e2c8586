#include "wire/json_syntax.h"

#include <doctest/doctest.h>

#include "base/json.h"

namespace wire {

TEST_CASE("json syntax: what Go says") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "unexpected end of JSON input"},
      {" ", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {"[{", "unexpected end of JSON input"},
      {R"({"a":)", "unexpected end of JSON input"},
      {R"({"a":1)", "unexpected end of JSON input"},
      {R"({"a)", "unexpected end of JSON input"},
      {"{x", "invalid character 'x' looking for beginning of object key string"},
      {R"({"a":1,})", "invalid character '}' looking for beginning of object key string"},
      {R"({"a" 1})", "invalid character '1' after object key"},
      {R"({"a":1 "b":2})", "invalid character '\"' after object key:value pair"},
      {"[1 2]", "invalid character '2' after array element"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"nonsense", "invalid character 'o' in literal null (expecting 'u')"},
      {"'a'", "invalid character '\\'' looking for beginning of value"},
      {"\x9e", "invalid character '\\u009e' looking for beginning of value"},
      {"\xe9", "invalid character '\xc3\xa9' looking for beginning of value"},
      {"{} x", "invalid character 'x' after top-level value"},
      {"01", "invalid character '1' after top-level value"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal"},
      {"-", "unexpected end of JSON input"},
      {"-x", "invalid character 'x' in numeric literal"},
      {"1ex", "invalid character 'x' in exponent of numeric literal"},
      {"\"\n\"", "invalid character '\\n' in string literal"},
      {"\"\x01\"", "invalid character '\\x01' in string literal"},
      {R"("\x")", "invalid character 'x' in string escape code"},
      {R"("\u12g4")", "invalid character 'g' in \\u hexadecimal character escape"},
  };
  for (const auto& [text, problem] : cases) CHECK_MESSAGE(json_syntax_problem(text) == problem, text);
}

TEST_CASE("json syntax: nothing is wrong with JSON") {
  for (const char* text : {"null", " true ", "-0.5e+10", R"("aA\n\/")", "[]", "{}", "[[],{}]", R"([1,{"a":[{}]},"x"])",
                           R"( { "a" : { "b" : [ ] } , "c" : false } )"}) {
    CHECK_MESSAGE(json_syntax_problem(text).empty(), text);
    CHECK(base::parse_json(text).ok());
  }
  CHECK(json_syntax_problem(std::string(100'000, '[')) == "unexpected end of JSON input");
}

TEST_CASE("json syntax: keys in the order of the text") {
  const std::vector<std::string> expected = {"b",      "b.c", "b.c", "l", "l[1].x", "l[1].y", "l[1].y[0][0].z",
                                             "l[2].w", "a\"", "e"};
  CHECK(json_key_paths(R"({"b":{"c":1,"c":{}},"l":[1,{"x":2,"y":[[{"z":1}]]},{"w":[]}],"a\"":[],"e":{}})") == expected);
}

TEST_CASE("json syntax: bytes that are no UTF-8") {
  CHECK(to_valid_utf8("a\xff\xc3\xa9\xe2\x82z") == "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbdz");
  CHECK(to_valid_utf8("").empty());
}

}  // namespace wire
