#include "server/documents.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "api/kinds.h"
#include "meta/openapi_doc.h"
#include "wire/yaml.h"

using base::Json;

namespace {

constexpr const char* asked_protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr const char* dotted_protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

server::Documents& documents() {
  static server::Documents made(api::management_scheme());
  return made;
}

net::Response ask(const std::string& target, const std::string& accept = "application/json, */*",
                  const std::string& tag = "") {
  net::Request request{.target = target, .headers = {{"Accept", accept}}};
  if (!tag.empty()) request.headers.set("If-None-Match", tag);
  auto answer = documents().answer(request);
  REQUIRE(answer);
  return *answer;
}

Json get(const std::string& target) {
  const auto answer = ask(target);
  CHECK(answer.status == 200);
  CHECK(answer.headers.get("Content-Type") == "application/json");
  auto doc = base::parse_json(answer.body);
  REQUIRE(doc.ok());
  return *doc;
}

std::string url_of(const std::string& root) { return get("/openapi/v3")["paths"][root]["serverRelativeURL"].string(); }

// Reads a protobuf message: field number -> values in order; varints and doubles as their bytes.
struct Message {
  std::vector<std::pair<int, std::string>> fields;

  explicit Message(std::string_view bytes) {
    size_t at = 0;
    const auto varint = [&] {
      uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        REQUIRE(at < bytes.size());
        const auto byte = static_cast<unsigned char>(bytes[at++]);
        value |= uint64_t{byte & 0x7Fu} << shift;
        if (byte < 0x80) return value;
      }
    };
    while (at < bytes.size()) {
      const uint64_t key = varint();
      size_t size = 8;
      const size_t start = at;
      if ((key & 7) == 0) {
        varint();
        size = at - start;
        at = start;
      } else if ((key & 7) == 2) {
        size = varint();
      } else {
        REQUIRE((key & 7) == 1);
      }
      REQUIRE(size <= bytes.size() - at);
      fields.emplace_back(static_cast<int>(key >> 3), bytes.substr(at, size));
      at += size;
    }
  }

  std::string text(int field) const {
    for (const auto& [number, value] : fields) {
      if (number == field) return value;
    }
    return "";
  }
  Message message(int field) const { return Message(text(field)); }
  // The value of the entry called `name` in a map whose entries are `field`s.
  Message entry(int field, const std::string& name) const {
    for (const auto& [number, value] : fields) {
      if (number == field && Message(value).text(1) == name) return Message(value).message(2);
    }
    FAIL("no entry " << name);
    return Message("");
  }
  int count(int field) const {
    int out = 0;
    for (const auto& [number, unused] : fields) out += number == field;
    return out;
  }
};

Json yaml(const Message& any) {
  auto parsed = wire::parse_yaml(any.text(2));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->size() == 1);
  return parsed->at(0);
}

}  // namespace

TEST_CASE("/openapi/v3 points at a document for every served group and version") {
  const Json paths = get("/openapi/v3")["paths"];
  CHECK(paths.has("api/v1"));
  for (const auto* kind : api::management_scheme().kinds()) {
    for (const auto& version : kind->versions) {
      const std::string root = (kind->group.empty() ? "api/" : "apis/" + kind->group + "/") + version.name;
      CAPTURE(root);
      if (!version.served) continue;
      const std::string url = paths[root]["serverRelativeURL"].string();
      CHECK(url.starts_with("/openapi/v3/" + root + "?hash="));
      const Json schemas = get(url).path("components.schemas");
      CHECK(schemas.has(meta::openapi_name(kind->group, version.name, kind->kind)));
    }
  }
}

TEST_CASE("a v3 document has what explain and validation read") {
  const Json doc = get(url_of("apis/metal3.io/v1alpha1"));
  const Json host = doc.path("components.schemas")["io.metal3.v1alpha1.BareMetalHost"];
  CHECK(host["x-kubernetes-group-version-kind"].dump() ==
        R"([{"group":"metal3.io","kind":"BareMetalHost","version":"v1alpha1"}])");
  CHECK(host["description"].string() != "");
  const Json spec = host["properties"]["spec"];
  CHECK(spec["properties"]["bmc"]["properties"]["address"]["description"].string() != "");
  const Json item = doc["paths"]["/apis/metal3.io/v1alpha1/namespaces/{namespace}/baremetalhosts/{name}"];
  CHECK(item["get"]["x-kubernetes-group-version-kind"]["kind"].string() == "BareMetalHost");
  CHECK_FALSE(item["patch"]["requestBody"]["content"].has("application/strategic-merge-patch+json"));
  const Json core = get(url_of("api/v1"));
  CHECK(core["paths"]["/api/v1/namespaces/{namespace}/secrets/{name}"]["patch"]["requestBody"]["content"].has(
      "application/strategic-merge-patch+json"));
  const Json meta = core.path("components.schemas")["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"];
  CHECK(meta["properties"]["ownerReferences"]["x-kubernetes-patch-merge-key"].string() == "uid");
}

