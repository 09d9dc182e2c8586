// CEL rules of custom resources through the front door: which CRDs are taken, which writes are refused, and how.
#include "base/text.h"
#include "server/test_custom.h"

namespace server {
namespace {

const std::string things = "/apis/stable.example.com/v1/namespaces/default/things";

// A CRD whose spec has this schema, given as JSON.
std::string thing_crd(const std::string& spec, const std::string& status = R"({"type":"object"})",
                      const std::string& root = "") {
  return R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"things.stable.example.com"},"spec":{"group":"stable.example.com","scope":"Namespaced",
    "names":{"plural":"things","kind":"Thing"},"versions":[{"name":"v1","served":true,"storage":true,
    "subresources":{"status":{}},"schema":{"openAPIV3Schema":{"type":"object",)" +
         root + R"("properties":{"spec":)" + spec + R"(,"status":)" + status + "}}}}]}}";
}

std::string thing(const std::string& name, const std::string& spec, const std::string& more = "") {
  return R"({"apiVersion":"stable.example.com/v1","kind":"Thing","metadata":{"name":")" + name + R"("},"spec":)" +
         spec + more + "}";
}

struct Rules : Custom {
  // The causes of a refused write: "field: message".
  static std::string causes(const Json& status) {
    std::string out;
    for (const auto& cause : status["details"]["causes"].items()) {
      out += (out.empty() ? "" : "\n") + cause["field"].string() + ": " + cause["message"].string();
    }
    return out;
  }
  std::string refused_crd(const std::string& spec) { return causes(post(crds, thing_crd(spec), 422)); }
  std::string refused(const std::string& spec, const std::string& name = "refused") {
    return causes(post(things, thing(name, spec), 422));
  }
  Json patch(const std::string& name, const std::string& change, int status = 200) {
    return send("PATCH", things + "/" + name, change, status, "application/merge-patch+json");
  }
  std::string refused_patch(const std::string& name, const std::string& change) {
    return causes(patch(name, change, 422));
  }
};

std::string object(const std::string& rules, const std::string& properties) {
  return R"({"type":"object","x-kubernetes-validations":)" + rules + R"(,"properties":)" + properties + "}";
}

TEST_CASE("rules: what fails is refused with the texts of a real server") {
  Rules f;
  f.post(crds, thing_crd(object(R"j([{"rule":"self.min <= self.max","message":"min is over max"},
      {"rule":"!has(self.name) || self.name != 'bad'"},
      {"rule":"self.max < 100","messageExpression":"'max is ' + string(self.max)","reason":"FieldValueForbidden",
       "fieldPath":".max"
}])j",
                                R"({"min":{"type":"integer"},"max":{"type":"integer",
      "x-kubernetes-validations":[{"rule":"self % 2 == 0","message":"must be even"}]},
      "name":{"type":"string"}})")));
  CHECK(f.warnings.empty());
  CHECK(f.conditions("things.stable.example.com") == "NamesAccepted=True Established=True");
  f.post(things, thing("good", R"({"min":1,"max":2})"));
  CHECK(f.refused(R"({"min":3,"max":2})") == "spec: Invalid value: min is over max");
  CHECK(f.refused(R"({"min":1,"max":2,"name":"bad"})") ==
        "spec: Invalid value: failed rule: !has(self.name) || self.name != 'bad'");
  CHECK(f.refused(R"({"min":1,"max":3})") == "spec.max: Invalid value: 3: must be even");
  CHECK(f.refused(R"({"min":1,"max":200})") == "spec.max: Forbidden: max is 200");
  // A rule that fails to run.
  CHECK(f.refused(R"({"min":1})") ==
        "spec: Invalid value: \"object\": no such key: max evaluating rule: min is over max\n"
        "spec: Invalid value: \"object\": no such key: max evaluating rule: self.max < 100");
  const Json answer = f.post(things, thing("x", R"({"min":3,"max":2})"), 422);
  CHECK(answer["message"].string() ==
        "Thing.stable.example.com \"x\" is invalid: spec: Invalid value: min is over max");
}

TEST_CASE("rules: a document that does not fit its schema is not looked at") {
  Rules f;
  f.post(crds, thing_crd(object(R"([{"rule":"self.a > 1"}])", R"({"a":{"type":"integer"},"b":{"type":"string",
      "pattern":"^x"}})")));
  CHECK(
      f.refused(R"({"a":"text"})") ==
      "spec.a: Invalid value: \"string\": spec.a in body must be of type integer: \"string\"\n"
      "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the "
      "existing errors to complete validation");
  CHECK(f.refused(R"({"a":0,"b":"y"})") ==
        "spec.b: Invalid value: \"y\": spec.b in body should match '^x'\n"
        "spec: Invalid value: failed rule: self.a > 1");
}

TEST_CASE("rules: transitions are checked where old and new belong together") {
  Rules f;
  f.post(crds, thing_crd(object("[]", R"({"size":{"type":"integer","x-kubernetes-validations":[
        {"rule":"self >= oldSelf","message":"cannot shrink","reason":"FieldValueForbidden"}]},
      "ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{
        "type":"object","required":["name"],"properties":{"name":{"type":"string"},"port":{"type":"integer",
          "x-kubernetes-validations":[{"rule":"self == oldSelf","message":"port is immutable"}]}}}},
      "limits":{"type":"object","additionalProperties":{"type":"integer","x-kubernetes-validations":[
        {"rule":"self <= oldSelf + 10","message":"grows too fast"}]}}})")));
  f.post(things, thing("a", R"({"size":3,"ports":[{"name":"x","port":1},{"name":"y","port":2}],"limits":{"cpu":1}})"));
  CHECK(f.refused_patch("a", R"({"spec":{"size":2}})") == "spec.size: Forbidden: cannot shrink");
  f.patch("a", R"({"spec":{"size":4}})");
  // Known by name, wherever it stands.
  f.patch("a", R"({"spec":{"ports":[{"name":"y","port":2},{"name":"z","port":9},{"name":"x","port":1}]}})");
  CHECK(f.refused_patch("a", R"({"spec":{"ports":[{"name":"z","port":8},{"name":"x","port":7}]}})") ==
        "spec.ports[0].port: Invalid value: 8: port is immutable\n"
        "spec.ports[1].port: Invalid value: 7: port is immutable");
  CHECK(f.refused_patch("a", R"({"spec":{"limits":{"cpu":50,"new":1000}}})") ==
        "spec.limits[cpu]: Invalid value: 50: grows too fast");
  // What is removed and what is new has nothing to compare.
  f.patch("a", R"({"spec":{"size":null}})");
  f.patch("a", R"({"spec":{"size":1}})");
}

