#include "meta/crd_read.h"

#include <doctest/doctest.h>

#include "meta/structural.h"

namespace meta {
namespace {

Json parse(std::string_view text) {
  auto doc = base::parse_json(text);
  REQUIRE_MESSAGE(doc.ok(), text);
  return *doc;
}

// A CRD whose single version has that schema for .spec.
Json crd(std::string_view spec_schema) {
  Json doc = parse(R"({"metadata":{"name":"crontabs.stable.example.com"},"spec":{"group":"stable.example.com",
    "scope":"Namespaced","names":{"plural":"crontabs","kind":"CronTab","shortNames":["ct"]},
    "versions":[{"name":"v1","served":true,"storage":true,
      "schema":{"openAPIV3Schema":{"type":"object","properties":{}}}}]}})");
  doc.child("spec")
      .child("versions")
      .item(0)
      .child("schema")
      .child("openAPIV3Schema")
      .child("properties")
      .set("spec", parse(spec_schema));
  fill_crd(doc);
  return doc;
}

std::string findings(const Json& doc, const Json* old = nullptr) {
  std::string out;
  for (const auto& finding : check_crd(doc, old)) out += (out.empty() ? "" : "\n") + text_of(finding);
  return out;
}

std::string schema_findings(std::string_view spec_schema) {
  std::string out = findings(crd(spec_schema));
  const std::string at = "spec.validation.openAPIV3Schema.properties[spec]";
  for (size_t found = out.find(at); found != std::string::npos; found = out.find(at)) out.erase(found, at.size());
  return out;
}

std::string refused(std::string_view spec_schema, std::string_view value) {
  const Kind kind = kind_of_crd(crd(spec_schema), std::make_shared<const Schema>());
  Json doc = Json::object({{"spec", parse(value)}});
  std::string out;
  for (const auto& finding : validate(*kind.storage().schema, doc)) {
    out += (out.empty() ? "" : "\n") + text_of(finding);
  }
  return out;
}

TEST_CASE("CRD: names, defaults and the kind that comes of it") {
  Json doc = crd(R"({"type":"object","properties":{"size":{"type":"integer"},"color":{"type":"string"}}})");
  auto& version = doc.child("spec").child("versions").item(0);
  version.set("subresources",
              parse(R"({"status":{},"scale":{"specReplicasPath":".spec.size","statusReplicasPath":".status.size"}})"));
  version.set("additionalPrinterColumns", parse(R"([{"name":"Size","type":"integer","jsonPath":".spec.size"}])"));
  version.set("selectableFields", parse(R"([{"jsonPath":".spec.color"}])"));
  CHECK(findings(doc) == "");
  CHECK(doc.path("spec.names.singular").string() == "crontab");
  CHECK(doc.path("spec.names.listKind").string() == "CronTabList");
  CHECK(doc.path("spec.conversion.strategy").string() == "None");
  CHECK(doc.path("status.storedVersions") == Json::array({"v1"}));
  const Kind kind = kind_of_crd(doc, std::make_shared<const Schema>());
  CHECK(kind.resource() == "crontabs.stable.example.com");
  CHECK(kind.namespaced);
  CHECK(kind.short_names == std::vector<std::string>{"ct"});
  CHECK(kind.storage().status_subresource);
  CHECK(kind.storage().scale_spec == ".spec.size");
  CHECK(kind.storage().columns[0].name == "Size");
  CHECK(kind.field_labels[0] == std::pair<std::string, std::string>("spec.color", "spec.color"));
}