TEST_CASE("documents have the scale of the kinds that have one, and no other") {
  const std::string of_apps = "/apis/apps/v1/namespaces/{namespace}/";
  for (const Json& doc : {get(url_of("apis/apps/v1")), get("/openapi/v2")}) {
    const Json& scale = doc["paths"][of_apps + "deployments/{name}/scale"];
    for (const char* verb : {"get", "put", "patch"}) {
      CHECK(scale[verb]["x-kubernetes-group-version-kind"].dump() ==
            R"({"group":"autoscaling","kind":"Scale","version":"v1"})");
    }
    CHECK_FALSE(scale.has("delete"));
    CHECK(scale["put"]["operationId"].string() == "replaceAppsV1NamespacedDeploymentScale");
    CHECK_FALSE(doc["paths"].has(of_apps + "daemonsets/{name}/scale"));
    const Json& schemas = doc.has("definitions") ? doc["definitions"] : doc["components"]["schemas"];
    CHECK(schemas["io.k8s.api.autoscaling.v1.Scale"]["properties"].has("spec"));
    CHECK(schemas["io.k8s.api.autoscaling.v1.ScaleSpec"]["properties"]["replicas"]["format"].string() == "int32");
  }
  const Json custom = get(url_of("apis/cluster.x-k8s.io/v1beta2"));
  CHECK(custom["paths"].has("/apis/cluster.x-k8s.io/v1beta2/namespaces/{namespace}/machinesets/{name}/scale"));
}

TEST_CASE("the hash in a v3 address makes the answer cacheable, a stale one is led on") {
  const std::string url = url_of("apis/cluster.x-k8s.io/v1beta2");
  const auto good = ask(url + "&timeout=32s");
  CHECK(good.status == 200);
  CHECK(good.headers.get("Cache-Control").find("immutable") != std::string::npos);
  const auto stale = ask("/openapi/v3/apis/cluster.x-k8s.io/v1beta2?hash=OLD");
  CHECK(stale.status == 301);
  CHECK(stale.headers.get("Location") == url);
  const auto plain = ask("/openapi/v3/apis/cluster.x-k8s.io/v1beta2");
  CHECK(plain.status == 200);
  CHECK(plain.headers.get("Cache-Control").find("immutable") == std::string::npos);
  CHECK(plain.body == good.body);
}

TEST_CASE("entity tags are the same for two servers and differ by document and form") {
  std::vector<std::string> tags;
  const std::pair<const char*, const char*> documents_asked[] = {{"/openapi/v2", "application/json"},
                                                                 {"/openapi/v2", asked_protobuf},
                                                                 {"/openapi/v3", "*/*"},
                                                                 {"/openapi/v3/api/v1", "*/*"},
                                                                 {"/openapi/v3/apis/metal3.io/v1alpha1", "*/*"}};
  for (const auto& [path, accept] : documents_asked) {
    CAPTURE(path);
    CAPTURE(accept);
    const auto first = ask(path, accept);
    const std::string tag = first.headers.get("ETag");
    CHECK(first.status == 200);
    CHECK(first.headers.get("Vary") == "Accept");
    CHECK(std::find(tags.begin(), tags.end(), tag) == tags.end());
    tags.push_back(tag);
    const auto again = ask(path, accept, tag);
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(ask(path, accept, "\"other\"").body == first.body);
    server::Documents other(api::management_scheme());
    CHECK(other.answer({.target = path, .headers = {{"Accept", accept}}})->headers.get("ETag") == tag);
  }
}

TEST_CASE("/openapi/v2 comes in the form that is asked for") {
  struct Case {
    std::string accept;
    int status;
    std::string type;
  };
  const Case cases[] = {
      {"", 200, "application/json"},
      {"application/json, */*", 200, "application/json"},
      {asked_protobuf, 200, dotted_protobuf},
      {dotted_protobuf, 200, dotted_protobuf},
      {std::string(asked_protobuf) + ";q=0.4,application/json;q=0.6", 200, "application/json"},
      {std::string(asked_protobuf) + ",application/json", 200, dotted_protobuf},
      {"text/html", 406, "application/json"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.accept);
    const auto answer = ask("/openapi/v2", c.accept);
    CHECK(answer.status == c.status);
    CHECK(answer.headers.get("Content-Type") == c.type);
  }
}

