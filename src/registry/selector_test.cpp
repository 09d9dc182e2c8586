#include <doctest/doctest.h>

#include "registry/registry.h"

namespace registry {
namespace {

Json labels(std::initializer_list<std::pair<const char*, const char*>> all) {
  Json out = Json::object();
  for (const auto& [key, value] : all) out.set(key, value);
  return out;
}

}  // namespace

TEST_CASE("label selectors as text") {
  const Json worker = labels({{"role", "worker"}, {"rack", "7"}, {"example.com/x", ""}});
  struct Case {
    const char* text;
    bool matches;
    const char* canonical;
  };
  const Case cases[] = {
      {"", true, ""},
      {"role=worker", true, "role=worker"},
      {" role == worker ", true, "role=worker"},
      {"role=spare", false, "role=spare"},
      {"role!=spare", true, "role!=spare"},
      {"color!=red", true, "color!=red"},
      {"role", true, "role"},
      {"color", false, "color"},
      {"!color", true, "!color"},
      {"! role", false, "!role"},
      {"role in (spare, worker)", true, "role in (spare,worker)"},
      {"role in (spare)", false, "role in (spare)"},
      {"role notin (spare),rack=7", true, "rack=7,role notin (spare)"},
      {"color notin (red)", true, "color notin (red)"},
      {"rack>6,rack<8", true, "rack>6,rack<8"},
      {"rack>7", false, "rack>7"},
      {"role>1", false, "role>1"},
      {"example.com/x=", true, "example.com/x="},
      {"example.com/x in (,a)", true, "example.com/x in (,a)"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const auto selector = LabelSelector::parse(one.text);
    REQUIRE(selector.ok());
    CHECK(selector->matches(worker) == one.matches);
    CHECK(selector->text() == one.canonical);
    CHECK(selector->misses(worker).empty() == one.matches);
  }
  CHECK(LabelSelector::parse("")->empty());
  CHECK(LabelSelector::parse("!a")->matches(Json()));
}

TEST_CASE("label selectors that are none") {
  for (const char* text : {"=a", "a=b,", ",", "a in b", "a in (b", "a in (b c)", "a b", "a=(b)", "a==!", "!", "a/b/c=d",
                           "a=-x", "a>x", "a=b c=d", "a<>1", "()"}) {
    CAPTURE(text);
    const auto selector = LabelSelector::parse(text);
    REQUIRE(!selector.ok());
    CHECK(selector.error().code == base::Code::bad_request);
  }
}

TEST_CASE("label selectors as objects") {
  const auto parse = [](std::string_view text) { return LabelSelector::from_object(*base::parse_json(text)); };
  const Json worker = labels({{"role", "worker"}});
  CHECK(parse("{}")->matches(worker));
  CHECK(parse(R"({"matchLabels":{"role":"worker"}})")->matches(worker));
  CHECK(!parse(R"({"matchLabels":{"role":"spare"}})")->matches(worker));
  CHECK(parse(R"({"matchExpressions":[{"key":"role","operator":"In","values":["x","worker"]}]})")->matches(worker));
  CHECK(!parse(R"({"matchExpressions":[{"key":"role","operator":"DoesNotExist"}]})")->matches(worker));
  CHECK(
      parse(
          R"({"matchExpressions":[{"key":"b","operator":"NotIn","values":["x"]},{"key":"a","operator":"DoesNotExist"}],
                  "matchLabels":{"role":"worker"}})")
          ->text() == "!a,b notin (x),role=worker");
  CHECK(parse(R"({"matchExpressions":[{"key":"role","operator":"Near"}]})").error().code == base::Code::invalid);
  CHECK(!parse(R"({"matchExpressions":[{"key":"role","operator":"In"}]})").ok());
  CHECK(!parse(R"({"matchExpressions":[{"key":"role","operator":"Exists","values":["x"]}]})").ok());
  CHECK(!parse(R"({"matchLabels":{"role":"a b"}})").ok());
}

TEST_CASE("what a near miss lacks") {
  const auto selector = *LabelSelector::parse("role=worker,rack in (1,2),!broken");
  CHECK(selector.misses(labels({{"role", "spare"}, {"broken", "yes"}})) ==
        std::vector<std::string>{"!broken (has broken=yes)", "rack in (1,2) (has no rack)",
                                 "role=worker (has role=spare)"});
}

}  // namespace registry
