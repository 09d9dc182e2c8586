#include "registry/apply.h"

#include <doctest/doctest.h>

#include "meta/schema_text.h"
#include "registry/field_set.h"

namespace registry {
namespace {

const Kind& kind() {
  static const Kind made = [] {
    auto kinds = meta::parse_schema_text({{"test.schema", R"(
kind Thing group=example.com plural=things
  "A kind with every sort of list and map."
version v1 storage status
  spec object "Wanted."
    size integer "How big."
    color string "Which."
    inner object "Nested."
      a string "A."
      b string "B."
    atomic list atomic of string "As a whole."
    set list set of string "One by one."
    free map of string "By key."
    ports list keys=port of object "By port."
      port integer required "Which."
      name string "What."
  status object "Seen."
    phase string "Phase."
)"}});
    REQUIRE_MESSAGE(kinds.ok(), (kinds.ok() ? "" : kinds.error().message));
    return std::move(kinds->front());
  }();
  return made;
}

Json parse(std::string_view text) {
  auto doc = base::parse_json(text);
  REQUIRE_MESSAGE(doc.ok(), text);
  return *doc;
}

// One object under several appliers.
struct Object {
  Json doc;
  base::Time now = *base::parse_rfc3339("2026-01-01T00:00:00Z");
  std::string failure;
  std::vector<base::FieldError> causes;

  bool apply(const std::string& manager, const std::string& spec, bool force = false) {
    const Json applied =
        parse(R"({"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":)" + spec + "}");
    ApplyOptions options;
    options.manager = manager;
    options.force = force;
    now += base::seconds(1);
    auto made = registry::apply(kind(), doc.is_null() ? nullptr : &doc, applied, options, now);
    if (made) {
      doc = *made;
      return true;
    }
    failure = made.error().message;
    causes = made.error().causes;
    return false;
  }
  void update(const std::string& manager, const std::string& path, const Json& value) {
    const Json before = doc;
    doc.set_path(path, value);
    now += base::seconds(1);
    track_update(kind(), before, doc, {manager, kind().api_version("v1"), ""}, now);
  }
  // As if it had been created by somebody just now.
  void start(const std::string& manager) {
    track_update(kind(), {}, doc, {manager, kind().api_version("v1"), ""}, now);
  }
  std::string spec() const { return doc["spec"].dump(); }
  // FieldsV1 of a manager below spec; "" when it owns nothing.
  std::string owned(const std::string& manager) const {
    for (const auto& entry : doc["metadata"]["managedFields"].items()) {
      if (entry["manager"].string() == manager) return entry["fieldsV1"]["f:spec"].dump();
    }
    return "";
  }
};

TEST_CASE("apply: what is applied is owned, in the form of FieldsV1") {
  Object thing;
  REQUIRE(thing.apply(
      "m",
      R"({"size":1,"inner":{"a":"x"},"atomic":["p"],"set":["s"],"free":{"k":"v"},"ports":[{"port":80,"name":"n"}]})"));
  CHECK(thing.owned("m") ==
        R"({"f:atomic":{},"f:free":{"f:k":{}},"f:inner":{"f:a":{}},"f:ports":{"k:{\"port\":80}":{".":{},"f:name":{},)"
        R"("f:port":{}}},"f:set":{"v:\"s\"":{}},"f:size":{}})");
  const Json& entry = thing.doc["metadata"]["managedFields"].at(0);
  CHECK(entry["operation"].string() == "Apply");
  CHECK(entry["apiVersion"].string() == "example.com/v1");
  CHECK(entry["fieldsType"].string() == "FieldsV1");
}

TEST_CASE("apply: the same again changes nothing, not even the time") {
  Object thing;
  REQUIRE(thing.apply("m", R"({"size":1})"));
  const Json before = thing.doc;
  REQUIRE(thing.apply("m", R"({"size":1})"));
  CHECK(thing.doc == before);
}

TEST_CASE("apply: what is left out goes, unless another has it") {
  Object thing;
  REQUIRE(thing.apply("m",
                      R"({"size":1,"color":"red","inner":{"a":"x"},"set":["p","q"],"ports":[{"port":1},{"port":2}]})"));
  REQUIRE(thing.apply("other", R"({"color":"red","ports":[{"port":2,"name":"n"}]})"));
  REQUIRE(thing.apply("m", R"({"size":1,"set":["q"]})"));
  CHECK(thing.spec() == R"({"size":1,"color":"red","set":["q"],"ports":[{"port":2,"name":"n"}]})");
}

TEST_CASE("apply: lists and maps of several managers are merged") {
  Object thing;
  REQUIRE(thing.apply("a", R"({"set":["x"],"free":{"a":"1"},"ports":[{"port":1,"name":"one"}]})"));
  REQUIRE(thing.apply("b", R"({"set":["y"],"free":{"b":"2"},"ports":[{"port":2}]})"));
  CHECK(thing.spec() == R"({"set":["x","y"],"free":{"a":"1","b":"2"},"ports":[{"port":1,"name":"one"},{"port":2}]})");
}

TEST_CASE("apply: conflicts name the owners; equal values are shared; force takes") {
  Object thing;
  REQUIRE(thing.apply("a", R"({"size":1,"color":"red","ports":[{"port":80,"name":"n"}]})"));
  CHECK(thing.apply("b", R"({"size":1})"));
  CHECK_FALSE(thing.apply("c", R"({"color":"blue"})"));
  CHECK(thing.failure == "Apply failed with 1 conflict: conflict with \"a\": .spec.color");
  CHECK(thing.causes == std::vector<base::FieldError>{{".spec.color", "FieldManagerConflict", "conflict with \"a\""}});
  CHECK_FALSE(thing.apply("c", R"({"color":"blue","ports":[{"port":80,"name":"m"}]})"));
  CHECK(thing.failure ==
        "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.color\n- .spec.ports[port=80].name");
  REQUIRE(thing.apply("c", R"({"color":"blue"})", true));
  CHECK(thing.doc["spec"]["color"].string() == "blue");
  CHECK(thing.owned("a").find("f:color") == std::string::npos);
  CHECK(thing.owned("c") == R"({"f:color":{}})");
}

TEST_CASE("apply: updates in between take ownership of what they change") {
  Object thing;
  REQUIRE(thing.apply("a", R"({"size":1,"color":"red"})"));
  thing.update("kubectl", "spec.size", 2);
  CHECK(thing.owned("a") == R"({"f:color":{}})");
  CHECK(thing.owned("kubectl") == R"({"f:size":{}})");
  CHECK_FALSE(thing.apply("a", R"({"size":1,"color":"red"})"));
  CHECK(thing.failure == "Apply failed with 1 conflict: conflict with \"kubectl\" using example.com/v1: .spec.size");
  REQUIRE(thing.apply("a", R"({"size":2,"color":"red"})"));  // agreeing is no conflict
}

TEST_CASE("apply: an object from before the first apply belongs to nobody in particular") {
  Object thing;
  thing.doc = parse(R"({"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"size":1}})");
  CHECK_FALSE(thing.apply("a", R"({"size":2})"));
  REQUIRE(thing.apply("a", R"({"color":"red"})"));
  CHECK(thing.owned("before-first-apply") == R"({".":{},"f:size":{}})");
  REQUIRE(thing.apply("a", R"({"size":2,"color":"red"})", true));
  CHECK(thing.owned("before-first-apply") == "{}");  // that there is a spec
}

TEST_CASE("apply: kubectl takes over what it applied on the client's side") {
  Object thing;
  thing.doc = parse(R"({"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t","annotations":{
    "kubectl.kubernetes.io/last-applied-configuration":
    "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\",\"spec\":{\"size\":1}}"}},"spec":{"size":1,"color":"red"}})");
  CHECK_FALSE(thing.apply("another", R"({"size":2})"));
  CHECK_FALSE(thing.apply("kubectl", R"({"size":2,"color":"blue"})"));
  CHECK(thing.causes.size() == 1);
  CHECK(thing.apply("kubectl", R"({"size":2})"));
  CHECK(thing.owned("before-first-apply") == R"({".":{},"f:color":{}})");
}

