#include "meta/schema.h"

#include <doctest/doctest.h>

#include "meta/formats.h"
#include "meta/schema_text.h"

using base::Json;
using meta::Schema;

static const Schema& sample() {
  static const auto kinds = meta::parse_schema_text({{"sample", R"(
kind Widget group=example.com plural=widgets
version v1 storage status
  spec object
    size integer minimum=1 maximum=10
    count int32 default=3
    share number minimum=0 exclusiveMinimum maximum=1
    color string enum=red|blue
    name string minLength=2 maxLength=5 pattern='^[a-z]*$'
    when time nullable
    on boolean default=true
    port int-or-string
    free any
    open object preserve-unknown
      known string
    box object
      width integer required
      depth integer default=1
    ports list minItems=1 maxItems=3 keys=port,protocol of object
      port integer required
      protocol string default="TCP"
    tags list set of string
    labels map maxProperties=2 of string
    strategy object default={"type":"A"} minProperties=1
      type string
      wait integer default=5
)"}});
  REQUIRE_MESSAGE(kinds.ok(), (kinds ? "" : kinds.error().message));
  return *kinds->front().storage().schema;
}

static Json spec_of(std::string_view spec) {
  auto parsed = base::parse_json(spec);
  REQUIRE_MESSAGE(parsed.ok(), spec);
  return Json::object({{"spec", *parsed}});
}

TEST_CASE("prune removes what no one declared and names it") {
  struct Row {
    const char *before, *after, *unknown;
  };
  const Row rows[] = {
      {R"({"size":1})", R"({"size":1})", ""},
      {R"({"bogus":1,"size":1,"more":{}})", R"({"size":1})", "spec.bogus spec.more"},
      {R"({"ports":[{"port":1},{"port":2,"x":3}]})", R"({"ports":[{"port":1},{"port":2}]})", "spec.ports[1].x"},
      {R"({"free":{"a":{"b":1}},"open":{"known":"k","else":1}})",
       R"({"free":{"a":{"b":1}},"open":{"known":"k","else":1}})", ""},
      {R"({"labels":{"any":"thing"}})", R"({"labels":{"any":"thing"}})", ""},
      {R"({"box":"text"})", R"({"box":"text"})", ""},
      {R"({"box":{"y":null}})", R"({"box":{}})", "spec.box.y"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.before));
    Json doc = spec_of(row.before);
    const Json original = doc;
    const std::string text = doc.dump();
    std::vector<std::string> unknown;
    meta::prune(sample(), doc, true, &unknown);
    CHECK(doc["spec"].dump() == row.after);
    std::string names;
    for (const auto& name : unknown) names += (names.empty() ? "" : " ") + name;
    CHECK(names == row.unknown);
    CHECK(original.dump() == text);
  }
  Json doc = *base::parse_json(R"({"apiVersion":"v1","kind":"X","metadata":{"name":"n"},"extra":1})");
  meta::prune(sample(), doc, true);
  CHECK(doc.dump() == R"({"apiVersion":"v1","kind":"X","metadata":{"name":"n"}})");
}

TEST_CASE("defaults appear only where the parent is, nulls vanish") {
  const std::pair<const char*, const char*> rows[] = {
      {"{}", R"({"count":3,"on":true,"strategy":{"type":"A","wait":5}})"},
      {R"({"count":0,"on":false,"strategy":{}})", R"({"count":0,"on":false,"strategy":{"wait":5}})"},
      {R"({"count":null,"size":null,"when":null,"on":true,"strategy":{"wait":1}})",
       R"({"when":null,"on":true,"strategy":{"wait":1},"count":3})"},
      {R"({"box":{"width":2},"ports":[{"port":1},{"port":2,"protocol":"UDP"}],"count":1,"on":true,"strategy":{"wait":1}})",
       R"({"box":{"width":2,"depth":1},"ports":[{"port":1,"protocol":"TCP"},{"port":2,"protocol":"UDP"}],"count":1,)"
       R"("on":true,"strategy":{"wait":1}})"},
      {R"({"free":{"a":null},"labels":{"a":null,"b":"c"},"count":1,"on":true,"strategy":{"wait":1}})",
       R"({"free":{"a":null},"labels":{"b":"c"},"count":1,"on":true,"strategy":{"wait":1}})"},
  };
  for (const auto& [before, after] : rows) {
    CAPTURE(std::string(before));
    Json doc = spec_of(before);
    meta::apply_defaults(sample(), doc);
    CHECK(doc["spec"].dump() == after);
    meta::apply_defaults(sample(), doc);
    CHECK(doc["spec"].dump() == after);
  }
  Json empty = Json::object();
  meta::apply_defaults(sample(), empty);
  CHECK(empty.dump() == "{}");
}

TEST_CASE("findings have kube-apiserver's texts") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"size":1,"share":0.5,"color":"red","name":"ab","when":null,"port":"x","tags":["a","b"]})", ""},
      {R"({"size":0})", "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"},
      {R"({"size":11})", "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"},
      {R"({"share":0})", "spec.share: Invalid value: 0: spec.share in body should be greater than 0"},
      {R"({"size":"x"})", R"(spec.size: Invalid value: "string": spec.size in body must be of type integer: "string")"},
      {R"({"size":1.5})", R"(spec.size: Invalid value: "number": spec.size in body must be of type integer: "number")"},
      {R"({"size":2.0})", ""},
      {R"({"name":null})", R"(spec.name: Invalid value: "null": spec.name in body must be of type string: "null")"},
      {R"({"port":true})",
       R"(spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean")"},
      {R"({"color":"green"})", R"(spec.color: Unsupported value: "green": supported values: "red", "blue")"},
      {R"({"name":"abcdef"})", "spec.name: Too long: may not be more than 5 bytes"},
      {R"({"name":"äö"})", "spec.name: Invalid value: \"äö\": spec.name in body should match '^[a-z]*$'"},
      {R"({"name":"a"})", R"(spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long)"},
      {R"({"when":"soon"})",
       R"(spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon")"},
      {R"({"box":{}})", "spec.box.width: Required value"},
      {R"({"ports":[]})", "spec.ports: Invalid value: 0: spec.ports in body should have at least 1 items"},
      {R"({"ports":[{"port":1},{"port":2},{"port":3},{"port":4}]})",
       "spec.ports: Too many: 4: must have at most 3 items"},
      {R"({"ports":[{"port":1,"protocol":"TCP"},{"port":1,"protocol":"TCP"}]})",
       R"(spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"})"},
      {R"({"ports":[{"port":1,"protocol":"TCP"},{"port":1,"protocol":"UDP"}]})", ""},
      {R"({"tags":["a","a"]})", R"(spec.tags[1]: Duplicate value: "a")"},
      {R"({"labels":{"a":"b","c":"d","e":"f"}})", "spec.labels: Too many: 3: must have at most 2 items"},
      {R"({"labels":{"a":1}})",
       R"(spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer")"},
      {R"({"strategy":{}})",
       "spec.strategy: Invalid value: 0: spec.strategy in body should have at least 1 properties"},
      {R"({"size":0,"box":{}})",
       "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1\n"
       "spec.box.width: Required value"},
  };
  for (const auto& [spec, texts] : rows) {
    CAPTURE(std::string(spec));
    std::string found;
    for (const auto& error : meta::validate(sample(), spec_of(spec))) {
      found += (found.empty() ? "" : "\n") + meta::text_of(error);
    }
    CHECK(found == texts);
  }
}

