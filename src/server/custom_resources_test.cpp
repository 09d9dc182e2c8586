// CustomResourceDefinitions through the front door: kinds come, change and go while the server runs.
#include "server/test_custom.h"

namespace server {
namespace {

const std::string crontabs = "/apis/stable.example.com/v1/namespaces/default/crontabs";

std::string crontab_crd(const std::string& more_version = "", const std::string& version = "v1") {
  return R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"crontabs.stable.example.com"},"spec":{"group":"stable.example.com","scope":"Namespaced",
    "names":{"plural":"crontabs","kind":"CronTab","shortNames":["ct"],"categories":["all"]},
    "versions":[{"name":")" +
         version + R"(","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object",
      "description":"Runs things.","properties":{"spec":{"type":"object","required":["cronSpec"],"properties":{
        "cronSpec":{"type":"string","pattern":"^(\\S+ ){4}\\S+$","description":"When."},
        "image":{"type":"string","default":"busybox"},
        "replicas":{"type":"integer","minimum":1,"maximum":10}}},
      "status":{"type":"object","properties":{"replicas":{"type":"integer"},"selector":{"type":"string"}}}}}},
      "selectableFields":[{"jsonPath":".spec.image"}],
      "additionalPrinterColumns":[{"name":"Spec","type":"string","jsonPath":".spec.cronSpec"},
        {"name":"Replicas","type":"integer","jsonPath":".spec.replicas"}],
      "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas",
        "statusReplicasPath":".status.replicas","labelSelectorPath":".status.selector"}}})" +
         more_version + "]}}";
}

std::string crontab(const std::string& name, const std::string& spec = R"({"cronSpec":"* * * * */5","replicas":2})",
                    const std::string& meta = "") {
  return R"({"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":")" + name + "\"" + meta +
         R"(},"spec":)" + spec + "}";
}

TEST_CASE("custom resources: a definition becomes a kind with everything that kinds have") {
  Custom f;
  f.get(crontabs, 404);
  const Json made = f.post(crds, crontab_crd());
  CHECK(made["spec"]["names"]["listKind"].string() == "CronTabList");
  CHECK(made["status"]["storedVersions"] == Json::array({"v1"}));
  CHECK(made["metadata"]["generation"] == Json(1));
  CHECK(f.conditions() == "NamesAccepted=True Established=True");
  CHECK(f.get(crds + "/crontabs.stable.example.com")["status"]["acceptedNames"]["shortNames"] == Json::array({"ct"}));

  const Json object = f.post(crontabs, crontab("a"));
  CHECK(object["spec"]["image"].string() == "busybox");
  CHECK(object["metadata"]["generation"] == Json(1));
  CHECK(f.get("/apis/stable.example.com/v1/crontabs")["kind"].string() == "CronTabList");
  CHECK(f.get(crontabs + "?fieldSelector=spec.image%3Dbusybox")["items"].size() == 1);
  CHECK(f.get(crontabs + "?fieldSelector=spec.image%3Dother")["items"].size() == 0);

  const Json table = f.table(crontabs);
  CHECK(table["columnDefinitions"].at(1)["name"].string() == "Spec");
  CHECK(table["rows"].at(0)["cells"] == Json::array({"a", "* * * * */5", 2}));

  const Json scale =
      f.send("PATCH", crontabs + "/a/scale", R"({"spec":{"replicas":5}})", 200, "application/merge-patch+json");
  CHECK(scale["spec"]["replicas"] == Json(5));
  const Json seen = f.send("PATCH", crontabs + "/a/status", R"({"status":{"replicas":3},"spec":{"replicas":9}})", 200,
                           "application/merge-patch+json");
  CHECK(seen["spec"]["replicas"] == Json(5));
  CHECK(seen["status"]["replicas"] == Json(3));
}

