#include "server/strategic_merge.h"

#include <doctest/doctest.h>

#include "api/kinds.h"

using base::Json;

namespace {

base::Result<Json> merged(const char* resource, const std::string& current, const std::string& patch) {
  const meta::Kind* kind = api::workload_scheme().by_resource(resource);
  REQUIRE(kind);
  const auto before = base::parse_json(current);
  const auto change = base::parse_json(patch);
  REQUIRE(before.ok());
  REQUIRE(change.ok());
  auto out = server::strategic_merge(*kind, kind->storage_version, *before, *change);
  CHECK(*before == *base::parse_json(current));  // what is stored does not change underfoot
  return out;
}

struct Case {
  const char* what;
  const char* resource;
  std::string current, patch, expected;
};

// Puts a list of containers into a pod.
std::string pod(const std::string& containers) { return R"({"spec":{"containers":)" + containers + "}}"; }
std::string finalizers(const std::string& list) { return R"({"metadata":{"finalizers":)" + list + "}}"; }

void check(const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto out = merged(c.resource, c.current, c.patch);
    CHECK_MESSAGE(out.ok(), (out ? "" : out.error().message));
    if (out) CHECK(out->dump() == c.expected);
  }
}

}  // namespace

TEST_CASE("strategic merge: objects") {
  check({
      {"members are set and kept", "configmaps", R"({"data":{"a":"1","b":"2"}})", R"({"data":{"b":"3","c":"4"}})",
       R"({"data":{"a":"1","b":"3","c":"4"}})"},
      {"null deletes", "configmaps", R"({"data":{"a":"1","b":"2"},"immutable":true})",
       R"({"data":{"a":null,"z":null},"immutable":null})", R"({"data":{"b":"2"}})"},
      {"nulls of a new object do not stay", "configmaps", R"({})", R"({"data":{"a":null,"b":"1"}})",
       R"({"data":{"b":"1"}})"},
      {"an empty patch", "secrets", R"({"data":{"a":"MQ=="}})", "{}", R"({"data":{"a":"MQ=="}})"},
      {"secrets merge by key", "secrets", R"({"data":{"a":"MQ=="}})", R"({"stringData":{"b":"2"}})",
       R"({"data":{"a":"MQ=="},"stringData":{"b":"2"}})"},
      {"an object in place of a scalar", "configmaps", R"({"data":"odd"})", R"({"data":{"a":"1"}})",
       R"({"data":{"a":"1"}})"},
      {"$patch replace", "configmaps", R"({"data":{"a":"1","b":"2"}})", R"({"data":{"$patch":"replace","c":"3"}})",
       R"({"data":{"c":"3"}})"},
      {"$patch delete", "configmaps", R"({"data":{"a":"1"},"immutable":true})", R"({"data":{"$patch":"delete"}})",
       R"({"data":{},"immutable":true})"},
      {"$patch merge", "configmaps", R"({"data":{"a":"1"}})", R"({"data":{"$patch":"merge","b":"2"}})",
       R"({"data":{"a":"1","b":"2"}})"},
      {"$retainKeys", "deployments.apps",
       R"({"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}},"replicas":2}})",
       R"({"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}})",
       R"({"spec":{"strategy":{"type":"Recreate"},"replicas":2}})"},
  });
}

TEST_CASE("strategic merge: lists with a merge key") {
  const std::string ab = pod(R"([{"name":"a","image":"a:1"},{"name":"b","image":"b:1"}])");
  check({
      {"an item merges", "pods", ab, pod(R"([{"name":"b","image":"b:2"}])"),
       pod(R"([{"name":"a","image":"a:1"},{"name":"b","image":"b:2"}])")},
      {"a new item comes first, as kube-apiserver puts it", "pods", ab, pod(R"([{"name":"c","image":"c:1"}])"),
       pod(R"([{"name":"c","image":"c:1"},{"name":"a","image":"a:1"},{"name":"b","image":"b:1"}])")},
      {"an item is deleted", "pods", ab, pod(R"([{"$patch":"delete","name":"a"}])"),
       pod(R"([{"name":"b","image":"b:1"}])")},
      {"deleting what is not there", "pods", ab, pod(R"([{"$patch":"delete","name":"z"}])"), ab},
      {"the list is replaced", "pods", ab, pod(R"([{"$patch":"replace"},{"name":"c"}])"), pod(R"([{"name":"c"}])")},
      {"a null member of an item", "pods", ab, pod(R"([{"name":"a","image":null}])"),
       pod(R"([{"name":"a"},{"name":"b","image":"b:1"}])")},
      {"null deletes the list", "pods", ab, pod("null"), R"({"spec":{}})"},
      {"the order is set", "pods", ab,
       R"({"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"a","tty":true}]}})",
       pod(R"([{"name":"b","image":"b:1"},{"name":"a","image":"a:1","tty":true}])")},
      {"an order alone", "pods", ab, R"({"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}})",
       pod(R"([{"name":"b","image":"b:1"},{"name":"a","image":"a:1"}])")},
      {"items the order does not name keep their place", "pods", pod(R"([{"name":"x"},{"name":"a"},{"name":"y"}])"),
       R"({"spec":{"$setElementOrder/containers":[{"name":"n"},{"name":"a"}],"containers":[{"name":"n"}]}})",
       pod(R"([{"name":"n"},{"name":"x"},{"name":"a"},{"name":"y"}])")},
      {"lists inside items", "pods", pod(R"([{"name":"a","ports":[{"containerPort":80,"protocol":"TCP"}]}])"),
       pod(R"([{"name":"a","ports":[{"containerPort":80,"name":"web"},{"containerPort":81}]}])"),
       pod(R"([{"name":"a","ports":[{"containerPort":80,"protocol":"TCP","name":"web"},{"containerPort":81}]}])")},
      {"volumes exclude each other's sources", "pods", R"({"spec":{"volumes":[{"name":"v","emptyDir":{}}]}})",
       R"({"spec":{"volumes":[{"$retainKeys":["name","hostPath"],"name":"v","hostPath":{"path":"/x"}}]}})",
       R"({"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}})"},
      {"conditions by type", "nodes", R"({"status":{"conditions":[{"type":"Ready","status":"True","reason":"R"}]}})",
       R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})",
       R"({"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"R"}]}})"},
      {"owners by uid", "configmaps", R"({"metadata":{"ownerReferences":[{"uid":"1","name":"a"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","controller":true},{"$patch":"delete","uid":"2"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","name":"a","controller":true}]}})"},
      {"a list the schema does not declare", "pods", R"({"spec":{"ephemeralContainers":[{"name":"d","image":"i"}]}})",
       R"({"spec":{"ephemeralContainers":[{"name":"d","tty":true}]}})",
       R"({"spec":{"ephemeralContainers":[{"name":"d","image":"i","tty":true}]}})"},
      {"a list that is new", "pods", R"({"spec":{}})",
       pod(R"([{"$patch":"delete","name":"a"},{"name":"b","image":null,"tty":true}])"),
       pod(R"([{"name":"b","tty":true}])")},
      {"a template's metadata", "deployments.apps", R"({"spec":{"template":{"metadata":{"finalizers":["a"]}}}})",
       R"({"spec":{"template":{"metadata":{"finalizers":["b"]}}}})",
       R"({"spec":{"template":{"metadata":{"finalizers":["b","a"]}}}})"},
  });
}