TEST_CASE("formats") {
  struct Row {
    const char *format, *good, *bad;
  };
  const Row rows[] = {{"date-time", "2026-01-31T12:00:00Z", "2026-01-31"},
                      {"byte", "eA==", "e!"},
                      {"ipv4", "10.0.0.1", "10.0.0.256"},
                      {"ipv6", "fd00::1", "fd00::g"},
                      {"cidr", "10.0.0.0/8", "10.0.0.0/33"},
                      {"mac", "00:11:22:aa:BB:cc", "00:11:22"},
                      {"duration", "1h5m", "5 minutes"},
                      {"hostname", "a.b-c", "a..b"},
                      {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123"},
                      {"uri", "https://x/y", "no scheme here"},
                      {"date", "2026-02-28", "2026-02-30"}};
  for (const auto& row : rows) {
    CAPTURE(row.format);
    CHECK(meta::has_format(row.format, row.good));
    CHECK_FALSE(meta::has_format(row.format, row.bad));
  }
  CHECK(meta::has_format("unheard-of", "anything"));
}

TEST_CASE("quantities") {
  const std::pair<const char*, double> rows[] = {{"1", 1},     {"500m", 0.5},  {"8Gi", 8589934592.0}, {"1e3", 1000},
                                                 {"1E", 1e18}, {"-2k", -2000}, {".5", 0.5},           {"1.5M", 1.5e6}};
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    REQUIRE(meta::parse_quantity(text));
    CHECK(*meta::parse_quantity(text) == doctest::Approx(value));
  }
  for (const char* text : {"", "x", "1x", "1 Gi", "--1", "1Gii", "inf"}) {
    CAPTURE(text);
    CHECK_FALSE(meta::parse_quantity(text));
  }
}