TEST_CASE("custom resources: discovery and OpenAPI know a new kind at once") {
  Custom f;
  f.get("/apis/stable.example.com", 404);
  const Json index = f.get("/openapi/v3");
  CHECK(!index["paths"].has("apis/stable.example.com/v1"));
  f.post(crds, crontab_crd());
  const Json list = f.get("/apis/stable.example.com/v1");
  CHECK(list["resources"].size() == 3);
  CHECK(list["resources"].at(0)["categories"] == Json::array({"all"}));
  CHECK(f.get("/openapi/v3")["paths"].has("apis/stable.example.com/v1"));
  const Json document = f.get("/openapi/v3/apis/stable.example.com/v1");
  const Json& schema = document["components"]["schemas"]["com.example.stable.v1.CronTab"];
  CHECK(schema["properties"]["spec"]["properties"]["cronSpec"]["description"].string() == "When.");
  CHECK(schema["properties"]["metadata"]["allOf"].size() == 1);
}

TEST_CASE("custom resources: objects that do not fit are refused with upstream's texts") {
  Custom f;
  f.post(crds, crontab_crd());
  const auto refused = [&](const std::string& spec) {
    return f.post(crontabs, crontab("x", spec), 422)["message"].string();
  };
  const std::string head = "CronTab.stable.example.com \"x\" is invalid: ";
  CHECK(refused(R"({"cronSpec":"* * * * *","replicas":11})") ==
        head + "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10");
  CHECK(refused(R"({"replicas":1})").find(head + "spec.cronSpec: Required value") == 0);
  CHECK(refused(R"({"cronSpec":"often"})") ==
        head + "spec.cronSpec: Invalid value: \"often\": spec.cronSpec in body should match '^(\\S+ ){4}\\S+$'");
  CHECK(f.post(crontabs + "?fieldValidation=Strict", crontab("x", R"({"cronSpec":"* * * * *","bogus":1})"),
               400)["message"]
            .string()
            .find("unknown field \"spec.bogus\"") != std::string::npos);
  CHECK(f.post(crds, R"({"metadata":{"name":"x.example.com"},"spec":{"group":"example.com","scope":"Cluster",
    "names":{"plural":"y","kind":"Y"},"versions":[]}})",
               422)["message"]
            .string()
            .find("CustomResourceDefinition.apiextensions.k8s.io \"x.example.com\" is invalid: [metadata.name: Invalid "
                  "value: \"x.example.com\": must be spec.names.plural+\".\"+spec.group") == 0);
}

TEST_CASE("custom resources: a changed schema counts at once and ends the watches") {
  Custom f;
  f.post(crds, crontab_crd());
  f.post(crontabs, crontab("a"));
  auto watch = f.watch(crontabs + "?watch=true");
  auto other = f.watch("/api/v1/namespaces?watch=true");
  const std::string change =
      R"([{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color",
         "value":{"type":"string","enum":["red"]}}])";
  f.send("PATCH", crds + "/crontabs.stable.example.com", change, 200, "application/json-patch+json");
  CHECK(watch.fiber.done());
  CHECK(!other.fiber.done());
  f.post(crontabs, crontab("b", R"({"cronSpec":"* * * * *","color":"green"})"), 422);
  CHECK(f.post(crontabs, crontab("b", R"({"cronSpec":"* * * * *","color":"red"})"))["spec"]["color"].string() == "red");
  // A label on the definition changes nothing about the kind.
  auto again = f.watch(crontabs + "?watch=true");
  f.send("PATCH", crds + "/crontabs.stable.example.com", R"({"metadata":{"labels":{"a":"b"}}})", 200,
         "application/merge-patch+json");
  CHECK(!again.fiber.done());
  again.exchange->gone = other.exchange->gone = true;
  f.pass(base::seconds(20));
}

