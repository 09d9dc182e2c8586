#include "meta/schema_text.h"

#include <doctest/doctest.h>

using meta::Kind;
using meta::parse_schema_text;

TEST_CASE("a kind with everything") {
  const auto kinds =
      parse_schema_text({{"types.schema",
                          "# shared\n"
                          "type Image object minProperties=1 \"An image.\"\n"
                          "  url string required \"Where it is.\"\n"},
                         {"host.schema",
                          "kind Host group=metal3.io plural=hosts short=h,ho categories=all select=a.b,c:d.e\n"
                          "  \"A host.\"\n"
                          "version v1beta1 deprecated\n"
                          "  spec any\n"
                          "version v1 storage status\n"
                          "  scale .spec.replicas .status.replicas .status.selector\n"
                          "  column \"Is On\" .spec.on[?(@.a==\"b c\")] string priority=1\n"
                          "  spec object required\n"
                          "    image Image maxProperties=3 nullable \"The image to write.\"\n"
                          "    mode string default=\"a b\" enum=|x|\"a b\" pattern='^[ \"]$'\n"
                          "    nics list maxItems=8 keys=name,mac of object\n"
                          "      \"The ports.\"\n"
                          "      name string required minLength=1\n"
                          "    labels map maxProperties=2 of string maxLength=63\n"
                          "    deep list of list set of int32 minimum=-1 maximum=4094\n"
                          "    on boolean enum=true|false\n"}});
  REQUIRE_MESSAGE(kinds.ok(), (kinds ? "" : kinds.error().message));
  REQUIRE(kinds->size() == 1);
  const Kind& host = kinds->front();
  CHECK(host.resource() == "hosts.metal3.io");
  CHECK(host.singular == "host");
  CHECK(host.short_names == std::vector<std::string>{"h", "ho"});
  CHECK(host.field_labels[0] == std::pair<std::string, std::string>("a.b", "a.b"));
  CHECK(host.field_labels[1] == std::pair<std::string, std::string>("c", "d.e"));
  REQUIRE(host.versions.size() == 2);
  CHECK(host.versions[0].name == "v1");
  CHECK(host.versions[0].scale_selector == ".status.selector");
  CHECK(host.versions[0].columns[0].name == "Is On");
  CHECK(host.versions[0].columns[0].json_path == ".spec.on[?(@.a==\"b c\")]");
  CHECK(host.versions[0].columns[0].priority == 1);
  CHECK(host.versions[1].deprecation_warning == "metal3.io/v1beta1 Host is deprecated");
  CHECK(meta::openapi(*host.versions[0].schema)["properties"]["spec"].dump() ==
        R"({"type":"object","properties":{"image":{"description":"The image to write.","type":"object",)"
        R"("minProperties":1,"maxProperties":3,"nullable":true,"properties":{"url":{"description":"Where it is.",)"
        R"("type":"string"}},"required":["url"]},"mode":{"type":"string","pattern":"^[ \"]$","enum":["","x","a b"],)"
        R"("default":"a b"},"nics":{"description":"The ports.","type":"array","maxItems":8,"items":{"type":"object",)"
        R"("properties":{"name":{"type":"string","minLength":1}},"required":["name"]},"x-kubernetes-list-map-keys":)"
        R"(["name","mac"],"x-kubernetes-list-type":"map"},"labels":{"type":"object","maxProperties":2,)"
        R"("additionalProperties":{"type":"string","maxLength":63}},"deep":{"type":"array","items":{"type":"array",)"
        R"("items":{"type":"integer","format":"int32","minimum":-1,"maximum":4094},"x-kubernetes-list-type":"set"}},)"
        R"("on":{"type":"boolean","enum":[true,false]}}})");
}

TEST_CASE("errors name file and line") {
  const std::pair<const char*, const char*> rows[] = {
      {"kind A plural=as\nversion v1 storage\n  a strin\n", "f:3: no type is called \"strin\""},
      {"kind A plural=as\nversion v1 storage\n  a string big=1\n", "f:3: unknown attribute \"big\""},
      {"kind A plural=as\nversion v1 storage\n  a string minimum=x\n",
       "f:3: attribute \"minimum\" needs a number, or is unknown"},
      {"kind A plural=as\nversion v1 storage\n  a list\n", "f:3: a list or map needs \"of\" and a type"},
      {"kind A plural=as\nversion v1 storage\n  a string\n  a string\n", "f:4: field \"a\" is declared twice"},
      {"kind A plural=as\nversion v1 storage\n  a string\n    b string\n", "f:4: only an object has fields"},
      {"kind A plural=as\nversion v1 storage\n   a string\n", "f:3: odd indentation: two spaces a level"},
      {"kind A plural=as\nversion v1 storage\n      a string\n",
       "f:3: indented more than one level below the line above"},
      {"kind A plural=as\nversion v1 storage\n  a string default=x\n", "f:3: the default is not JSON: "},
      {"kind A plural=as\nversion v1 storage\n  a string pattern='x\n", "f:3: a quote is not closed"},
      {"kind A plural=as\nversion v1\n  a string\n", "f:1: no version of A is marked storage"},
      {"kind A group=g\nversion v1 storage\n", "f:1: kind A needs plural="},
      {"version v1 storage\n", "f:1: version before a kind"},
      {"type A object\ntype A object\n", "f:2: type A is already declared at f:1"},
      {"type A object\n  b B\ntype B object\n  a list of A\n", "f:1: type A contains itself"},
      {"field\n", "f:1: expected kind, version or type, found \"field\""},
      {"\"words\"\n", "f:1: a description without a line to describe"},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(std::string(text));
    const auto parsed = parse_schema_text({{"f", text}});
    REQUIRE(!parsed);
    CHECK(parsed.error().message.starts_with(message));
  }
}

TEST_CASE("versions are ordered as Kubernetes does") {
  const char* order[] = {"v2", "v1", "v1beta2", "v1beta1", "v1alpha3", "foo"};
  for (size_t i = 0; i + 1 < std::size(order); ++i) {
    CHECK(meta::version_before(order[i], order[i + 1]));
    CHECK_FALSE(meta::version_before(order[i + 1], order[i]));
  }
}