TEST_CASE("rules: an optional oldSelf is there on create too") {
  Rules f;
  f.post(crds, thing_crd(object(R"([{"rule":"oldSelf.hasValue() || self.stage == 'new'","optionalOldSelf":true,
      "message":"begins as new"},{"rule":"oldSelf.optMap(o, o.stage == 'new').orValue(true) || self.stage != 'new'",
      "optionalOldSelf":true,"message":"never new again"}])",
                                R"({"stage":{"type":"string"}})")));
  CHECK(f.refused(R"({"stage":"old"})") == "spec: Invalid value: begins as new");
  f.post(things, thing("a", R"({"stage":"new"})"));
  f.patch("a", R"({"spec":{"stage":"old"}})");
  CHECK(f.refused_patch("a", R"({"spec":{"stage":"new"}})") == "spec: Invalid value: never new again");
}

TEST_CASE("rules: the root sees apiVersion, kind and the name, and status is checked too") {
  Rules f;
  f.post(crds,
         thing_crd(R"({"type":"object","properties":{"n":{"type":"integer"}}})",
                   object(R"([{"rule":"self.ready <= 3","message":"too many"}])", R"({"ready":{"type":"integer"}})"),
                   R"("x-kubernetes-validations":[{"rule":"self.metadata.name.startsWith('a') && self.kind == 'Thing'",
      "message":"names begin with a"},{"rule":"!has(self.status) || self.status.ready <= self.spec.n",
      "message":"more ready than wanted"}],)"));
  CHECK(f.refused(R"({"n":1})", "b") == "<nil>: Invalid value: names begin with a");
  f.post(things, thing("a", R"({"n":2})"));
  const auto status = [&](const std::string& ready, int code) {
    return Rules::causes(f.send("PATCH", things + "/a/status", R"({"status":{"ready":)" + ready + "}}", code,
                                "application/merge-patch+json"));
  };
  status("1", 200);
  CHECK(status("3", 422) == "<nil>: Invalid value: more ready than wanted");
  CHECK(status("4", 422) == "<nil>: Invalid value: more ready than wanted\nstatus: Invalid value: too many");
}

TEST_CASE("rules: what was there before a rule may stay as it is, with a warning") {
  Rules f;
  const std::string properties = R"({"keep":{"type":"object","properties":{"a":{"type":"integer"BOUND},
      "b":{"type":"integer"}}RULES},"list":{"type":"array","x-kubernetes-list-type":"map",
      "x-kubernetes-list-map-keys":["k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string"},
      "v":{"type":"integer"BOUND}}}},"other":{"type":"integer"}})";
  const auto schema = [&](const std::string& bound, const std::string& rules) {
    return object("[]", base::replace_all(base::replace_all(properties, "BOUND", bound), "RULES", rules));
  };
  f.post(crds, thing_crd(schema("", "")));
  f.post(things, thing("a", R"({"keep":{"a":50,"b":1},"list":[{"k":"x","v":50}],"other":1})"));
  const Json stored = f.get(crds + "/things.stable.example.com");
  Json stricter = *base::parse_json(thing_crd(
      schema(R"(,"maximum":10)", R"(,"x-kubernetes-validations":[{"rule":"self.a < 20","message":"a is too much"}])")));
  stricter.child("metadata").set("resourceVersion", stored["metadata"]["resourceVersion"]);
  f.send("PUT", crds + "/things.stable.example.com", stricter.dump(), 200);
  f.patch("a", R"({"spec":{"other":2}})");
  CHECK(f.warnings == R"(299 - "spec.keep: Invalid value: a is too much")");
  f.patch("a", R"({"spec":{"list":[{"k":"new","v":1},{"k":"x","v":50}]}})");
  CHECK(f.refused_patch("a", R"({"spec":{"list":[{"k":"x","v":51}]}})") ==
        "spec.list[0].v: Invalid value: 51: spec.list[0].v in body should be less than or equal to 10");
  // The bound is about a, which stays; the rule is about all of keep, which changes.
  CHECK(f.refused_patch("a", R"({"spec":{"keep":{"b":2}}})") == "spec.keep: Invalid value: a is too much");
  f.patch("a", R"({"spec":{"keep":{"a":5}}})");
  CHECK(f.warnings.empty());
}