TEST_CASE("custom resources: deleting a definition deletes its objects first") {
  Custom f;
  f.post(crds, crontab_crd());
  f.post(crontabs, crontab("a"));
  f.post(crontabs, crontab("held", R"({"cronSpec":"* * * * *"})", R"(,"finalizers":["example.com/hold"])"));
  auto watch = f.watch(crontabs + "?watch=true");
  f.send("DELETE", crds + "/crontabs.stable.example.com", "", 200);
  CHECK(f.get(crds + "/crontabs.stable.example.com")["metadata"]["finalizers"] ==
        Json::array({"customresourcecleanup.apiextensions.k8s.io"}));
  CHECK(f.conditions() == "NamesAccepted=True Established=True Terminating=True");
  f.get(crontabs + "/a", 404);
  CHECK(f.post(crontabs, crontab("new"), 403)["message"].string() ==
        "crontabs.stable.example.com \"new\" is forbidden: create not allowed while custom resource definition is "
        "terminating");
  CHECK(f.get("/apis/stable.example.com/v1")["resources"].at(0)["verbs"] ==
        Json::array({"delete", "deletecollection", "get", "list", "watch"}));
  CHECK(!watch.fiber.done());
  f.send("PATCH", crontabs + "/held", R"({"metadata":{"finalizers":null}})", 200, "application/merge-patch+json");
  f.get(crds + "/crontabs.stable.example.com", 404);
  f.get(crontabs, 404);
  f.get("/apis/stable.example.com", 404);
  // The watch saw both go before it ended.
  std::string told;
  for (const auto& event : Fixture::events(watch)) {
    told += event["type"].string() + " " + event["object"]["metadata"]["name"].string() + ", ";
  }
  CHECK(told.find("DELETED a, ") != std::string::npos);
  CHECK(told.find("DELETED held, ") != std::string::npos);
  CHECK(watch.fiber.done());
  f.post(crds, crontab_crd());
  CHECK(f.get(crontabs)["items"].empty());
}

TEST_CASE("custom resources: a request under way keeps its kind") {
  Custom f;
  f.post(crds, crontab_crd());
  f.post(crontabs, crontab("a"));
  auto watch = f.watch(crontabs + "?watch=true");
  watch.exchange->unstuck.clear();  // parks in a write
  f.post(crontabs, crontab("b"));
  f.send("DELETE", crds + "/crontabs.stable.example.com", "", 200);
  f.get(crds + "/crontabs.stable.example.com", 404);
  CHECK(!watch.fiber.done());
  watch.exchange->unstuck.set();
  f.pass(base::milliseconds(10));
  CHECK(watch.fiber.done());
}

TEST_CASE("custom resources: names that clash") {
  Custom f;
  f.post(crds, crontab_crd());
  const auto other = [](const std::string& plural, const std::string& kind, const std::string& short_name) {
    return R"({"metadata":{"name":")" + plural + R"(.stable.example.com"},"spec":{"group":"stable.example.com",
      "scope":"Cluster","names":{"plural":")" +
           plural + R"(","kind":")" + kind + R"(","singular":")" + plural + R"(x","shortNames":[")" + short_name +
           R"("]},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}})";
  };
  f.post(crds, other("jobs", "CronTab", "j"));
  CHECK(f.conditions("jobs.stable.example.com") == "NamesAccepted=False Established=False");
  const Json found = f.get(crds + "/jobs.stable.example.com")["status"]["conditions"].at(0);
  CHECK(found["reason"].string() == "ListKindConflict");  // the last of two
  CHECK(found["message"].string() == "\"CronTabList\" is already in use");
  CHECK(f.get(crds + "/jobs.stable.example.com")["status"]["acceptedNames"] ==
        *base::parse_json(R"({"plural":"jobs","singular":"jobsx","shortNames":["j"],"kind":""})"));
  f.get("/apis/stable.example.com/v1/jobs", 404);
  f.post(crds, other("tasks", "Task", "ct"));
  CHECK(f.get(crds + "/tasks.stable.example.com")["status"]["conditions"].at(0)["reason"].string() ==
        "ShortNamesConflict");
  // When the name is free it is theirs.
  f.send("DELETE", crds + "/crontabs.stable.example.com", "", 200);
  CHECK(f.conditions("jobs.stable.example.com") == "NamesAccepted=True Established=True");
  CHECK(f.conditions("tasks.stable.example.com") == "NamesAccepted=True Established=True");
  f.get("/apis/stable.example.com/v1/jobs");
}

