#include "api/rules/core.h"

#include "api/rules/test_rules.h"
#include "meta/table.h"

using api::rules::parsed;
using base::Json;

static std::string findings(const char* resource, std::string_view text, std::string_view before) {
  const Json old = before.empty() ? Json() : parsed(before);
  return api::rules::findings(api::rules::kind_of(resource), parsed(text), before.empty() ? nullptr : &old);
}

TEST_CASE("stringData becomes data, type becomes Opaque") {
  Json secret = parsed(R"({"stringData":{"user":"admin"},"data":{"user":"eA==","k":"eA=="}})");
  api::rules::fill_secret(secret, nullptr);
  CHECK(secret.dump() == R"({"data":{"user":"YWRtaW4=","k":"eA=="},"type":"Opaque"})");
  const Json old = parsed(R"({"type":"kubernetes.io/tls"})");
  Json update = Json::object();
  api::rules::fill_secret(update, &old);
  CHECK(update["type"].string() == "kubernetes.io/tls");
}

TEST_CASE("core rules, with upstream's texts") {
  struct Row {
    const char *resource, *doc, *old, *text;
  };
  const Row rows[] = {
      {"secrets", R"({"data":{"a":"eA=="}})", "", ""},
      {"secrets", R"({"type":"kubernetes.io/tls","data":{"tls.crt":""}})", "", "data[tls.key]: Required value"},
      {"secrets", R"({"type":"kubernetes.io/dockercfg","data":{".dockercfg":"WzFd"}})", "",
       "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of "
       "type map[string]interface {}"},
      {"secrets", R"({"type":"a"})", R"({"type":"b"})", "type: Invalid value: \"a\": field is immutable"},
      {"secrets", R"({"type":"a","immutable":true,"data":{"k":"eA=="}})", R"({"type":"a","immutable":true})",
       "data: Forbidden: field is immutable when `immutable` is set"},
      {"secrets", R"({"type":"a"})", R"({"type":"a","immutable":true})",
       "immutable: Forbidden: field is immutable when `immutable` is set"},
      {"configmaps", R"({"data":{"a":"x"},"binaryData":{"a":"eA=="}})", "",
       "data[a]: Invalid value: \"a\": duplicate of key present in binaryData"},
      {"configmaps", R"({"data":{"..":"x"}})", "", "data[..]: Invalid value: \"..\": must not be '..'"},
      {"leases.coordination.k8s.io", R"({"spec":{"leaseDurationSeconds":0}})", "",
       "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
      {"events", R"({"metadata":{"namespace":"a"},"involvedObject":{"namespace":"b"}})", "",
       "involvedObject.namespace: Invalid value: \"b\": does not match event.namespace"},
      {"events", R"({"metadata":{"namespace":"default"},"involvedObject":{"kind":"Node"}})", "", ""},
      {"rolebindings.rbac.authorization.k8s.io", R"({"kind":"RoleBinding","roleRef":{"kind":"Role","name":"b"}})",
       R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"a"}})",
       "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"b\"}: cannot "
       "change roleRef"},
      {"deployments.apps",
       R"({"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[]}}}})",
       "", "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.doc);
    CHECK(findings(row.resource, row.doc, row.old) == row.text);
  }
}

static std::string row_of(const char* resource, std::string_view text) {
  const meta::Kind* kind = api::workload_scheme().by_resource(resource);
  REQUIRE(kind);
  const meta::Table table(*kind, kind->storage());
  const auto now = base::parse_rfc3339("2026-01-01T01:00:00Z");
  return table.cells(parsed(text), *now).dump();
}

TEST_CASE("cells of core kinds") {
  CHECK(row_of("secrets", R"({"metadata":{"name":"s","creationTimestamp":"2026-01-01T00:54:57Z"},"type":"Opaque",
      "data":{"a":"","b":""}})") == R"(["s","Opaque",2,"5m3s"])");
  CHECK(row_of("events", R"({"metadata":{"name":"e"},"lastTimestamp":"2026-01-01T00:59:30Z","type":"Normal","count":3,
      "reason":"Made","message":" It was made.\n","involvedObject":{"kind":"Machine","name":"m"},
      "source":{"component":"ingot"}})") ==
        R"(["30s","Normal","Made","machine/m",null,"ingot","It was made.","<unknown>",3,"e"])");
  CHECK(row_of("nodes", R"({"metadata":{"name":"n","labels":{"node-role.kubernetes.io/control-plane":""}},
      "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
      "addresses":[{"type":"InternalIP","address":"10.0.0.1"}],"nodeInfo":{"kubeletVersion":"v1.33.0"}}})") ==
        R"(["n","Ready,SchedulingDisabled","control-plane","<unknown>","v1.33.0","10.0.0.1","<none>","<unknown>",)"
        R"("<unknown>","<unknown>"])");
  CHECK(row_of("pods", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"},{"name":"d"}],"nodeName":"n"},
      "status":{"phase":"Running","podIP":"10.1.1.1","containerStatuses":[{"ready":true,"restartCount":2},
      {"ready":false,"restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})") ==
        R"(["p","1/2","CrashLoopBackOff","3","<unknown>","10.1.1.1","n","<none>","<none>"])");
}