TEST_CASE("rules: those that cannot work refuse the definition") {
  Rules f;
  const std::string at = "spec.validation.openAPIV3Schema.properties[spec].";  // as one schema is named
  const std::string rule_at = at + "x-kubernetes-validations[0].";
  const auto with = [&](const std::string& rule) {
    return f.refused_crd(object("[" + rule + "]", R"({"a":{"type":"integer"},"l":{"type":"array","items":
      {"type":"object","properties":{"b":{"type":"integer"}}}}})"));
  };
  CHECK(with(R"({"rule":"self.zz > 1"})") ==
        rule_at +
            "rule: Invalid value: {\"Rule\":\"self.zz \\u003e 1\",\"Message\":\"\",\"MessageExpression\":\"\","
            "\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:5: "
            "undefined field 'zz'\n"
            " | self.zz > 1\n | ....^");
  CHECK(with(R"({"rule":"self.a"})").ends_with("cel expression must evaluate to a bool"));
  CHECK(with(R"({"rule":" "})") == rule_at + "rule: Required value: rule is not specified");
  CHECK(with(R"({"rule":"true","message":"a\nb"})") ==
        rule_at + "message: Invalid value: \"a\\nb\": must not contain line breaks");
  CHECK(with(R"({"rule":"true ||\n false"})") ==
        rule_at + "message: Required value: message must be specified if rule contains line breaks");
  CHECK(with(R"({"rule":"true","reason":"Because"})") ==
        rule_at +
            "reason: Unsupported value: \"Because\": supported values: \"FieldValueDuplicate\", "
            "\"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"");
  CHECK(with(R"({"rule":"true","fieldPath":".zz"})") ==
        rule_at + "fieldPath: Invalid value: \".zz\": must be a valid path");
  CHECK(with(R"({"rule":"true","messageExpression":"1"})").ends_with("messageExpression must evaluate to a string"));
  CHECK(with(R"({"rule":"self.a > 1","optionalOldSelf":true})") ==
        rule_at + "optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule");
  const auto below = f.refused_crd(R"({"type":"object","properties":{"l":{"type":"array","items":{"type":"object",
      "properties":{"b":{"type":"integer"}},"x-kubernetes-validations":[{"rule":"self.b == oldSelf.b"}]}}}})");
  CHECK(below == at +
                     "properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self.b == oldSelf.b\": "
                     "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
                     at + "properties[l]");
}

TEST_CASE("rules: names that are no identifiers, formats, unions and lists of Kubernetes") {
  Rules f;
  f.post(crds, thing_crd(object(
                   R"j([{"rule":"self.a__dash__b + self.__namespace__ + self.c__dot__d == 6"},
      {"rule":"self.when > timestamp('2020-01-01T00:00:00Z') && self.long == duration('90s')"
},
      {"rule":"size(self.raw) == 3 && self.half * 2.0 == 1.0"},
      {"rule":"type(self.port) == int ? self.port < 100 : self.port == 'http'"},
      {"rule":"self.tags == ['b', 'a']","message":"order of a set does not matter"}])j",
                   R"({"a-b":{"type":"integer"},"namespace":{"type":"integer"},"c.d":{"type":"integer"},
      "when":{"type":"string","format":"date-time"},"long":{"type":"string","format":"duration"},
      "raw":{"type":"string","format":"byte"},"half":{"type":"number"},"port":{"x-kubernetes-int-or-string":true},
      "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}}})")));
  const auto spec = [](const std::string& port) {
    return R"({"a-b":1,"namespace":2,"c.d":3,"when":"2026-01-01T00:00:00Z","long":"1m30s","raw":"YWJj","half":0.5,
      "tags":["a","b"],"port":)" +
           port + "}";
  };
  f.post(things, thing("a", spec("80")));
  f.post(things, thing("b", spec("\"http\"")));
  CHECK(f.refused(spec("\"ftp\"")) ==
        "spec: Invalid value: failed rule: type(self.port) == int ? self.port < 100 : self.port == 'http'");
}

}  // namespace
}  // namespace server
