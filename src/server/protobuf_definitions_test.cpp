// CustomResourceDefinitions in protobuf.
#include "base/text.h"
#include "server/protobuf_body.h"
#include "server/protobuf_write.h"
#include "server/test_custom.h"
#include "wire/protobuf.h"

namespace server {
namespace {

// As kube-apiserver 1.35 wrote one.
constexpr const char* recorded =
    "azhzAAozChdhcGlleHRlbnNpb25zLms4cy5pby92MRIYQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uErMICskCChNyb2RzLnBiLmV4YW1wbGUuY2"
    "9tEgAaACIAKiQ4OTEyMWE5Zi0yYWE3LTRkOWUtOWMwOS1iZjFiOWRmY2JhZWQyADgBQggI/tmH2AYQAIoB9gEKAXESBlVwZGF0ZRoXYXBpZXh0"
    "ZW5zaW9ucy5rOHMuaW8vdjEiCAj+2YfYBhAAMghGaWVsZHNWMTq5AQq2AXsiZjpzcGVjIjp7ImY6Y29udmVyc2lvbiI6eyIuIjp7fSwiZjpzdH"
    "JhdGVneSI6e319LCJmOmdyb3VwIjp7fSwiZjpuYW1lcyI6eyJmOmtpbmQiOnt9LCJmOmxpc3RLaW5kIjp7fSwiZjpwbHVyYWwiOnt9LCJmOnNo"
    "b3J0TmFtZXMiOnt9LCJmOnNpbmd1bGFyIjp7fX0sImY6c2NvcGUiOnt9LCJmOnZlcnNpb25zIjp7fX19QgAS0gUKDnBiLmV4YW1wbGUuY29tGh"
    "0KBHJvZHMSA3JvZBoCcmQiA1JvZCoHUm9kTGlzdCIKTmFtZXNwYWNlZDqKBQoCdjEQARgBItEECs4ECgASACIAKgZvYmplY3QyADoAUABgAHoA"
    "kAEA6gGmBAoEc3BlYxKdBAoAEgAiACoGb2JqZWN0MgA6AFAAYAB6AJABALoBAW7qATMKAWISLgoAEgAiACoHYm9vbGVhbjIAOgBCBwoFZmFsc2"
    "VQAGAAegCQAQCoAgC4AgDAAgDqAS4KAWMSKQoAEgAiACoGb2JqZWN0MgA6AFAAYAB6AJABAPIBAggAqAIAuAIAwAIA6gFqCgFsEmUKABIAIgAq"
    "BWFycmF5MgA6AFAAYAB6AIABBZABAMIBNgo0CgASACIAKgZzdHJpbmcyADoAUABgAHoAkAEAogEFCgMiYSKiAQUKAyJiIqgCALgCAMACAKgCAL"
    "gCAMACANICA3NldOoBVgoBbRJRCgASACIAKgZvYmplY3QyADoAUABgAHoAkAEA8gEqCAESJgoAEgAiACoGc3RyaW5nMgA6AFAAYABoAHoAkAEA"
    "qAIAuAIAwAIAqAIAuAIAwAIA6gE9CgFuEjgKABIAIgAqB2ludGVnZXIyBWludDMyOgBCAwoBM1AAWQAAAAAAAPA/YAB6AJABAKgCALgCAMACAO"
    "oBbwoBcBJqCgASACIAKgAyADoAUABgAHoAkAEA2gEnCgASACIAKgAyADoAUABZAAAAAAAAAABgAHoAkAEAqAIAuAIAwAIA2gEfCgASACIAKgAy"
    "ADoAUABgAHoBeJABAKgCALgCAMACAKgCALgCAMACAagCALgCAMACAOICEwoKc2VsZi5uID4gMBIBbRoAKgCoAgC4AgDAAgAqAgoAMhsKAU4SB2"
    "ludGVnZXIaACIAKAAyBy5zcGVjLm44AEoJCgcuc3BlYy5uSgYKBE5vbmVQABoQEggKABIAIgAqABoCdjEgABoAIgA=";
constexpr const char* recorded_spec =
    R"({"group":"pb.example.com","names":{"plural":"rods","singular":"rod","shortNames":["rd"],"kind":"Rod",
  "listKind":"RodList"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,
  "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","required":["n"],"properties":{
    "b":{"type":"boolean","default":false},"c":{"type":"object","additionalProperties":false},
    "l":{"type":"array","maxItems":5,"items":{"type":"string","enum":["a","b"]},"x-kubernetes-list-type":"set"},
    "m":{"type":"object","additionalProperties":{"type":"string","maxLength":0}},
    "n":{"type":"integer","format":"int32","default":3,"minimum":1},
    "p":{"anyOf":[{"minimum":0},{"pattern":"x"}],"x-kubernetes-int-or-string":true}},
    "x-kubernetes-validations":[{"rule":"self.n > 0","message":"m"}]}}}},"subresources":{"status":{}},
  "additionalPrinterColumns":[{"name":"N","type":"integer","jsonPath":".spec.n"}],
  "selectableFields":[{"jsonPath":".spec.n"}]}],"conversion":{"strategy":"None"}})";

TEST_CASE("protobuf: a definition as kube-apiserver writes it") {
  const auto bytes = base::unbase64(recorded);
  REQUIRE(bytes);
  const auto doc = parse_protobuf(*bytes);
  REQUIRE(doc.ok());
  CHECK((*doc)["spec"] == *base::parse_json(recorded_spec));
  const auto written = to_protobuf(*doc);
  REQUIRE(written);
  const auto again = parse_protobuf(*written);
  REQUIRE(again.ok());
  CHECK(*again == *doc);
}

TEST_CASE("protobuf: a definition that arrives in it is served") {
  Custom f;
  const Json made = f.send("POST", crds, *base::unbase64(recorded), 201, "application/vnd.kubernetes.protobuf");
  CHECK(made["spec"] == *base::parse_json(recorded_spec));
  CHECK(f.conditions("rods.pb.example.com") == "NamesAccepted=True Established=True");
}

TEST_CASE("protobuf: schemas in schemas end somewhere") {
  const auto nested = [](int depth) {
    wire::ProtobufWriter schema;
    schema.text(5, "object");
    for (int i = 0; i < depth; ++i) {
      wire::ProtobufWriter outer;
      outer.message(28, schema);  // not
      schema = std::move(outer);
    }
    wire::ProtobufWriter validation, version, spec, definition, type, unknown;
    validation.message(1, schema);
    version.message(4, validation);
    spec.message(7, version);
    definition.message(2, spec);
    type.text(1, "apiextensions.k8s.io/v1");
    type.text(2, "CustomResourceDefinition");
    unknown.message(1, type);
    unknown.message(2, definition);
    return std::string("k8s\0", 4) + unknown.bytes();
  };
  CHECK(parse_protobuf(nested(50)).ok());
  CHECK(parse_protobuf(nested(1000)).error().code == base::Code::bad_request);
}

}  // namespace
}  // namespace server
