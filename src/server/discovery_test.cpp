#include "server/discovery.h"

#include <doctest/doctest.h>

#include "api/kinds.h"

using base::Json;

namespace {

constexpr const char* aggregated_v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
constexpr const char* aggregated_v2beta1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

net::Response ask(const std::string& target, const std::string& accept = "application/json, */*",
                  const std::string& tag = "") {
  net::Request request{.target = target, .headers = {{"Accept", accept}}};
  if (!tag.empty()) request.headers.set("If-None-Match", tag);
  return server::discovery_response(api::management_scheme(), request);
}

Json get(const std::string& target, const std::string& accept = "application/json, */*") {
  const auto answer = ask(target, accept);
  CHECK(answer.status == 200);
  auto doc = base::parse_json(answer.body);
  REQUIRE(doc.ok());
  return *doc;
}

// The item of a list whose member `key` is `value`; null when there is none.
Json pick(const Json& list, const char* key, const std::string& value) {
  for (const auto& item : list.items()) {
    if (item[key].string() == value) return item;
  }
  return {};
}

std::vector<std::string> names(const Json& list, const char* key) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item[key].string());
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("/api and /apis without a wish list groups, versions and the preferred one") {
  const Json core = get("/api");
  CHECK(core["kind"].string() == "APIVersions");
  CHECK(core["versions"].dump() == R"(["v1"])");
  CHECK(core["serverAddressByClientCIDRs"].is_array());
  const Json list = get("/apis");
  CHECK(list["kind"].string() == "APIGroupList");
  CHECK(list["apiVersion"].string() == "v1");
  CHECK(names(list["groups"], "name") ==
        Names{"admissionregistration.k8s.io", "apiextensions.k8s.io", "apps", "autoscaling", "batch",
              "bootstrap.cluster.x-k8s.io", "certificates.k8s.io", "cluster.x-k8s.io", "controlplane.cluster.x-k8s.io",
              "coordination.k8s.io", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io",
              "infrastructure.cluster.x-k8s.io", "metal3.io", "networking.k8s.io", "policy",
              "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"});
  const Json group = pick(list["groups"], "name", "cluster.x-k8s.io");
  CHECK(group["versions"].dump() == R"([{"groupVersion":"cluster.x-k8s.io/v1beta2","version":"v1beta2"},)"
                                    R"({"groupVersion":"cluster.x-k8s.io/v1beta1","version":"v1beta1"}])");
  CHECK(group["preferredVersion"].dump() == R"({"groupVersion":"cluster.x-k8s.io/v1beta2","version":"v1beta2"})");
}

TEST_CASE("a group by itself") {
  const Json group = get("/apis/metal3.io");
  CHECK(group["kind"].string() == "APIGroup");
  CHECK(group["name"].string() == "metal3.io");
  CHECK(names(group["versions"], "version") == Names{"v1alpha1"});
  CHECK(group["preferredVersion"]["groupVersion"].string() == "metal3.io/v1alpha1");
}

TEST_CASE("resources of metal3.io") {
  const Json doc = get("/apis/metal3.io/v1alpha1");
  CHECK(doc["kind"].string() == "APIResourceList");
  CHECK(doc["groupVersion"].string() == "metal3.io/v1alpha1");
  CHECK(names(doc["resources"], "name") ==
        Names{"baremetalhosts", "baremetalhosts/status", "bmceventsubscriptions", "bmceventsubscriptions/status",
              "dataimages", "dataimages/status", "firmwareschemas", "hardwaredata", "hostfirmwarecomponents",
              "hostfirmwarecomponents/status", "hostfirmwaresettings", "hostfirmwaresettings/status",
              "hostupdatepolicies", "preprovisioningimages", "preprovisioningimages/status"});
  const Json host = doc["resources"].at(0);
  CHECK(host["singularName"].string() == "baremetalhost");
  CHECK(host["namespaced"].boolean());
  CHECK(host["kind"].string() == "BareMetalHost");
  CHECK(host["shortNames"].dump() == R"(["bmh","bmhost"])");
  CHECK_FALSE(host.has("categories"));
  CHECK(host["verbs"].dump() == R"(["delete","deletecollection","get","list","patch","create","update","watch"])");
  const Json status = doc["resources"].at(1);
  CHECK(status.dump() == R"({"name":"baremetalhosts/status","singularName":"","namespaced":true,)"
                         R"("kind":"BareMetalHost","verbs":["get","patch","update"]})");
}