TEST_CASE("strategic merge: lists of scalars") {
  check({
      {"finalizers are a set", "configmaps", finalizers(R"(["a","b"])"), finalizers(R"(["b","c"])"),
       finalizers(R"(["a","b","c"])")},
      {"finalizers are taken out", "configmaps", finalizers(R"(["a","b"])"),
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a","z"]}})", finalizers(R"(["b"])")},
      {"taken out of nothing", "configmaps", R"({"metadata":{}})",
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}})", R"({"metadata":{}})"},
      {"taken out, put in and ordered at once, as kubectl apply does", "configmaps", finalizers(R"(["a","b","own"])"),
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b","c"],)"
       R"("finalizers":["c"]}})",
       finalizers(R"(["b","c","own"])")},
      {"other lists are replaced", "pods", pod(R"([{"name":"a","command":["x","y"]}])"),
       pod(R"([{"name":"a","command":["z"]}])"), pod(R"([{"name":"a","command":["z"]}])")},
      {"lists of objects without a merge key too", "nodes", R"({"spec":{"taints":[{"key":"a","effect":"E"}]}})",
       R"({"spec":{"taints":[{"key":"b","effect":"E","value":null}]}})",
       R"({"spec":{"taints":[{"key":"b","effect":"E"}]}})"},
      {"an empty list replaces", "nodes", R"({"spec":{"taints":[{"key":"a"}]}})", R"({"spec":{"taints":[]}})",
       R"({"spec":{"taints":[]}})"},
      {"but does not empty a merged one", "configmaps", finalizers(R"(["a"])"), finalizers("[]"),
       finalizers(R"(["a"])")},
      {"null empties it", "configmaps", finalizers(R"(["a"])"), finalizers("null"), R"({"metadata":{}})"},
  });
}

TEST_CASE("strategic merge: patches that contradict themselves") {
  const char* strategy = R"({"spec":{"strategy":{"type":"Recreate"}}})";
  const Case cases[] = {
      {"not an object", "pods", "{}", "[]", "must be an object"},
      {"unknown directive", "pods", pod("[]"), R"({"spec":{"$patch":"explode"}})", "explode"},
      {"unknown directive of an item", "pods", pod(R"([{"name":"b"}])"), pod(R"([{"$patch":"explode","name":"a"}])"),
       "explode"},
      {"an item without its key", "pods", pod(R"([{"name":"a"}])"), pod(R"([{"image":"b"}])"),
       "does not contain declared merge key: name"},
      {"deleting without a key", "pods", pod(R"([{"name":"a"}])"), pod(R"([{"$patch":"delete"}])"),
       "does not contain declared merge key: name"},
      {"scalars among keyed items", "pods", pod(R"([{"name":"b"}])"), pod(R"(["a"])"),
       "not identical: [[map[name:b]] [a]]"},
      {"objects in a set", "configmaps", finalizers(R"(["b"])"), finalizers(R"([{"name":"a"}])"),
       "not identical: [[b] [map[name:a]]]"},
      {"$retainKeys without what is set", "deployments.apps", strategy,
       R"({"spec":{"strategy":{"$retainKeys":["rollingUpdate"],"type":"Recreate"}}})",
       "invalid patch format of retainKeys"},
      {"$retainKeys that is no list", "deployments.apps", strategy, R"({"spec":{"strategy":{"$retainKeys":"type"}}})",
       "invalid patch format of retainKeys"},
      {"an order without an item of the patch", "pods", pod("[]"),
       R"({"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b"}]}})", "order"},
      {"an order other than the patch's", "pods", pod("[]"),
       R"({"spec":{"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],)"
       R"("containers":[{"name":"b"},{"name":"a"}]}})",
       "order"},
      {"a directive that is no list", "configmaps", finalizers("[]"),
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":"a"}})", "received a string"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto out = merged(c.resource, c.current, c.patch);
    REQUIRE_FALSE(out.ok());
    CHECK_MESSAGE(out.error().message.find(c.expected) != std::string::npos, out.error().message);
  }
}
