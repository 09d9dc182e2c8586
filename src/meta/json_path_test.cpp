#include "meta/json_path.h"

#include <doctest/doctest.h>

using base::Json;

static std::string found(std::string_view path) {
  static const Json doc = *base::parse_json(R"({
    "metadata": {"labels": {"cluster.x-k8s.io/cluster-name": "prod"}, "ownerReferences": [
      {"kind": "ClusterClass", "name": "a"}, {"kind": "Cluster", "name": "b"}]},
    "spec": {"replicas": 3, "online": true},
    "status": {"conditions": [{"type": "Ready", "status": "True", "n": 5}, {"type": "Paused", "status": "False", "n": 1}],
      "nics": [{"name": "eth0"}, {"name": "eth1"}, {"name": "eth2"}]}})");
  const auto parsed = meta::JsonPath::parse(path);
  if (!parsed) return "error: " + parsed.error().message;
  std::string out;
  for (const Json* value : parsed->find(doc)) out += (out.empty() ? "" : " ") + value->dump();
  return out;
}

TEST_CASE("paths as kubectl writes them") {
  const std::pair<const char*, const char*> rows[] = {
      {".spec.replicas", "3"},
      {"spec.replicas", "3"},
      {"{.spec.replicas}", "3"},
      {"$.spec.online", "true"},
      {".spec.missing", ""},
      {".spec.replicas.deeper", ""},
      {R"(.metadata.labels['cluster\.x-k8s\.io/cluster-name'])", "\"prod\""},
      {R"(.metadata.labels.cluster\.x-k8s\.io/cluster-name)", "\"prod\""},
      {".metadata.labels['cluster.x-k8s.io/cluster-name']", "\"prod\""},
      {R"(.status.conditions[?(@.type=="Ready")].status)", "\"True\""},
      {".status.conditions[?(@.type=='Paused')].status", "\"False\""},
      {R"(.status.conditions[?(@.type != "Ready")].n)", "1"},
      {".status.conditions[?(@.n>=5)].type", "\"Ready\""},
      {".status.conditions[?(@.n < 5)].type", "\"Paused\""},
      {".status.conditions[?(@.absent)].type", ""},
      {R"(.metadata.ownerReferences[?(@.kind=="Cluster")].name)", "\"b\""},
      {".status.nics[*].name", R"("eth0" "eth1" "eth2")"},
      {".status.nics[-1].name", "\"eth2\""},
      {".status.nics[0].name", "\"eth0\""},
      {".status.nics[9].name", ""},
      {".status.nics[1:].name", R"("eth1" "eth2")"},
      {".status.nics[0:3:2].name", R"("eth0" "eth2")"},
      {".status.nics[0,2].name", R"("eth0" "eth2")"},
      {".status.nics..name", R"("eth0" "eth1" "eth2")"},
      {".spec.*", "3 true"},
      {".spec['replicas','online']", "3 true"},
  };
  for (const auto& [path, values] : rows) {
    CAPTURE(path);
    CHECK(found(path) == values);
  }
}

TEST_CASE("malformed paths are refused with the position") {
  for (const char* path : {".a[", ".a[?(@.b==", ".a['b", "..", ".a[x]", ".a]", ".a[?(b)]", ".a[0:2:0]"}) {
    CAPTURE(path);
    CHECK(found(path).starts_with("error: JSONPath "));
  }
}