TEST_CASE("custom resources: a definition of a kind that Ingot has itself is kept and changes nothing") {
  Custom f;
  const std::string machines = "/apis/cluster.x-k8s.io/v1beta2/machines";
  const Json before = f.get("/openapi/v3")["paths"]["apis/cluster.x-k8s.io/v1beta2"];
  f.post(crds, R"({"metadata":{"name":"machines.cluster.x-k8s.io"},"spec":{"group":"cluster.x-k8s.io",
    "scope":"Namespaced","names":{"plural":"machines","kind":"Machine"},"versions":[{"name":"v1beta2","served":true,
    "storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}})");
  CHECK(f.conditions("machines.cluster.x-k8s.io") == "NamesAccepted=True Established=True BuiltIn=True");
  CHECK(f.get("/openapi/v3")["paths"]["apis/cluster.x-k8s.io/v1beta2"] == before);
  f.send("DELETE", crds + "/machines.cluster.x-k8s.io", "", 200);
  f.get(crds + "/machines.cluster.x-k8s.io", 404);
  f.get(machines);
}

TEST_CASE("custom resources: several versions differ by their name, and the stored one can change") {
  Custom f;
  const std::string second =
      R"(,{"name":"v2","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object",
    "properties":{"spec":{"type":"object","properties":{"cronSpec":{"type":"string"},
    "zone":{"type":"string","default":"UTC"}}}}}}})";
  f.post(crds, crontab_crd(second));
  f.post(crontabs, crontab("a"));
  const std::string newer = "/apis/stable.example.com/v2/namespaces/default/crontabs";
  const Json shown = f.get(newer + "/a");
  CHECK(shown["apiVersion"].string() == "stable.example.com/v2");
  CHECK(shown["spec"] == base::parse_json(R"({"cronSpec":"* * * * */5","zone":"UTC"})").value());
  CHECK(f.get("/apis/stable.example.com")["preferredVersion"]["version"].string() == "v2");

  const std::string swap = R"([{"op":"replace","path":"/spec/versions/0/storage","value":false},
    {"op":"replace","path":"/spec/versions/1/storage","value":true}])";
  const Json changed = f.send("PATCH", crds + "/crontabs.stable.example.com", swap, 200, "application/json-patch+json");
  CHECK(changed["status"]["storedVersions"] == Json::array({"v1", "v2"}));
  CHECK(f.get(newer)["items"].at(0)["apiVersion"].string() == "stable.example.com/v2");
  CHECK(f.get(crontabs + "/a")["apiVersion"].string() == "stable.example.com/v1");
  // A version that was stored may not go while status says that objects may be in it.
  f.send("PATCH", crds + "/crontabs.stable.example.com", R"([{"op":"remove","path":"/spec/versions/0"}])", 422,
         "application/json-patch+json");
  f.send("PATCH", crds + "/crontabs.stable.example.com/status", R"({"status":{"storedVersions":["v2"]}})", 200,
         "application/merge-patch+json");
  f.send("PATCH", crds + "/crontabs.stable.example.com", R"([{"op":"remove","path":"/spec/versions/0"}])", 200,
         "application/json-patch+json");
  f.get(crontabs, 404);
  f.get(newer + "/a");
}

TEST_CASE("custom resources: the garbage collector and namespaces know them") {
  Custom f;
  f.post(crds, crontab_crd());
  f.post("/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
  const std::string inside = "/apis/stable.example.com/v1/namespaces/n/crontabs";
  const Json owner = f.post(inside, crontab("owner"));
  const std::string reference = R"(,"ownerReferences":[{"apiVersion":"stable.example.com/v1","kind":"CronTab",
    "name":"owner","uid":")" + owner["metadata"]["uid"].string() +
                                "\"}]";
  f.post(inside, crontab("owned", R"({"cronSpec":"* * * * *"})", reference));
  f.post(inside, crontab("other"));
  f.send("DELETE", inside + "/owner", "", 200);
  f.get(inside + "/owned", 404);
  f.get(inside + "/other");
  f.send("DELETE", "/api/v1/namespaces/n", "", 200);
  f.get("/api/v1/namespaces/n", 404);
  CHECK(f.get("/apis/stable.example.com/v1/crontabs")["items"].empty());
}

TEST_CASE("custom resources: they are there again after a restart") {
  auto disk = store::make_sim_disk();
  {
    Custom f(disk);
    f.post(crds, crontab_crd());
    f.post(crontabs, crontab("a"));
  }
  Custom f(disk);
  CHECK(f.get(crontabs + "/a")["spec"]["image"].string() == "busybox");
  CHECK(f.conditions() == "NamesAccepted=True Established=True");
  f.send("DELETE", crds + "/crontabs.stable.example.com", "", 200);
  f.get(crontabs, 404);
}

}  // namespace
}  // namespace server