TEST_CASE("the v2 document as JSON") {
  const Json doc = get("/openapi/v2");
  CHECK(doc["swagger"].string() == "2.0");
  for (const char* version : {"v1beta1", "v1beta2"}) {
    const Json machine = doc["definitions"][meta::openapi_name("cluster.x-k8s.io", version, "Machine")];
    CHECK(machine["x-kubernetes-group-version-kind"].at(0)["version"].string() == version);
    CHECK(machine["properties"]["spec"]["description"].string() != "");
  }
}

TEST_CASE("the v2 document as protobuf says the same as JSON") {
  const Json doc = get("/openapi/v2");
  const Message document(ask("/openapi/v2", asked_protobuf).body);
  CHECK(document.text(1) == "2.0");
  CHECK(document.message(2).text(1) == doc["info"]["title"].string());
  const Message definitions = document.message(9);
  CHECK(definitions.count(1) == static_cast<int>(doc["definitions"].size()));
  CHECK(document.message(8).count(2) == static_cast<int>(doc["paths"].size()));

  const Message host = definitions.entry(1, "io.metal3.v1alpha1.BareMetalHost");
  const Json& plain = doc["definitions"]["io.metal3.v1alpha1.BareMetalHost"];
  CHECK(host.text(4) == plain["description"].string());
  CHECK(host.message(22).text(1) == "object");
  CHECK(yaml(host.entry(31, "x-kubernetes-group-version-kind")) == plain["x-kubernetes-group-version-kind"]);
  const Message properties = host.message(25);
  CHECK(properties.entry(1, "metadata").text(1) == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const Message bmc = properties.entry(1, "spec").message(25).entry(1, "bmc");
  const Json& plain_bmc = plain["properties"]["spec"]["properties"]["bmc"];
  CHECK(bmc.count(19) == static_cast<int>(plain_bmc["required"].size()));
  CHECK(bmc.text(19) == plain_bmc["required"].at(0).string());
  CHECK(bmc.message(25).entry(1, "address").message(22).text(1) == "string");
  // A list and what is in it.
  const Message owners =
      definitions.entry(1, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").message(25).entry(1, "ownerReferences");
  CHECK(owners.message(22).text(1) == "array");
  CHECK(owners.message(23).message(1).message(25).entry(1, "uid").message(22).text(1) == "string");
  CHECK(yaml(owners.entry(31, "x-kubernetes-patch-merge-key")).string() == "uid");
  // A map and what is in it.
  const Message data = definitions.entry(1, "io.k8s.api.core.v1.ConfigMap").message(25).entry(1, "data");
  CHECK(data.message(21).message(1).message(22).text(1) == "string");
}

TEST_CASE("operations of the v2 document as protobuf") {
  const Message document(ask("/openapi/v2", asked_protobuf).body);
  const Message item =
      document.message(8).entry(2, "/apis/metal3.io/v1alpha1/namespaces/{namespace}/baremetalhosts/{name}");
  const Message patch = item.message(8);
  CHECK(yaml(patch.entry(13, "x-kubernetes-group-version-kind"))["kind"].string() == "BareMetalHost");
  CHECK(patch.text(7) == "application/json-patch+json");
  bool field_validation = false, body = false;
  for (const auto& [number, value] : patch.fields) {
    if (number != 8) continue;
    const Message parameter = Message(value).message(1);
    if (parameter.count(1)) {
      body = parameter.message(1).text(2) == "body" && parameter.message(1).count(5) == 1;
    } else {
      field_validation |= parameter.message(2).message(3).text(4) == "fieldValidation";
    }
  }
  CHECK(field_validation);
  CHECK(body);
  const Message name = item.message(9).message(1).message(2).message(4);
  CHECK(name.text(4) == "name");
  CHECK(name.text(1) == "\x01");
  const Message ok = item.message(2).message(9).entry(1, "200").message(1);
  CHECK(ok.text(1) == "OK");
  CHECK(ok.message(2).message(1).text(1) == "#/definitions/io.metal3.v1alpha1.BareMetalHost");
}

TEST_CASE("paths that are not there") {
  CHECK_FALSE(documents().answer({.target = "/apis"}).has_value());
  CHECK_FALSE(documents().answer({.target = "/openapiv2"}).has_value());
  for (const char* path : {"/openapi", "/openapi/v4", "/openapi/v3/apis/nobody.io/v1", "/openapi/v3/api"}) {
    CAPTURE(path);
    const auto answer = ask(path);
    CHECK(answer.status == 404);
    CHECK(base::parse_json(answer.body)->path("reason").string() == "NotFound");
  }
  CHECK(documents().answer({.method = "POST", .target = "/openapi/v2"})->status == 405);
}
