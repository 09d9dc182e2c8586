// Webhooks through the front door: requests at the API, webhook servers in the simulated network.
#include "server/admission/test_webhooks.h"

namespace server {
namespace {

const std::string add_label = R"([{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}])";

TEST_CASE("webhooks: a mutating one changes the object, a validating one sees the result") {
  Admitted f;
  f.hooks.on["/mutate"] = [](const Json&) { return patched(add_label); };
  f.hooks.on["/validate"] = [](const Json&) { return allowed(); };
  f.mutating("m", "/mutate");
  f.validating("v", "/validate");
  const Json made = f.post(maps + "?fieldManager=me", R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  CHECK(made["metadata"]["labels"]["seen"].string() == "yes");
  CHECK(f.get(maps + "/a")["metadata"]["labels"]["seen"].string() == "yes");
  REQUIRE(f.hooks.asked.size() == 2);
  CHECK(f.hooks.targets.front() == "/mutate?timeout=10s");

  const Json& first = f.hooks.asked[0];
  CHECK(first["operation"].string() == "CREATE");
  CHECK(first["kind"] == f.json(R"({"group":"","version":"v1","kind":"ConfigMap"})"));
  CHECK(first["resource"] == f.json(R"({"group":"","version":"v1","resource":"configmaps"})"));
  CHECK(first["requestKind"] == first["kind"]);
  CHECK(first["requestResource"] == first["resource"]);
  CHECK(first["name"].string() == "a");
  CHECK(first["namespace"].string() == "default");
  CHECK(first["userInfo"]["username"].string() == "ann");
  CHECK(first["userInfo"]["groups"] == Json::array({"system:masters", "system:authenticated"}));
  CHECK(first["dryRun"] == Json(false));
  CHECK(first["options"] == f.json(R"({"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"me"})"));
  CHECK(first["object"]["kind"].string() == "ConfigMap");
  CHECK_FALSE(first["object"]["metadata"].has("uid"));
  CHECK(first["oldObject"].is_null());

  const Json& second = f.hooks.asked[1];
  CHECK(second["object"]["metadata"]["labels"]["seen"].string() == "yes");
  CHECK(second["object"]["metadata"]["uid"] == made["metadata"]["uid"]);
  CHECK(second["uid"] != first["uid"]);
}

TEST_CASE("webhooks: update, patch, apply, status, scale and delete are told as what they are") {
  Admitted f;
  f.hooks.on["/see"] = [](const Json&) { return allowed(); };
  f.validating("v", "/see", f.json(R"({"rules":[{"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],
      "resources":["configmaps","machinedeployments","machinedeployments/*"]}]})"));
  Json doc = f.map("a");
  const auto last = [&]() -> const Json& { return f.hooks.asked.back(); };
  doc.child("data").set("a", "2");
  f.send("PUT", maps + "/a", doc.dump(), 200);
  CHECK(last()["operation"].string() == "UPDATE");
  CHECK(last()["object"]["data"]["a"].string() == "2");
  CHECK(last()["oldObject"]["data"]["a"].string() == "1");
  CHECK(last()["options"]["kind"].string() == "UpdateOptions");

  f.send("PATCH", maps + "/a", R"({"data":{"a":"3"}})", 200, "application/merge-patch+json");
  CHECK(last()["operation"].string() == "UPDATE");
  CHECK(last()["options"]["kind"].string() == "PatchOptions");
  CHECK(last()["oldObject"]["data"]["a"].string() == "2");