TEST_CASE("resources of cluster.x-k8s.io in both versions") {
  for (const std::string version : {"v1beta2", "v1beta1"}) {
    CAPTURE(version);
    const Json resources = get("/apis/cluster.x-k8s.io/" + version)["resources"];
    CHECK(names(resources, "name") == Names{"clusters", "clusters/status", "machinedeployments",
                                            "machinedeployments/status", "machinedeployments/scale",
                                            "machinehealthchecks", "machinehealthchecks/status", "machinepools",
                                            "machinepools/status", "machinepools/scale", "machines", "machines/status",
                                            "machinesets", "machinesets/status", "machinesets/scale"});
    const Json machine = pick(resources, "name", "machines");
    CHECK(machine["shortNames"].dump() == R"(["ma"])");
    CHECK(machine["categories"].dump() == R"(["cluster-api"])");
    const Json scale = pick(resources, "name", "machinesets/scale");
    CHECK(scale["group"].string() == "autoscaling");
    CHECK(scale["version"].string() == "v1");
    CHECK(scale["kind"].string() == "Scale");
  }
  // The stored version is the same whatever the version of the list.
  CHECK(pick(get("/apis/cluster.x-k8s.io/v1beta1")["resources"], "name", "machines")["storageVersionHash"] ==
        pick(get("/apis/cluster.x-k8s.io/v1beta2")["resources"], "name", "machines")["storageVersionHash"]);
}

TEST_CASE("resources of the core group") {
  const Json resources = get("/api/v1")["resources"];
  const Json ns = pick(resources, "name", "namespaces");
  CHECK_FALSE(ns["namespaced"].boolean());
  CHECK(ns["singularName"].string() == "namespace");
  // As every kube-apiserver of the last years publishes it.
  CHECK(ns["storageVersionHash"].string() == "Q3oi5N2YM8M=");
  CHECK(ns["verbs"].dump() == R"(["create","delete","get","list","patch","update","watch"])");
  CHECK(pick(resources, "name", "namespaces/finalize")["verbs"].dump() == R"(["update"])");
  CHECK(pick(resources, "name", "secrets")["kind"].string() == "Secret");
}

TEST_CASE("a workload cluster has eviction") {
  const auto answer = server::discovery_response(api::workload_scheme(), {.target = "/api/v1"});
  const Json eviction = pick(base::parse_json(answer.body)->path("resources"), "name", "pods/eviction");
  CHECK(eviction["group"].string() == "policy");
  CHECK(eviction["verbs"].dump() == R"(["create"])");
}

TEST_CASE("aggregated discovery") {
  for (const std::string version : {"v2", "v2beta1"}) {
    CAPTURE(version);
    const std::string accept = version == "v2" ? aggregated_v2 : aggregated_v2beta1;
    for (const char* path : {"/api", "/apis"}) {
      CAPTURE(path);
      const auto answer = ask(path, accept + ",application/json");
      CHECK(answer.headers.get("Content-Type") == accept);
      CHECK(answer.headers.get("Vary") == "Accept");
      const Json doc = *base::parse_json(answer.body);
      CHECK(doc["kind"].string() == "APIGroupDiscoveryList");
      CHECK(doc["apiVersion"].string() == "apidiscovery.k8s.io/" + version);
    }
  }
  const Json core = get("/api", aggregated_v2)["items"];
  REQUIRE(core.size() == 1);
  CHECK_FALSE(core.at(0)["metadata"].has("name"));
  const Json ns = pick(core.at(0)["versions"].at(0)["resources"], "resource", "namespaces");
  CHECK(ns["scope"].string() == "Cluster");

  const Json items = get("/apis", aggregated_v2)["items"];
  for (const auto& item : items.items()) CHECK(item["metadata"]["name"].string() != "");
  Json cluster;
  for (const auto& item : items.items()) {
    if (item["metadata"]["name"].string() == "cluster.x-k8s.io") cluster = item;
  }
  CHECK(names(cluster["versions"], "version") == Names{"v1beta2", "v1beta1"});
  CHECK(names(cluster["versions"], "freshness") == Names{"Current", "Current"});
  const Json sets = pick(cluster["versions"].at(1)["resources"], "resource", "machinesets");
  CHECK(sets["responseKind"].dump() == R"({"group":"cluster.x-k8s.io","version":"v1beta1","kind":"MachineSet"})");
  CHECK(sets["scope"].string() == "Namespaced");
  CHECK(sets["singularResource"].string() == "machineset");
  CHECK(sets["shortNames"].dump() == R"(["ms"])");
  CHECK(sets["categories"].dump() == R"(["cluster-api"])");
  CHECK(sets["verbs"].size() == 8);
  CHECK(names(sets["subresources"], "subresource") == Names{"status", "scale"});
  CHECK(sets["subresources"].at(1)["responseKind"].dump() ==
        R"({"group":"autoscaling","version":"v1","kind":"Scale"})");
  CHECK(sets["subresources"].at(0)["responseKind"] == sets["responseKind"]);
}