TEST_CASE("CRD: what is refused, with upstream's words") {
  Json doc = crd(R"({"type":"object"})");
  doc.child("metadata").set("name", "crontab.stable.example.com");
  CHECK(findings(doc) ==
        "metadata.name: Invalid value: \"crontab.stable.example.com\": must be spec.names.plural+\".\"+spec.group");
  doc = crd(R"({"type":"object"})");
  doc.child("spec").child("versions").item(0).set("storage", false);
  CHECK(findings(doc) == "spec.versions: Invalid value: []: must have exactly one version marked as storage version");
  doc = crd(R"({"type":"object"})");
  doc.child("spec").set("preserveUnknownFields", true);
  CHECK(findings(doc).find("spec.preserveUnknownFields: Invalid value: true: cannot set to true") == 0);
  doc = crd(R"({"type":"object"})");
  doc.child("spec").set("conversion", parse(R"({"strategy":"Webhook"})"));
  CHECK(findings(doc).find(
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook") == 0);
  doc = crd(R"({"type":"object"})");
  doc.child("status").set("storedVersions", Json::array({"v1", "v1alpha1"}));
  CHECK(findings(doc).find("status.storedVersions[1]: Invalid value: \"v1alpha1\": missing from spec.versions") == 0);
}

TEST_CASE("CRD: a version that was stored stays, names of an established one too") {
  const Json old =
      crd(R"({"type":"object"})").set_path("status.conditions", parse(R"([{"type":"Established","status":"True"}])"));
  Json doc = old;
  doc.child("spec").set("scope", "Cluster");
  CHECK(findings(doc, &old) == "spec.scope: Invalid value: \"Cluster\": field is immutable");
}

TEST_CASE("structural schemas: what is refused") {
  CHECK(schema_findings(R"({"type":"object","properties":{"a":{}}})") ==
        ".properties[a].type: Required value: must not be empty for specified object fields");
  CHECK(schema_findings(R"({"type":"array"})") == ".items: Required value: must be specified");
  CHECK(schema_findings(R"({"type":"text"})").find(".type: Unsupported value: \"text\": supported values: ") == 0);
  CHECK(schema_findings(R"({"type":"string","pattern":"("})").find(".pattern: Invalid value: \"(\": must be a valid") ==
        0);
  CHECK(schema_findings(R"({"type":"object","$ref":"#/x"})") == ".$ref: Forbidden: $ref is not supported");
  CHECK(schema_findings(R"({"type":"object","additionalProperties":false})") ==
        ".additionalProperties: Forbidden: additionalProperties cannot be set to false");
  CHECK(schema_findings(
            R"({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}})") ==
        ".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive");
  CHECK(schema_findings(R"({"type":"string","anyOf":[{"type":"string"}]})") ==
        ".anyOf[0].type: Forbidden: must be empty to be structural");
  CHECK(schema_findings(R"({"type":"object","anyOf":[{"properties":{"a":{"minimum":1}}}]})")
            .find(".anyOf[0].properties[a]: Required value: because it is defined in") == 0);
  CHECK(schema_findings(R"({"type":"array","items":{"type":"object"},"x-kubernetes-list-type":"map"})") ==
        ".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map");
  CHECK(schema_findings(R"({"type":"integer","minimum":3,"default":1})") ==
        ".default: Invalid value: 1: in body should be greater than or equal to 3");
}

TEST_CASE("structural schemas: combinations and multiples are validated") {
  const auto* either = R"({"type":"object","properties":{"one":{"type":"string"},"two":{"type":"string"}},
    "oneOf":[{"required":["one"]},{"required":["two"]}]})";
  CHECK(refused(either, R"({"one":"x"})") == "");
  CHECK(refused(either, R"({"one":"x","two":"y"})") ==
        "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid "
        "alternatives");
  CHECK(refused(either, "{}").find("(oneOf). Found none valid\nspec.one: Required value") != std::string::npos);
  const auto* range =
      R"({"type":"integer","multipleOf":5,"anyOf":[{"maximum":10},{"minimum":100}],"not":{"enum":[5]}})";
  CHECK(refused(range, "10") == "");
  CHECK(refused(range, "105") == "");
  CHECK(refused(range, "12") ==
        "spec: Invalid value: 12: spec in body should be a multiple of 5\n"
        "<nil>: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)\n"
        "spec: Invalid value: 12: spec in body should be less than or equal to 10");
  CHECK(refused(range, "5") == "<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)");
}

TEST_CASE("structural schemas: int-or-string in the spelling of controller-gen") {
  const auto* port = R"({"anyOf":[{"type":"integer"},{"type":"string"}],"x-kubernetes-int-or-string":true})";
  CHECK(schema_findings(port) == "");
  CHECK(refused(port, "8080") == "");
  CHECK(refused(port, "\"http\"") == "");
  CHECK(refused(port, "true") != "");
}

TEST_CASE("structural schemas: CEL rules are compiled and published") {
  const Json rules = parse(R"([{"rule":"self.a > 0"}])");
  Json with = crd(R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"object",
    "properties":{"a":{"type":"integer"}},"x-kubernetes-validations":[{"rule":"self.a > 0"}]}}}})");
  CHECK(findings(with) == "");
  const Kind kind = kind_of_crd(with, std::make_shared<const Schema>());
  CHECK(kind.storage().rules);
  const Json out = openapi(*kind.storage().schema);
  CHECK(out["properties"]["spec"]["properties"]["a"]["items"]["x-kubernetes-validations"] == rules);
}

}  // namespace
}  // namespace meta