  const std::string applied = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"x":"1"}})";
  f.send("PATCH", maps + "/b?fieldManager=me", applied, 201, "application/apply-patch+yaml");
  CHECK(last()["operation"].string() == "CREATE");
  CHECK(last()["options"]["kind"].string() == "CreateOptions");
  CHECK(last()["name"].string() == "b");
  f.send("PATCH", maps + "/b?fieldManager=me&force=true", applied, 200, "application/apply-patch+yaml");
  CHECK(last()["operation"].string() == "UPDATE");
  CHECK(last()["options"] ==
        f.json(R"({"kind":"PatchOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"me","force":true})"));

  f.send("DELETE", maps + "/b", R"({"propagationPolicy":"Foreground","dryRun":["All"]})", 200);
  CHECK(last()["operation"].string() == "DELETE");
  CHECK(last()["object"].is_null());
  CHECK(last()["oldObject"]["metadata"]["name"].string() == "b");
  CHECK(last()["dryRun"] == Json(true));
  CHECK(last()["options"]["propagationPolicy"].string() == "Foreground");
  f.get(maps + "/b");

  f.hooks.asked.clear();
  f.send("DELETE", maps, "", 200);
  REQUIRE(f.hooks.asked.size() == 2);
  CHECK(f.hooks.asked[0]["oldObject"]["metadata"]["name"].string() == "a");
  CHECK(f.hooks.asked[1]["name"].string() == "b");

  const std::string sets = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/machinedeployments";
  f.post(sets, R"({"apiVersion":"cluster.x-k8s.io/v1beta2","kind":"MachineDeployment","metadata":{"name":"d"},
    "spec":{"clusterName":"c","replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":
    {"a":"b"}},"spec":{"clusterName":"c","bootstrap":{"dataSecretName":"s"},"infrastructureRef":{"apiGroup":
    "infrastructure.cluster.x-k8s.io","kind":"Metal3MachineTemplate","name":"t"}}}}})");
  f.send("PATCH", sets + "/d/scale", R"({"spec":{"replicas":3}})", 200, "application/merge-patch+json");
  CHECK(last()["subResource"].string() == "scale");
  CHECK(last()["kind"] == f.json(R"({"group":"autoscaling","version":"v1","kind":"Scale"})"));
  CHECK(last()["resource"]["resource"].string() == "machinedeployments");
  CHECK(last()["object"]["spec"]["replicas"] == Json(3));
  CHECK(last()["oldObject"]["spec"]["replicas"] == Json(1));
  f.send("PATCH", sets + "/d/status", R"({"status":{"replicas":1}})", 200, "application/merge-patch+json");
  CHECK(last()["subResource"].string() == "status");
  CHECK(last()["requestSubResource"].string() == "status");
}

TEST_CASE("webhooks: denials have the webhook's words and code") {
  Admitted f;
  f.hooks.on["/deny"] = [](const Json&) { return refused("not today"); };
  f.validating("v", "/deny");
  const Json denied = f.map("a", 400);
  CHECK(denied == f.json(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
    "message":"admission webhook \"v.hooks.example.com\" denied the request: not today","code":400})"));
  f.hooks.on["/deny"] = [&](const Json&) {
    return f.json(R"({"allowed":false,"status":{"code":403,"reason":"Forbidden"}})");
  };
  const Json forbidden = f.map("a", 403);
  CHECK(forbidden["message"].string() == "admission webhook \"v.hooks.example.com\" denied the request: Forbidden");
  CHECK(forbidden["reason"].string() == "Forbidden");
  f.hooks.on["/deny"] = [&](const Json&) { return f.json(R"({"allowed":false})"); };
  CHECK(f.map("a", 400)["message"].string() ==
        "admission webhook \"v.hooks.example.com\" denied the request without explanation");
  f.get(maps + "/a", 404);
}

