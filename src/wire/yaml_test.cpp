#include "wire/yaml.h"

#include <doctest/doctest.h>

using base::Json;
using wire::parse_yaml;
using wire::to_yaml;

static std::string json_of(std::string_view yaml) {
  const auto documents = parse_yaml(yaml);
  if (!documents) return "error: " + documents.error().message;
  std::string out;
  for (const auto& document : *documents) out += (out.empty() ? "" : " ") + document.dump();
  return out;
}

TEST_CASE("plain scalars mean what kubectl makes of them") {
  const std::pair<const char*, const char*> rows[] = {{"yes", "true"},
                                                      {"off", "false"},
                                                      {"True", "true"},
                                                      {"~", "null"},
                                                      {"0644", "420"},
                                                      {"0x1F", "31"},
                                                      {"-12", "-12"},
                                                      {"1_000", "1000"},
                                                      {"1.5", "1.5"},
                                                      {"1e3", "1000"},
                                                      {"v1.33", "\"v1.33\""},
                                                      {"'yes'", "\"yes\""},
                                                      {"\"0644\"", "\"0644\""},
                                                      {"1.2.3", "\"1.2.3\""},
                                                      {"-x", "\"-x\""},
                                                      {"0o14", "12"},
                                                      {"18446744073709551615", "18446744073709551615"},
                                                      {"12e", "\"12e\""},
                                                      {"!!str 12", "\"12\""},
                                                      {"2026-01-31", "\"2026-01-31\""},
                                                      {"52:54:00:12:34:56", "\"52:54:00:12:34:56\""},
                                                      {"+5", "5"},
                                                      {"_", "\"_\""}};
  for (const auto& [yaml, json] : rows) {
    CAPTURE(yaml);
    CHECK(json_of(std::string("a: ") + yaml) == std::string("{\"a\":") + json + "}");
  }
}

TEST_CASE("documents, nesting, anchors and merge keys") {
  const std::pair<const char*, const char*> rows[] = {
      {"a: 1\n---\n---\nb: 2\n...\n", R"({"a":1} {"b":2})"},
      {"- 1\n- [x, {y: z}]\n", R"([1,["x",{"true":"z"}]])"},
      {"a: &x {k: 1}\nb: *x\n", R"({"a":{"k":1},"b":{"k":1}})"},
      {"base: &b {k: 1, l: 2}\nc:\n  <<: *b\n  l: 3\n", R"({"base":{"k":1,"l":2},"c":{"l":3,"k":1}})"},
      {"a: |\n  one\n  two\nb: >-\n  x\n  y\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"x y\"}"},
      {"", ""},
      {"# only a comment\n", ""},
      {"1: a\ntrue: b\n", R"({"1":"a","true":"b"})"},
  };
  for (const auto& [yaml, json] : rows) {
    CAPTURE(yaml);
    CHECK(json_of(yaml) == json);
  }
}

TEST_CASE("errors name the line") {
  const std::pair<const char*, const char*> rows[] = {
      {"a: 1\nb: 2\na: 3\n", "error: line 3: key \"a\" is set twice"},
      {"a: *x\n", "error: line 1: nothing is anchored as \"x\""},
      {"a: .inf\n", "error: line 1: JSON knows no .inf"},
      {"? [a]\n: b\n", "error: line 1: a key must be a plain word or string"},
      {"<<: 3\n", "error: line 1: << merges mappings only"},
  };
  for (const auto& [yaml, message] : rows) {
    CAPTURE(yaml);
    CHECK(json_of(yaml) == message);
  }
  CHECK(json_of("a: [1\nb: 2\n").starts_with("error: line 2: "));
  CHECK(json_of("a:\n\t- b\n").starts_with("error: line 2: "));
}

TEST_CASE("depth, size and alias bombs are refused") {
  std::string deep(200, '[');
  CHECK(json_of(deep + std::string(200, ']')) == "error: line 1: nested deeper than 100");
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto n = std::to_string(i), m = std::to_string(i - 1);
    bomb += "a" + n + ": &a" + n + " [*a" + m + ",*a" + m + ",*a" + m + ",*a" + m + ",*a" + m + ",*a" + m + "]\n";
  }
  const auto refused = parse_yaml(bomb);
  REQUIRE(!refused);
  CHECK(refused.error().code == base::Code::too_large);
  const auto long_text = parse_yaml("abc", {.bytes_max = 2});
  REQUIRE(!long_text);
  CHECK(long_text.error().code == base::Code::too_large);
}

