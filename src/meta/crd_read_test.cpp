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
  CHECK(findings(doc).find("\"Schema\":null") != std::string::npos);  // which is common to all versions
  CHECK(findings(doc).find("]: must have exactly one version marked as storage version") != std::string::npos);
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

TEST_CASE("CRD: parts that versions do not share are told of by version") {
  Json doc = crd(R"({"type":"object"})");
  auto& versions = doc.child("spec").child("versions");
  Json second = versions.at(0);
  second.set("name", "v2").set("storage", false);
  second.set("additionalPrinterColumns", parse(R"([{"name":"A","type":"x","jsonPath":"a"}])"));
  versions.push(second);
  const std::string why = ".type: Invalid value: \"x\": must be one of boolean,date,integer,number,string";
  CHECK(findings(doc).find("spec.versions[1].additionalPrinterColumns[0]" + why) == 0);
  versions.item(0).set("additionalPrinterColumns", second["additionalPrinterColumns"]);
  CHECK(findings(doc).find("spec.additionalPrinterColumns[0]" + why) == 0);
}

TEST_CASE("CRD: groups of the community need an approval") {
  Json doc = crd(R"({"type":"object"})");
  const auto group = [&](const char* name) {
    doc.child("metadata").set("name", std::string("crontabs.") + name);
    doc.child("spec").set("group", name);
  };
  group("cluster.x-k8s.io");
  CHECK(findings(doc) == "");
  group("batch.k8s.io");
  const std::string at = "metadata.annotations[api-approved.kubernetes.io]: ";
  CHECK(findings(doc).find(at + "Required value: protected groups must have approval annotation") == 0);
  const auto annotated = [&](const char* text) {
    Json out = doc;
    out.child("metadata").child("annotations").set("api-approved.kubernetes.io", text);
    return findings(out);
  };
  CHECK(annotated("https://github.com/kubernetes/kubernetes/pull/78458") == "");
  CHECK(annotated("unapproved, a test") == "");
  CHECK(annotated("yes").find(at + "Invalid value: \"yes\": protected groups must have") == 0);
  CHECK(findings(doc, &doc) == "");  // it was so before
}

TEST_CASE("CRD: formats that nobody knows are warned of") {
  CHECK(crd_warnings(crd(R"({"type":"string","format":"colour"})")) ==
        std::vector<std::string>{"unrecognized format \"colour\""});
  CHECK(crd_warnings(crd(R"({"type":"string","format":"date-time"})")).empty());
  CHECK(crd_warnings(crd(R"({"type":"integer","format":"colour"})")).empty());
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
  CHECK(schema_findings(
            R"({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}})") ==
        ".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive");
  CHECK(schema_findings(R"({"type":"string","anyOf":[{"type":"string"}]})") ==
        ".anyOf[0].type: Forbidden: must be empty to be structural");
  CHECK(schema_findings(R"({"type":"array","items":{"type":"object"},"x-kubernetes-list-type":"map"})") ==
        ".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map");
  CHECK(schema_findings(R"({"type":"integer","minimum":3,"default":1})") ==
        ".default: Invalid value: 1:  in body should be greater than or equal to 3");
}

TEST_CASE("structural schemas: what kube-apiserver lets pass") {
  const auto* closed = R"({"type":"object","additionalProperties":false})";
  CHECK(schema_findings(closed) == "");
  CHECK(refused(closed, "{}") == "");
  CHECK(refused(closed, R"({"x":1})") == "spec: Invalid value: \"x\": spec.x in body is a forbidden property");
  const auto* open = R"({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true})";
  CHECK(schema_findings(open) == "");
  CHECK(refused(open, R"({"a":"x","b":1})") == "");
  CHECK(schema_findings(R"({"type":"string","additionalProperties":{"type":"string"}})") == "");
  CHECK(schema_findings(R"({"type":"object","anyOf":[{"properties":{"a":{"minimum":1}}}]})") == "");
  const auto* either = R"({"type":"integer","x-kubernetes-int-or-string":true})";
  CHECK(schema_findings(either) == "");
  CHECK(refused(either, "\"x\"") == "");
}

TEST_CASE("structural schemas: whole numbers meet the whole part of bounds") {
  const auto* range = R"({"type":"number","multipleOf":0.5,"maximum":2.5})";
  CHECK(refused(range, "0.5") == "");
  CHECK(refused(range, "1") == "spec: Invalid value: 0: factor MultipleOf declared for spec must be positive: 0");
  CHECK(refused(R"({"type":"number","maximum":2.5})", "3") ==
        "spec: Invalid value: 3: spec in body should be less than or equal to 2");
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