TEST_CASE("webhooks: a validating one that asks for a change, and other answers that are worth nothing") {
  Admitted f;
  const std::string lead = "Internal error occurred: failed calling webhook ";
  const auto message = [&] { return f.map("a", 500)["message"].string(); };
  f.hooks.on["/v"] = [](const Json&) { return patched(add_label); };
  f.validating("v", "/v");
  const std::string v = lead + "\"v.hooks.example.com\": ";
  CHECK(message() == v + "received invalid webhook response: validating webhook may not return response.patch");
  f.hooks.on["/v"] = [](const Json&) { return allowed().set("uid", "other"); };
  CHECK(message().starts_with(v + "received invalid webhook response: expected response.uid=\""));
  CHECK(message().ends_with("\", got \"other\""));
  f.hooks.raw["/v"] = [](const Json&) { return net::Response::text(200, "{"); };
  CHECK(message().starts_with(v + "failed to call webhook: couldn't get version/kind; json parse error: "));
  f.hooks.raw["/v"] = [](const Json& body) {
    return net::Response::json(
        200, Json::object(
                 {{"kind", "AdmissionReview"}, {"apiVersion", "admission.k8s.io/v1"}, {"request", body["request"]}}));
  };
  CHECK(message() == v + "received invalid webhook response: webhook response was absent");
  f.hooks.raw["/v"] = [](const Json& body) {
    Json response = allowed().set("uid", body["request"]["uid"]);
    return net::Response::json(200, Json::object({{"kind", "Review"}, {"apiVersion", "v7"}, {"response", response}}));
  };
  CHECK(message() == v + "received invalid webhook response: expected webhook response of admission.k8s.io/v1, "
                         "Kind=AdmissionReview, got v7, Kind=Review");
  f.hooks.raw["/v"] = [](const Json&) { return net::Response::text(500, "boom\n"); };
  CHECK(message() == v + "failed to call webhook: an error on the server (\"boom\") has prevented the request from "
                         "succeeding");
  f.hooks.raw["/v"] = [](const Json&) {
    return net::Response{307, {{"Location", "https://elsewhere.example.com/"}}, ""};
  };
  CHECK(message() == v + "failed to call webhook: the webhook answers with a redirect (307), which is not followed");
  f.hooks.raw.clear();

  f.hooks.on["/v"] = [](const Json&) { return allowed(); };
  f.mutating("m", "/m");
  const std::string m = lead + "\"m.hooks.example.com\": ";
  f.hooks.on["/m"] = [](const Json&) { return allowed().set("patch", base::base64(add_label)); };
  CHECK(message() == m + "received invalid webhook response: webhook returned response.patch but not "
                         "response.patchType");
  f.hooks.on["/m"] = [](const Json&) { return allowed().set("patchType", "JSONPatch"); };
  CHECK(message() == m + "received invalid webhook response: webhook returned response.patchType but not "
                         "response.patch");
  f.hooks.on["/m"] = [](const Json&) { return patched(add_label).set("patchType", "Merge"); };
  CHECK(message() == m + "unsupported patch type \"Merge\"");
  f.hooks.on["/m"] = [](const Json&) { return patched("[{"); };
  CHECK(message().starts_with(m + "received undecodable patch in webhook response: "));
  f.hooks.on["/m"] = [](const Json&) { return patched(R"([{"op":"remove","path":"/nothing"}])"); };
  CHECK(message().starts_with("Internal error occurred: "));
  f.get(maps + "/a", 404);
}