TEST_CASE("to_yaml prints like kubectl") {
  const Json doc = *base::parse_json(
      R"({"apiVersion":"v1","metadata":{"labels":{},"name":"x"},"list":[{"a":1,"b":[1,2]},"y",[true,null]],)"
      R"("empty":[],"text":"one\n  two\n","tail":"a\nb","more":"a\n\n","num":"0644","mac":"52:54:00:00:00:01",)"
      R"("colon":"a: b","neg":-1.5,"block":[{"s":"l1\nl2\n","t":1}]})");
  CHECK(to_yaml(doc) ==
        "apiVersion: v1\n"
        "metadata:\n"
        "  labels: {}\n"
        "  name: x\n"
        "list:\n"
        "- a: 1\n"
        "  b:\n"
        "  - 1\n"
        "  - 2\n"
        "- \"y\"\n"
        "- - true\n"
        "  - null\n"
        "empty: []\n"
        "text: |\n"
        "  one\n"
        "    two\n"
        "tail: |-\n"
        "  a\n"
        "  b\n"
        "more: |+\n"
        "  a\n"
        "\n"
        "num: \"0644\"\n"
        "mac: \"52:54:00:00:00:01\"\n"
        "colon: \"a: b\"\n"
        "neg: -1.5\n"
        "block:\n"
        "- s: |\n"
        "    l1\n"
        "    l2\n"
        "  t: 1\n");
}

TEST_CASE("what to_yaml writes is read back the same") {
  const char* strings[] = {"",   " a",    "a ",     "-",      "- a",   "--- x", "a #b",  "#a",    "@x",    "yes",
                           "~",  "null",  "1e3",    ".5",     "a\tb",  "é ü",   "\x01",  "'q'",   "\"q\"", "a\\b",
                           "x:", "x: y",  "[a]",    "{a}",    "*a",    "&a",    "!t",    "%d",    "|",     ">",
                           "\n", "a\n",   "a\n\nb", "\n a",   " a\nb", "a\n\n", "a \nb", "a\r\n", "12:30", "=",
                           "<<", "./run", "+x",     "\ta\nb", "?",     "? a",   ":",     ":a",    "y",     "-a"};
  for (const char* text : strings) {
    CAPTURE(text);
    const Json doc = Json::object({{"k", text}, {"l", Json::array({text, Json::object({{text, text}})})}, {"z", 1}});
    const auto back = parse_yaml(to_yaml(doc));
    REQUIRE_MESSAGE(back.ok(), to_yaml(doc));
    REQUIRE(back->size() == 1);
    CHECK(back->front() == doc);
  }
}

TEST_CASE("several documents") {
  CHECK(to_yaml(std::vector<Json>{Json::object({{"a", 1}}), Json::object({{"b", 2}})}) == "a: 1\n---\nb: 2\n");
  CHECK(to_yaml(Json("x")) == "x\n");
  CHECK(to_yaml(Json::object()) == "{}\n");
}

TEST_CASE("yaml as Go writes it") {
  const auto json = base::parse_json(
      R"({"b":{"x10":1,"x9":[],"x":{}},"a":["t",{"k":null,"j":true}],"long":"only the following media types are )"
      R"(accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch","y":"yes",)"
      R"("n":"12","t":"2026-01-01T00:00:00Z","m":"a\nb\n","e":"","s":"a: b","h":"#x","q":"it's","z":1.5,"c":"1:30"})");
  REQUIRE(json.ok());
  CHECK(wire::to_go_yaml(*json) ==
        "a:\n- t\n- j: true\n  k: null\nb:\n  x: {}\n  x9: []\n  x10: 1\nc: \"1:30\"\ne: \"\"\nh: '#x'\n"
        "long: 'only the following media types are accepted: application/json;stream=watch,\n"
        "  application/vnd.kubernetes.protobuf;stream=watch'\nm: |\n  a\n  b\n\"n\": \"12\"\nq: it's\ns: 'a: b'\n"
        "t: \"2026-01-01T00:00:00Z\"\n\"y\": \"yes\"\nz: 1.5\n");
}

TEST_CASE("yaml: lines of syntax errors as Go counts them") {
  wire::YamlLimits limits;
  limits.lines_as_go = true;
  const auto problem = [&](const char* text) { return parse_yaml(text, limits).error().message; };
  CHECK(problem("metadata: [\n") == "line 1: did not find expected node content");
  CHECK(problem("a: b: c\n") == "mapping values are not allowed in this context");
  CHECK(problem("a:\n\tb: c\n") == "line 2: found character that cannot start any token");
}
