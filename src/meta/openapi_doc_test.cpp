#include "meta/openapi_doc.h"

#include <doctest/doctest.h>

#include "meta/crd.h"
#include "meta/schema_text.h"
#include "meta/table.h"

using base::Json;

static const meta::Scheme& sample() {
  static const meta::Scheme scheme = [] {
    auto kinds = meta::parse_schema_text({{"sample", R"(
type ObjectMeta object
  name string
  finalizers list set of string
  ownerReferences list keys=uid of object
    uid string required
kind Widget group=example.com plural=widgets short=w
version v1 storage status
  column "On" .spec.on string
  column "Age" .metadata.creationTimestamp date
  spec object
    on boolean nullable "Whether it runs."
    port int-or-string
    free any
version v1beta1 not-served
  spec any
kind Note group= plural=notes cluster-scoped core
version v1 storage
  text string
)"}});
    REQUIRE(kinds.ok());
    meta::Scheme out;
    for (auto& kind : *kinds) out.add(std::move(kind));
    return out;
  }();
  return scheme;
}

TEST_CASE("the v3 document has what kubectl looks for") {
  const Json doc = meta::openapi_v3_document(sample(), "example.com", "v1");
  const Json& widget = doc["components"]["schemas"]["com.example.v1.Widget"];
  CHECK(widget["x-kubernetes-group-version-kind"].dump() ==
        R"([{"group":"example.com","kind":"Widget","version":"v1"}])");
  CHECK(widget["properties"]["spec"]["properties"]["on"].dump() ==
        R"({"description":"Whether it runs.","type":"boolean","nullable":true})");
  CHECK(widget["properties"]["metadata"]["allOf"].at(0)["$ref"].string() ==
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const Json& item = doc["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"];
  CHECK(item["get"]["x-kubernetes-group-version-kind"].dump() ==
        R"({"group":"example.com","kind":"Widget","version":"v1"})");
  bool field_validation = false;
  for (const auto& parameter : item["patch"]["parameters"].items()) {
    field_validation |= parameter["name"].string() == "fieldValidation" && parameter["in"].string() == "query";
  }
  CHECK(field_validation);
  CHECK(item["patch"]["requestBody"]["content"].has("application/merge-patch+json"));
  CHECK_FALSE(item["patch"]["requestBody"]["content"].has("application/strategic-merge-patch+json"));
  CHECK(doc["paths"].has("/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/status"));
  CHECK(doc["paths"].has("/apis/example.com/v1/widgets"));
  CHECK(doc["components"]["schemas"].has("com.example.v1.WidgetList"));
  CHECK(meta::openapi_v3_document(sample(), "example.com", "v1beta1")["paths"].empty());
}

TEST_CASE("core kinds are merged strategically") {
  const Json doc = meta::openapi_v3_document(sample(), "", "v1");
  const Json& item = doc["paths"]["/api/v1/notes/{name}"];
  CHECK(item["patch"]["requestBody"]["content"].has("application/strategic-merge-patch+json"));
  const Json& object_meta = doc["components"]["schemas"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"];
  CHECK(object_meta["properties"]["ownerReferences"]["x-kubernetes-patch-merge-key"].string() == "uid");
  CHECK(object_meta["properties"]["finalizers"]["x-kubernetes-patch-strategy"].string() == "merge");
}

TEST_CASE("the v2 document leaves open what v2 cannot say") {
  const Json doc = meta::openapi_v2_document(sample());
  const Json& spec = doc["definitions"]["com.example.v1.Widget"]["properties"]["spec"]["properties"];
  CHECK(spec["on"].dump() == R"({"description":"Whether it runs."})");
  CHECK(spec["port"].dump() == R"({"x-kubernetes-int-or-string":true})");
  CHECK(spec["free"].dump() == R"({"x-kubernetes-preserve-unknown-fields":true})");
  CHECK(doc["definitions"].has("io.k8s.api.core.v1.Note"));
  const Json& patch = doc["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
  CHECK(patch["consumes"].dump() == R"(["application/json-patch+json","application/merge-patch+json"])");
}

TEST_CASE("a CRD says what the kind says") {
  const Json crd = meta::crd_of(*sample().by_kind("example.com", "Widget"));
  CHECK(crd["metadata"]["name"].string() == "widgets.example.com");
  CHECK(crd["spec"]["names"].dump() ==
        R"({"kind":"Widget","listKind":"WidgetList","plural":"widgets","shortNames":["w"],"singular":"widget"})");
  const Json& version = crd["spec"]["versions"].at(0);
  CHECK(version["storage"].boolean());
  CHECK(version["subresources"].dump() == R"({"status":{}})");
  CHECK(version["schema"]["openAPIV3Schema"]["properties"]["metadata"].dump() == R"({"type":"object"})");
  CHECK(version["additionalPrinterColumns"].at(0).dump() == R"({"jsonPath":".spec.on","name":"On","type":"string"})");
  CHECK_FALSE(crd["spec"]["versions"].at(1)["served"].boolean(true));
}

TEST_CASE("a table row") {
  const meta::Kind& widget = *sample().by_kind("example.com", "Widget");
  const meta::Table table(widget, *widget.version("v1"));
  const auto now = base::parse_rfc3339("2026-01-03T00:00:00Z");
  const Json doc =
      *base::parse_json(R"({"metadata":{"name":"a","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"on":true}})");
  CHECK(table.cells(doc, *now).dump() == R"(["a","true","2d"])");
  CHECK(table.cells(Json::object({{"metadata", Json::object({{"name", "b"}})}}), *now).dump() == R"(["b",null,null])");
  CHECK(table.column_definitions().at(0)["format"].string() == "name");
  const meta::Kind& note = *sample().by_kind("", "Note");
  CHECK(meta::Table(note, note.storage()).columns().size() == 2);
}