TEST_CASE("webhooks: who cannot be reached, is too slow or shows another name") {
  Admitted f;
  f.hooks.on["/v"] = [](const Json&) { return allowed(); };
  const auto client = [&](const std::string& url) {
    return Json::object({{"timeoutSeconds", 2},
                         {"clientConfig", Json::object({{"url", url}, {"caBundle", base::base64(f.hooks.ca_pem)}})}});
  };
  const auto remove = [&] {
    f.send("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v", "", 200);
  };
  const std::string lead =
      "Internal error occurred: failed calling webhook \"v.hooks.example.com\": failed to call "
      "webhook: ";
  f.validating("v", "/v", client("https://hooks.example.com:444/v"));
  CHECK(f.map("a", 500)["message"].string() ==
        lead + "Post \"https://hooks.example.com:444/v?timeout=2s\": connection to hooks.example.com:444 refused");
  remove();
  f.validating("v", "/v", client("https://nowhere.example.com/v"));
  CHECK(f.map("a", 500)["message"].string() ==
        lead + "Post \"https://nowhere.example.com/v?timeout=2s\": no such host: nowhere.example.com");
  remove();

  f.validating("v", "/v", client("https://hooks.example.com/v"));
  f.hooks.pause = base::seconds(5);
  const auto before = f.sys.loop.now();
  CHECK(f.map("a", 500)["message"].string() ==
        lead + "Post \"https://hooks.example.com/v?timeout=2s\": context deadline exceeded");
  CHECK(f.sys.loop.now() - before < base::seconds(3));
  f.hooks.pause = base::seconds(1);
  f.map("in-time");
  f.hooks.pause = base::Duration::zero();
  remove();

  WebhookServer other(f.world, "10.0.0.3", "other.example.com");
  other.on["/v"] = [](const Json&) { return allowed(); };
  Json wrong = client("https://10.0.0.3/v");
  wrong.child("clientConfig").set("caBundle", base::base64(f.hooks.ca_pem));
  f.validating("v", "/v", wrong);  // an authority that is not the other server's
  const std::string unknown = f.map("a", 500)["message"].string();
  CHECK(unknown.starts_with(lead + "Post \"https://10.0.0.3/v?timeout=2s\": "));
  remove();
  // The right authority, but the name of the service is not in the certificate.
  const Json service = f.json(R"({"timeoutSeconds":2,"clientConfig":{"url":null,"service":{"namespace":"hooks",
    "name":"svc","path":"/v"}}})");
  f.validating("v", "/v", service);
  const std::string mismatch = f.map("a", 500)["message"].string();
  CHECK(mismatch.starts_with(lead + "Post \"https://svc.hooks.svc:443/v?timeout=2s\": "));
  CHECK(mismatch.find("svc.hooks.svc") != std::string::npos);
  remove();
  f.validating("v", "/v",
               f.json(R"({"failurePolicy":"Ignore","clientConfig":{"url":"https://nowhere.example.com/"}})"));
  f.map("a");
  remove();
  f.validating("v", "/v", f.json(R"({"clientConfig":{"url":null,"service":{"namespace":"x","name":"y"}}})"));
  CHECK(f.map("b", 500)["message"].string() ==
        lead +
            "Post \"https://y.x.svc:443/?timeout=10s\": service \"y\" not found: there is no cluster network; say "
            "where it is with --service-address x/y=host:port");
}

TEST_CASE("webhooks: repeated slashes in a URL are one") {
  Admitted f;
  f.hooks.on["/in/here"] = [](const Json&) { return refused("found"); };
  f.validating("v", "/v", f.json(R"({"clientConfig":{"url":"https://hooks.example.com//in//here"}})"));
  CHECK(f.map("a", 400)["message"].string().ends_with("denied the request: found"));
}

TEST_CASE("webhooks: a service is reached at its address, by its own name") {
  Admitted f;
  WebhookServer service(f.world, "10.0.0.4", "svc2.hooks.svc");
  service.on["/in"] = [](const Json&) { return allowed(); };
  Options options;
  options.tokens = [](std::string_view) { return User{"ann", {"system:masters"}}; };
  options.services = {{"hooks/svc2:8443", {"10.0.0.4", 443}}};
  f.api = std::make_unique<ApiServer>(f.sys, *f.registry, options);
  Json config = f.json(R"({"clientConfig":{"url":null,"service":{"namespace":"hooks","name":"svc2","path":"/in",
    "port":8443}}})");
  config.child("clientConfig").set("caBundle", base::base64(service.ca_pem));
  f.validating("v", "/in", config);
  f.map("a");
  f.map("b");
  CHECK(service.asked.size() == 2);
}