TEST_CASE("which form the Accept header asks for") {
  struct Case {
    std::string accept;
    const char* kind;
    const char* version;
  };
  const std::string v2 = aggregated_v2, v2beta1 = aggregated_v2beta1;
  const Case cases[] = {
      {"", "APIGroupList", "v1"},
      {"*/*", "APIGroupList", "v1"},
      {v2 + "," + v2beta1 + ",application/json", "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"},
      {v2beta1 + ",application/json", "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2beta1"},
      {v2 + ";profile=nopeer," + v2 + ",application/json", "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"},
      {"application/json," + v2, "APIGroupList", "v1"},
      {v2 + ";q=0.5,application/json", "APIGroupList", "v1"},
      {"application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList," + v2beta1, "APIGroupDiscoveryList",
       "apidiscovery.k8s.io/v2beta1"},
      {"application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json", "APIGroupList", "v1"},
      {"application/json;g=meta.k8s.io;v=v1;as=Table,application/json", "APIGroupList", "v1"},
      {"application/vnd.kubernetes.protobuf, */*", "APIGroupList", "v1"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.accept);
    const Json doc = get("/apis", c.accept);
    CHECK(doc["kind"].string() == c.kind);
    CHECK(doc["apiVersion"].string() == c.version);
  }
}

TEST_CASE("the tag of aggregated discovery is stable and saves the body") {
  const auto first = ask("/apis", aggregated_v2);
  const std::string tag = first.headers.get("ETag");
  CHECK(tag.size() == 130);  // SHA-512 in hex and two quotes
  CHECK(ask("/apis", aggregated_v2).headers.get("ETag") == tag);
  CHECK(ask("/api", aggregated_v2).headers.get("ETag") != tag);
  CHECK(ask("/apis", aggregated_v2beta1).headers.get("ETag") != tag);
  for (const auto& known : {tag, "W/" + tag, "\"old\", " + tag, std::string("*")}) {
    CAPTURE(known);
    const auto again = ask("/apis", aggregated_v2, known);
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(again.headers.get("ETag") == tag);
  }
  CHECK(ask("/apis", aggregated_v2, "\"old\"").status == 200);
}

TEST_CASE("every kind of both schemes is found where discovery says") {
  for (const auto* scheme : {&api::management_scheme(), &api::workload_scheme()}) {
    for (const auto* kind : scheme->kinds()) {
      for (const auto& version : kind->versions) {
        const std::string path = (kind->group.empty() ? "/api/" : "/apis/" + kind->group + "/") + version.name;
        CAPTURE(path);
        const auto answer = server::discovery_response(*scheme, {.target = path});
        CHECK(pick(base::parse_json(answer.body)->path("resources"), "name", kind->plural).is_null() != version.served);
      }
    }
  }
}

TEST_CASE("what is not served") {
  CHECK(ask("/apis/nobody.io").body == "404 page not found\n");
  for (const char* path : {"/", "/apiz", "/api/v2", "/api/v1/pods", "/apis/metal3.io/v1",
                           "/apis/metal3.io/v1alpha1/baremetalhosts", "/apis//v1", "/openapi/v2"}) {
    CAPTURE(path);
    const auto answer = ask(path);
    CHECK(answer.status == 404);
    const Json status = *base::parse_json(answer.body);
    CHECK(status["kind"].string() == "Status");
    CHECK(status["reason"].string() == "NotFound");
    CHECK(status["code"].integer() == 404);
  }
  CHECK(ask("/apis/?timeout=32s").status == 200);
  CHECK(ask("/api/v1/?timeout=32s").status == 200);
  CHECK(server::discovery_response(api::management_scheme(), {.method = "POST", .target = "/api"}).status == 405);
}
