#include "meta/go_text.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace meta {

TEST_CASE("go text: documents as fmt prints them") {
  const auto text = [](const char* json) { return go_text(*base::parse_json(json)); };
  CHECK(text(R"({"b":[1,"x y",null,true],"a":{"z":1.5}})") == "map[a:map[z:1.5] b:[1 x y <nil> true]]");
  CHECK(text("{}") == "map[]");
  CHECK(text("[]") == "[]");
  CHECK(text("[[]]") == "[[]]");
}

TEST_CASE("go text: where base64 goes wrong") {
  for (const char* good : {"", "QQ==", "QUI=", "QUJD", "QU\nJD", "QQ==\n"}) {
    CHECK_MESSAGE(!base64_problem(good), good);
  }
  const std::pair<const char*, size_t> bad[] = {{"n", 0},     {"QU", 0},      {"QUJDQ", 4}, {"%%", 0},
                                                {"QU%D", 2},  {"Q===", 1},    {"QQ=", 3},   {"QQ=x", 3},
                                                {"QQ==x", 4}, {"QUJDQUI", 4}, {"=", 0},     {"QUI=QUJD", 4}};
  for (const auto& [text, at] : bad) CHECK_MESSAGE(base64_problem(text).value_or(999) == at, text);
}

}  // namespace meta