TEST_CASE("webhooks: what they are asked about: rules, scope, selectors") {
  Admitted f;
  f.hooks.on["/deny"] = [](const Json&) { return refused("no"); };
  const auto only = [&](const std::string& more) {
    f.send("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "", 200);
    f.validating("v", "/deny", f.json(more));
  };
  const auto rule = [](const std::string& text) { return R"({"rules":[)" + text + "]}"; };
  int n = 0;
  const auto asked = [&](const std::string& more) {
    only(more);
    f.hooks.asked.clear();
    const std::string name = "n" + std::to_string(++n);
    auto pending = f.begin("POST", maps, R"({"metadata":{"name":")" + name + R"(","labels":{"a":"b"}}})");
    REQUIRE(f.world.loop().run_until([&] { return pending.fiber.done(); }));
    const int status = pending.exchange->response.status;
    CHECK(status == (f.hooks.asked.empty() ? 201 : 400));
    return status == 400;
  };
  CHECK(asked(rule(R"({"operations":["CREATE"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"]})")));
  CHECK(asked(rule(R"({"operations":["*"],"apiGroups":[""],"apiVersions":["v1"],"resources":["*/*"]})")));
  CHECK_FALSE(asked(rule(R"({"operations":["UPDATE"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"]})")));
  CHECK_FALSE(asked(rule(R"({"operations":["*"],"apiGroups":["apps"],"apiVersions":["*"],"resources":["*"]})")));
  CHECK_FALSE(asked(rule(R"({"operations":["*"],"apiGroups":["*"],"apiVersions":["v2"],"resources":["*"]})")));
  CHECK_FALSE(asked(rule(R"({"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*/status"]})")));
  CHECK_FALSE(
      asked(rule(R"({"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["configmaps/x"]})")));
  const std::string any = R"("operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"])";
  CHECK(asked(rule("{" + any + R"(,"scope":"Namespaced"})")));
  CHECK_FALSE(asked(rule("{" + any + R"(,"scope":"Cluster"})")));
  CHECK(asked(R"({"objectSelector":{"matchLabels":{"a":"b"}}})"));
  CHECK_FALSE(asked(R"({"objectSelector":{"matchLabels":{"a":"c"}}})"));
  CHECK(asked(R"({"namespaceSelector":{"matchLabels":{"env":"prod"}}})"));
  CHECK(asked(R"({"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"default"}}})"));
  CHECK_FALSE(
      asked(R"({"namespaceSelector":{"matchExpressions":[{"key":"env","operator":"NotIn","values":["prod"]}]}})"));

  // A namespace is judged by its own labels, and never locks the configurations out.
  only(R"({"namespaceSelector":{"matchLabels":{"x":"y"}},"rules":[{)" + any + "}]}");
  f.post("/api/v1/namespaces", R"({"metadata":{"name":"one","labels":{"x":"y"}}})", 400);
  f.post("/api/v1/namespaces", R"({"metadata":{"name":"two"}})");
  f.send("PATCH", "/api/v1/namespaces/two", R"({"metadata":{"labels":{"x":"y"}}})", 400,
         "application/merge-patch+json");
  only("{\"rules\":[{" + any + "}]}");
  f.hooks.asked.clear();
  f.validating("another", "/deny");
  CHECK(f.hooks.asked.empty());
  // Either the old or the new object is selected.
  only(R"({"objectSelector":{"matchLabels":{"a":"b"}}})");
  f.send("PATCH", maps + "/n3", R"({"metadata":{"labels":null}})", 400, "application/merge-patch+json");
}

TEST_CASE("webhooks: another version of the kind is shown converted, unless matchPolicy is Exact") {
  Admitted f;
  f.hooks.on["/m"] = [](const Json&) {
    return patched(R"([{"op":"add","path":"/metadata/annotations","value":{"by":"hook"}}])");
  };
  const std::string rule = R"("rules":[{"operations":["*"],"apiGroups":["cluster.x-k8s.io"],"apiVersions":["v1beta1"],
    "resources":["clusters"]}])";
  f.mutating("m", "/m", f.json("{" + rule + "}"));
  const std::string clusters = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters";
  const auto cluster = [](const std::string& name) {
    return R"({"apiVersion":"cluster.x-k8s.io/v1beta2","kind":"Cluster","metadata":{"name":")" + name +
           R"("},"spec":{"paused":true,"infrastructureRef":{"apiGroup":"infrastructure.cluster.x-k8s.io","kind":"Metal3Cluster","name":"m"},
           "controlPlaneEndpoint":{"host":"h","port":6443}}})";
  };
  const Json made = f.post(clusters, cluster("a"));
  CHECK(made["metadata"]["annotations"]["by"].string() == "hook");
  CHECK(made["spec"]["controlPlaneEndpoint"]["port"] == Json(6443));
  REQUIRE(f.hooks.asked.size() == 1);
  const Json& asked = f.hooks.asked[0];
  CHECK(asked["object"]["apiVersion"].string() == "cluster.x-k8s.io/v1beta1");
  CHECK(asked["kind"]["version"].string() == "v1beta1");
  CHECK(asked["resource"]["version"].string() == "v1beta1");
  CHECK(asked["requestKind"]["version"].string() == "v1beta2");
  CHECK(asked["requestResource"]["version"].string() == "v1beta2");
  f.send("DELETE", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/m", "", 200);
  f.mutating("m", "/m", f.json("{\"matchPolicy\":\"Exact\"," + rule + "}"));
  CHECK_FALSE(f.post(clusters, cluster("b"))["metadata"].has("annotations"));
}