TEST_CASE("apply: an item without its key is refused") {
  Object thing;
  CHECK_FALSE(thing.apply("a", R"({"ports":[{"name":"n"}]})"));
}

TEST_CASE("ordinary writes are owned by who makes them, unless nobody is named") {
  Object thing;
  thing.doc = parse(R"({"metadata":{"name":"t"},"spec":{"size":1}})");
  thing.update("", "spec.size", 2);
  CHECK_FALSE(thing.doc["metadata"].has("managedFields"));
  thing.update("kubectl", "spec.size", 3);
  CHECK_FALSE(thing.doc["metadata"].has("managedFields"));  // nor is anybody after a reset, until somebody applies
  thing.start("kubectl");
  thing.update("other", "spec.color", "red");
  CHECK(thing.owned("kubectl") == R"({".":{},"f:size":{}})");
  CHECK(thing.owned("other") == R"({"f:color":{}})");
  thing.update("other", "spec.size", 4);
  CHECK(thing.owned("kubectl") == "{}");
}

TEST_CASE("the oldest of too many writers become one") {
  Object thing;
  thing.doc = parse(R"({"metadata":{"name":"t"},"spec":{"size":1}})");
  thing.start("first");
  for (int i = 0; i < 15; ++i) {
    thing.update("m" + std::to_string(i), "metadata.labels." + std::string(1, static_cast<char>('a' + i)), "x");
  }
  const auto& entries = thing.doc["metadata"]["managedFields"];
  CHECK(entries.size() == 10);
  CHECK(entries.at(0)["manager"].string() == "ancient-changes");
  CHECK(entries.at(9)["manager"].string() == "m14");
}

TEST_CASE("field sets: written and read again") {
  const Json fields = parse(R"({"f:a":{".":{},"f:b":{}},"f:c":{"k:{\"n\":1}":{".":{},"f:n":{}},"v:\"x\"":{}}})");
  CHECK(fields_v1(read_fields_v1(fields)) == fields);
}

}  // namespace
}  // namespace registry