TEST_CASE("webhooks: mutating ones go by name, are defaulted after and asked again when needed") {
  Admitted f;
  std::string order;
  const auto appends = [&](const std::string& letter) {
    return [&order, letter](const Json& request) {
      order += letter;
      const bool there = request["object"]["data"].has(letter);
      return there ? allowed() : patched(R"([{"op":"add","path":"/data/)" + letter + R"(","value":"x"}])");
    };
  };
  f.hooks.on["/a"] = appends("a");
  f.hooks.on["/b"] = appends("b");
  f.hooks.on["/c"] = appends("c");
  f.mutating("c", "/c");
  f.mutating("a", "/a", f.json(R"({"reinvocationPolicy":"IfNeeded"})"));
  f.mutating("b", "/b");
  f.post(maps, R"({"metadata":{"name":"x"},"data":{"k":"v"}})");
  CHECK(order == "abca");  // b and c changed it after a, which is asked once more
  CHECK(f.get(maps + "/x")["data"].size() == 4);
  order.clear();
  f.send("PATCH", maps + "/x", R"({"data":{"k":"w"}})", 200, "application/merge-patch+json");
  CHECK(order == "abc");  // nobody changed anything

  // Defaults come back, and metadata that is the server's stays.
  f.hooks.on["/s"] = [](const Json& request) {
    if (request["operation"].string() != "CREATE")
      return patched(R"([{"op":"replace","path":"/metadata/uid","value":"u"},
      {"op":"add","path":"/metadata/generation","value":77}])");
    return patched(R"([{"op":"remove","path":"/type"}])");
  };
  f.mutating("s", "/s", f.json(R"({"rules":[{"operations":["*"],"apiGroups":[""],"apiVersions":["v1"],
    "resources":["secrets"]}]})"));
  const Json secret = f.post("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"}})");
  CHECK(secret["type"].string() == "Opaque");
  const Json after = f.send("PATCH", "/api/v1/namespaces/default/secrets/s", R"({"stringData":{"a":"b"}})", 200,
                            "application/merge-patch+json");
  CHECK(after["metadata"]["uid"] == secret["metadata"]["uid"]);
  CHECK_FALSE(after["metadata"].has("generation"));
}

TEST_CASE("webhooks: validating ones are asked at the same time, the first no counts") {
  Admitted f;
  f.hooks.on["/slow"] = [](const Json&) { return refused("too"); };
  for (const char* name : {"a", "b", "c", "d"}) f.validating(name, "/slow");
  f.hooks.pause = base::seconds(1);
  const auto before = f.sys.loop.now();
  f.map("x", 400);
  CHECK(f.sys.loop.now() - before < base::milliseconds(1500));
  CHECK(f.hooks.asked.size() == 4);
}

TEST_CASE("webhooks: a dry run goes through those without side effects only") {
  Admitted f;
  f.hooks.on["/m"] = [](const Json&) { return patched(add_label); };
  f.mutating("m", "/m", f.json(R"({"sideEffects":"NoneOnDryRun"})"));
  const Json made = f.post(maps + "?dryRun=All", R"({"metadata":{"name":"a"}})");
  CHECK(made["metadata"]["labels"]["seen"].string() == "yes");
  CHECK(f.hooks.asked[0]["dryRun"] == Json(true));
  f.get(maps + "/a", 404);
  // Some and Unknown cannot be configured any more, but are there in old configurations.
  auto old = f.store->get("mutatingwebhookconfigurations.admissionregistration.k8s.io", "", "m");
  Json doc = old->doc();
  doc.child("webhooks").item(0).set("sideEffects", "Some");
  REQUIRE(f.store->put(old->key, std::move(doc), old->revision));
  const Json refused = f.post(maps + "?dryRun=All", R"({"metadata":{"name":"a"}})", 400);
  CHECK(refused["message"].string() == "admission webhook \"m.hooks.example.com\" does not support dry run");
  CHECK(refused["reason"].string() == "BadRequest");
  f.map("a");
}

TEST_CASE("webhooks: warnings reach the client; managed fields that a webhook spoils are put back") {
  Admitted f;
  f.hooks.on["/m"] = [&](const Json&) {
    return patched(R"([{"op":"add","path":"/metadata/managedFields","value":[{"operation":"Guess"}]}])")
        .set("warnings", Json::array({"mind the gap"}));
  };
  f.mutating("m", "/m");
  const std::string applied = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"x":"1"}})";
  const Json made = f.send("PATCH", maps + "/b?fieldManager=me", applied, 201, "application/apply-patch+yaml");
  REQUIRE(f.warnings.size() == 2);
  CHECK(f.warnings[0] == "299 - \"mind the gap\"");
  CHECK(f.warnings[1].starts_with("299 - \".metadata.managedFields was in an invalid state after admission; "));
  CHECK(made["metadata"]["managedFields"].at(0)["manager"].string() == "me");
}

TEST_CASE("webhooks: what they look at may change under them") {
  Admitted f;
  const Json made = f.map("a");
  f.hooks.on["/v"] = [](const Json&) { return allowed(); };
  f.validating("v", "/v");
  f.hooks.pause = base::seconds(1);
  // Two patches of different fields: both come through, one of them by a second try.
  auto first = f.begin("PATCH", maps + "/a", R"({"data":{"x":"1"}})", "application/merge-patch+json");
  auto second = f.begin("PATCH", maps + "/a", R"({"data":{"y":"2"}})", "application/merge-patch+json");
  f.end(first, 200);
  f.end(second, 200);
  const Json now = f.get(maps + "/a");
  CHECK(now["data"] == f.json(R"({"a":"1","x":"1","y":"2"})"));
  CHECK(f.hooks.asked.size() == 3);
  // A put that names its revision loses against one that was faster; one that names none does not.
  using Statuses = std::pair<int, int>;
  const auto put = [&](const Json& doc) { return f.begin("PUT", maps + "/a", doc.dump()); };
  CHECK(f.both(put(Json(now).set_path("data.a", "3")), put(Json(now).set_path("data.a", "4"))) == Statuses{200, 409});
  const Json bare = f.json(R"({"metadata":{"name":"a"},"data":{"b":"5"}})");
  CHECK(f.both(put(bare), put(Json(bare).set_path("data.b", "6"))) == Statuses{200, 200});
  // Both want to make the same object.
  const auto make = [&] { return f.begin("POST", maps, R"({"metadata":{"name":"n"}})"); };
  CHECK(f.both(make(), make()) == Statuses{201, 409});
  // The namespace goes while the webhook thinks.
  f.post("/api/v1/namespaces", R"({"metadata":{"name":"gone"}})");
  auto ninth = f.begin("POST", "/api/v1/namespaces/gone/configmaps", R"({"metadata":{"name":"late"}})");
  f.pass(base::milliseconds(500));
  f.send("DELETE", "/api/v1/namespaces/gone", "", 200);
  REQUIRE(f.world.loop().run_until([&] { return ninth.fiber.done(); }));
  CHECK(ninth.exchange->response.status / 100 == 4);
  CHECK_FALSE(f.store->get("configmaps", "gone", "late"));
  // Two deletions: the second finds nothing.
  CHECK(f.both(f.begin("DELETE", maps + "/a", ""), f.begin("DELETE", maps + "/a", "")) == Statuses{200, 404});
}

TEST_CASE("webhooks: a deletion can be denied but not changed; who hangs up does no harm") {
  Admitted f;
  f.map("a");
  f.hooks.on["/m"] = [](const Json&) { return patched(add_label); };
  f.mutating("m", "/m");
  CHECK(f.send("DELETE", maps + "/a", "", 500)["message"].string() ==
        "Internal error occurred: admission webhook \"m.hooks.example.com\" attempted to modify the object, which is "
        "not supported for this operation");
  f.hooks.on["/m"] = [](const Json&) { return refused("stay"); };
  f.send("DELETE", maps + "/a", "", 400);
  f.get(maps + "/a");
  f.hooks.on["/m"] = [](const Json&) { return allowed(); };
  f.hooks.pause = base::seconds(5);
  f.validating("v", "/m");
  f.validating("w", "/m");
  auto pending = f.begin("DELETE", maps + "/a", "");
  f.pass(base::seconds(6));
  pending.fiber.cancel();
  f.pass(base::seconds(20));
  CHECK(pending.fiber.done());
}

TEST_CASE("webhooks: configurations have defaults, rules and columns") {
  Admitted f;
  const Json made = f.validating("v", "/v", f.json(R"({"clientConfig":{"url":null,"service":{"namespace":"n",
    "name":"s"}}})"));
  const Json& hook = made["webhooks"].at(0);
  CHECK(hook["failurePolicy"].string() == "Fail");
  CHECK(hook["matchPolicy"].string() == "Equivalent");
  CHECK(hook["namespaceSelector"] == Json::object());
  CHECK(hook["objectSelector"] == Json::object());
  CHECK(hook["timeoutSeconds"] == Json(10));
  CHECK(hook["rules"].at(0)["scope"].string() == "*");
  CHECK(hook["clientConfig"]["service"]["port"] == Json(443));
  CHECK_FALSE(hook.has("reinvocationPolicy"));
  CHECK(f.mutating("m", "/m")["webhooks"].at(0)["reinvocationPolicy"].string() == "Never");
  CHECK(made["metadata"]["generation"] == Json(1));
  const auto why = [&](const std::string& more) {
    return f.configure("validating", "x", "/x", f.json(more), 422)["message"].string();
  };
  const std::string lead = "ValidatingWebhookConfiguration.admissionregistration.k8s.io \"x\" is invalid: webhooks[0].";
  CHECK(why(R"({"sideEffects":null})") == lead + "sideEffects: Required value: must specify one of None, NoneOnDryRun");
  CHECK(why(R"({"sideEffects":"Some"})") ==
        lead + "sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"");
  CHECK(why(R"({"admissionReviewVersions":null})") ==
        lead + "admissionReviewVersions: Required value: must specify one of v1, v1beta1");
  CHECK(why(R"({"admissionReviewVersions":["v3"]})") ==
        lead + "admissionReviewVersions: Invalid value: [\"v3\"]: must include at least one of v1, v1beta1");
  CHECK(why(R"({"name":"short.name"})") ==
        lead +
            "name: Invalid value: \"short.name\": should be a domain with at least three segments separated by "
            "dots");
  CHECK(why(R"({"timeoutSeconds":31})") ==
        lead + "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds");
  CHECK(why(R"({"failurePolicy":"Maybe"})") ==
        lead + "failurePolicy: Unsupported value: \"Maybe\": supported values: \"Fail\", \"Ignore\"");
  CHECK(why(R"({"clientConfig":{"url":"http://a/"}})") ==
        lead +
            "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
            "https://host[/path]");
  CHECK(why(R"({"clientConfig":{"service":{"namespace":"n","name":"s"}}})") ==
        lead + "clientConfig: Required value: exactly one of url or service is required");
  CHECK(why(R"({"rules":[{"operations":["*","CREATE"],"apiGroups":["a"],"apiVersions":["v1"],"resources":["b"]}]})") ==
        lead +
            "rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is present, must not specify other "
            "operations");
  CHECK(why(R"({"rules":[{"operations":["*"],"apiGroups":["a"],"apiVersions":["v1"],"resources":["*/*","b"]}]})") ==
        lead +
            "rules[0].resources: Invalid value: [\"*/*\",\"b\"]: if '*/*' is present, must not specify other "
            "resources");
}

}  // namespace
}  // namespace server
