// Kinds that other controllers would run; here they are stored as kube-apiserver stores them.
#include <doctest/doctest.h>

#include "api/kinds.h"
#include "registry/housekeeping.h"
#include "server/protobuf_body.h"
#include "server/protobuf_messages.h"
#include "server/test_server.h"
#include "wire/protobuf.h"

namespace server {
namespace {

struct Workloads {
  Workloads() {
    Options options;
    options.tokens = [](std::string_view) { return User{"root", {"system:masters"}}; };
    api = std::make_unique<ApiServer>(sys, registry, options);
  }
  ~Workloads() { sys.loop.shut(); }

  net::Response send(const std::string& method, const std::string& target, const std::string& body = "",
                     const std::string& type = "application/json") {
    TestExchange exchange(sys.loop, {.method = method,
                                     .target = target,
                                     .headers = {{"Authorization", "Bearer x"}, {"Content-Type", type}},
                                     .body = body});
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return std::move(exchange.response);
  }
  Json post(const std::string& target, const std::string& body, int status = 201) {
    return Fixture::doc(send("POST", target, body), status);
  }
  Json get(const std::string& target) { return Fixture::doc(send("GET", target), 200); }

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  std::unique_ptr<store::Store> store = Fixture::open(sys, nullptr, {});
  registry::Registry registry{sys, *store, api::management_scheme()};
  registry::Housekeeping housekeeping{sys, registry};
  std::unique_ptr<ApiServer> api;
};

const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
const std::string pods = "/api/v1/namespaces/default/pods";

constexpr const char* small_deployment = R"({"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},
  "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1",
  "ports":[{"containerPort":80}],"livenessProbe":{"httpGet":{"port":"http"}}}]}}}})";

TEST_CASE("workloads: a Deployment gets what upstream's defaulting sets") {
  Workloads at;
  const Json made = at.post(deployments, small_deployment);
  const Json& spec = made["spec"];
  CHECK(spec["replicas"] == Json(1));
  CHECK(spec["strategy"] == *base::parse_json(R"({"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%",
      "maxSurge":"25%"}})"));
  const Json& pod = spec["template"]["spec"];
  CHECK(pod["restartPolicy"].string() == "Always");
  CHECK(pod["securityContext"].is_object());
  CHECK_FALSE(pod.has("enableServiceLinks"));  // of pods alone, not of templates
  const Json& container = pod["containers"].at(0);
  CHECK(container["imagePullPolicy"].string() == "IfNotPresent");
  CHECK(container["ports"].at(0)["protocol"].string() == "TCP");
  CHECK(container["livenessProbe"] ==
        *base::parse_json(R"({"httpGet":{"port":"http","path":"/","scheme":"HTTP"},"timeoutSeconds":1,
          "periodSeconds":10,"successThreshold":1,"failureThreshold":3})"));
  CHECK(made["status"] == Json::object());
  const auto refused = at.post(deployments, R"({"metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{}}}})",
                               422);
  CHECK(refused["message"].string() ==
        "Deployment.apps \"x\" is invalid: spec.template.spec.containers: Required value");
}

TEST_CASE("workloads: status of a creation is not taken, a pod starts Pending") {
  Workloads at;
  const Json made = at.post(pods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i",
      "resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]},"status":{"phase":"Running"}})");
  CHECK(made["status"] == *base::parse_json(R"({"phase":"Pending","qosClass":"Guaranteed"})"));
  CHECK(made["spec"]["containers"].at(0)["resources"]["requests"]["memory"].string() == "1Gi");
  CHECK(made["spec"]["enableServiceLinks"].boolean());
  auto changed = made;
  changed.child("spec").set("restartPolicy", "Never");
  CHECK(at.send("PUT", pods + "/p", changed.dump()).status == 422);
  changed = made;
  changed.child("spec").child("containers").item(0).set("image", "j");
  CHECK(at.send("PUT", pods + "/p", changed.dump()).status == 200);
}

TEST_CASE("workloads: a new pod gets its account, its priority and its tolerations") {
  Workloads at;
  const auto spec_of = [&](const std::string& more, const std::string& notes = "{}") {
    return at.post(pods + "?dryRun=All", R"({"metadata":{"name":"p","annotations":)" + notes +
                                             R"(},"spec":{"containers":[{"name":"c","image":"i"}])" + more +
                                             "}}")["spec"];
  };
  const auto refused = [&](const std::string& more) {
    const std::string body =
        R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}])" + more + "}}";
    return at.post(pods, body, 403)["message"].string();
  };
  const Json plain = spec_of("");
  CHECK(plain["serviceAccountName"].string() == "default");
  CHECK(plain["priority"] == Json(0));
  CHECK(plain["tolerations"].size() == 2);
  CHECK(plain["containers"].at(0)["volumeMounts"].at(0)["name"] == plain["volumes"].at(0)["name"]);
  CHECK(spec_of(R"(,"tolerations":[{"operator":"Exists"}])")["tolerations"].size() == 1);
  // Those who want no token, and pods that a kubelet runs from a file, get none.
  CHECK_FALSE(spec_of(R"(,"automountServiceAccountToken":false)").has("volumes"));
  CHECK_FALSE(spec_of("", R"({"kubernetes.io/config.mirror":"x"})").has("serviceAccountName"));
  at.post("/api/v1/namespaces/default/serviceaccounts",
          R"({"metadata":{"name":"bare"},"automountServiceAccountToken":false})");
  CHECK_FALSE(spec_of(R"(,"serviceAccountName":"bare")").has("volumes"));
  at.post("/apis/scheduling.k8s.io/v1/priorityclasses",
          R"({"metadata":{"name":"high"},"value":7,"globalDefault":true})");
  CHECK(spec_of("")["priorityClassName"].string() == "high");
  CHECK(spec_of(R"(,"priorityClassName":"system-node-critical")")["priority"] == Json(2000001000));
  CHECK(refused(R"(,"priorityClassName":"none")") ==
        "pods \"p\" is forbidden: no PriorityClass with name none was found");
  CHECK(
      refused(R"(,"priority":1)") ==
      "pods \"p\" is forbidden: the integer value of priority (1) must not be provided in pod spec; priority admission "
      "controller computed 7 from the given PriorityClass name");
}

TEST_CASE("workloads: services keep the address they were given") {
  Workloads at;
  const std::string services = "/api/v1/namespaces/default/services";
  const Json made = at.post(services, R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"port":80}]}})");
  const std::string address = made["spec"]["clusterIP"].string();
  CHECK(address.starts_with("10.96."));
  CHECK(made["spec"]["ports"].at(0)["targetPort"] == Json(80));
  const int64_t port = made["spec"]["ports"].at(0)["nodePort"].integer();
  CHECK(port >= 30000);
  CHECK(port <= 32767);
  const Json again = Fixture::doc(
      at.send("PUT", services + "/s",
              R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"port":80}],"selector":{"a":"b"}}})"),
      200);
  CHECK(again["spec"]["clusterIP"].string() == address);
  CHECK(again["spec"]["ports"].at(0)["nodePort"].integer() == port);
  const Json headless =
      at.post(services, R"({"metadata":{"name":"h"},"spec":{"clusterIP":"None","selector":{"a":"b"}}})");
  CHECK(headless["spec"]["clusterIPs"] == Json::array({"None"}));
}

TEST_CASE("workloads: jobs select their pods by UID") {
  Workloads at;
  const std::string jobs = "/apis/batch/v1/namespaces/default/jobs";
  const std::string body = R"({"metadata":{"name":"j"},"spec":{"template":{"spec":{"containers":[
      {"name":"c","image":"i"}],"restartPolicy":")";
  CHECK(at.send("POST", jobs, body + R"(Always"}}}})").status == 422);
  const Json made = at.post(jobs, body + R"(Never"}}}})");
  const std::string uid = made["metadata"]["uid"].string();
  CHECK(made["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"].string() == uid);
  CHECK(made["spec"]["template"]["metadata"]["labels"]["job-name"].string() == "j");
  CHECK(made["spec"]["backoffLimit"] == Json(6));
  CHECK(made["spec"]["completions"] == Json(1));
}

TEST_CASE("workloads: strategic merge finds containers, ports and volumes by their keys") {
  Workloads at;
  at.post(deployments, small_deployment);
  const std::string patch = R"({"spec":{"template":{"spec":{"containers":[{"name":"c","ports":[{"containerPort":81}]},
      {"name":"d","image":"e:2"}],"volumes":[{"name":"v","emptyDir":{}}]}}}})";
  const Json after =
      Fixture::doc(at.send("PATCH", deployments + "/web", patch, "application/strategic-merge-patch+json"), 200);
  const Json& pod = after["spec"]["template"]["spec"];
  CHECK(pod["containers"].size() == 2);
  CHECK(pod["containers"].at(0)["ports"].size() == 2);
  CHECK(pod["containers"].at(0)["image"].string() == "i:1");
  CHECK(pod["volumes"].at(0)["emptyDir"] == Json::object());
}

// A Pod as client-go writes it: what is a pointer in Go is kept although empty, what JSON inlines is nested.
TEST_CASE("workloads: protobuf bodies") {
  using wire::ProtobufWriter;
  Workloads at;
  ProtobufWriter meta, empty_dir, source, volume, quantity, limit, resources, port, container, spec, pod;
  meta.text(1, "p");
  source.message(2, empty_dir);
  volume.text(1, "v");
  volume.message(2, source);
  quantity.text(1, "500m");
  limit.text(1, "cpu");
  limit.message(2, quantity);
  resources.message(1, limit);
  port.text(1, "");
  port.integer(3, 80);
  container.text(1, "c");
  container.text(2, "i:1");
  container.message(6, port);
  container.message(8, resources);
  spec.message(1, volume);
  spec.message(2, container);
  spec.integer(11, 0);  // hostNetwork: false
  pod.message(1, meta);
  pod.message(2, spec);
  ProtobufWriter type, unknown;
  type.text(1, "v1");
  type.text(2, "Pod");
  unknown.message(1, type);
  unknown.message(2, pod);
  const std::string body = std::string("k8s\0", 4) + unknown.bytes();
  const Json made = Fixture::doc(at.send("POST", pods, body, "application/vnd.kubernetes.protobuf"), 201);
  CHECK(made["spec"]["volumes"].at(0) == *base::parse_json(R"({"name":"v","emptyDir":{}})"));
  CHECK(made["spec"]["containers"].at(0)["resources"]["limits"]["cpu"].string() == "500m");
  CHECK(made["spec"]["containers"].at(0)["ports"].at(0)["protocol"].string() == "TCP");
  CHECK_FALSE(made["spec"].has("hostNetwork"));
}

TEST_CASE("workloads: every kind that is not a custom resource has a protobuf message, and no message is empty") {
  for (const auto* kind : api::management_scheme().kinds()) {
    if (kind->custom || kind->group == "apiextensions.k8s.io") continue;
    const auto* message = protobuf_message_of(kind->api_version(kind->storage_version), kind->kind);
    REQUIRE_MESSAGE(message, kind->resource());
    std::vector<const ProtobufMessage*> rest = {message};
    for (int steps = 0; !rest.empty() && steps < 10000; ++steps) {
      const auto* next = rest.back();
      rest.pop_back();
      for (const auto& [number, field] : next->fields) {
        if (field.type != 'm') continue;
        if (field.name != "emptyDir" && field.name != "status")
          CHECK_MESSAGE(!field.message->fields.empty(), field.name);
        rest.push_back(field.message);
      }
    }
    CHECK(rest.empty());
  }
}

TEST_CASE("workloads: columns") {
  Workloads at;
  at.post(deployments, small_deployment);
  TestExchange exchange(at.sys.loop, {.method = "GET",
                                      .target = deployments,
                                      .headers = {{"Authorization", "Bearer x"},
                                                  {"Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"}}});
  auto fiber = sys::spawn(at.sys.loop, "request", [&] { at.api->handle(exchange); });
  REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
  const Json table = Fixture::doc(exchange.response, 200);
  const Json& cells = table["rows"].at(0)["cells"];
  CHECK(cells.at(0).string() == "web");
  CHECK(cells.at(1).string() == "0/1");
  CHECK(cells.at(5).string() == "c");
  CHECK(cells.at(7).string() == "a=b");
}

TEST_CASE("workloads: a scheduler binds a pod, once") {
  Workloads at;
  at.post(pods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  const std::string binding = R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}})";
  CHECK(at.post(pods + "/p/binding", R"({"target":{"kind":"Node"}})", 422)["reason"].string() == "Invalid");
  CHECK(at.post(pods + "/p/binding", binding)["status"].string() == "Success");
  const Json bound = at.get(pods + "/p");
  CHECK(bound["spec"]["nodeName"].string() == "n1");
  CHECK(bound["status"]["conditions"].at(0)["type"].string() == "PodScheduled");
  CHECK(at.post(pods + "/p/binding", binding, 409)["message"].string() ==
        "Operation cannot be fulfilled on pods \"p\": pod p is already assigned to node \"n1\"");
}

TEST_CASE("workloads: an applied Scale owns the replicas by way of the subresource") {
  Workloads at;
  at.post(deployments, small_deployment);
  const std::string scale = "apiVersion: autoscaling/v1\nkind: Scale\nspec: {replicas: 4}\n";
  const auto apply = [&](const std::string& query) {
    return at.send("PATCH", deployments + "/web/scale?" + query, scale, "application/apply-patch+yaml");
  };
  CHECK(apply("").status == 422);
  CHECK(Fixture::doc(apply("fieldManager=s&force=true"), 200)["spec"]["replicas"] == Json(4));
  const Json after = at.get(deployments + "/web");
  CHECK(after["spec"]["replicas"] == Json(4));
  const Json& entry = after["metadata"]["managedFields"].at(0);
  CHECK(entry["subresource"].string() == "scale");
  CHECK(entry["fieldsV1"].dump() == R"({"f:spec":{"f:replicas":{}}})");
}

TEST_CASE("workloads: items of a list do not repeat their kind, events of a watch do") {
  Workloads at;
  at.post(deployments, small_deployment);
  const Json list = at.get(deployments);
  CHECK(list["kind"].string() == "DeploymentList");
  CHECK_FALSE(list["items"].at(0).has("kind"));
  CHECK_FALSE(list["items"].at(0).has("apiVersion"));
  CHECK(list["items"].at(0)["metadata"]["name"].string() == "web");
  CHECK(at.get(deployments + "/web")["kind"].string() == "Deployment");
}

TEST_CASE("workloads: annotations travel with a status, a Deployment's labels do not") {
  Workloads at;
  at.post(deployments, small_deployment);
  const std::string patch = R"({"metadata":{"annotations":{"a":"1"},"labels":{"l":"1"}},"status":{"replicas":3}})";
  const Json after =
      Fixture::doc(at.send("PATCH", deployments + "/web/status", patch, "application/merge-patch+json"), 200);
  CHECK(after["metadata"]["annotations"]["a"].string() == "1");
  CHECK_FALSE(after["metadata"].has("labels"));
  CHECK(after["status"]["replicas"] == Json(3));
  CHECK(after["metadata"]["generation"] == Json(1));
}

TEST_CASE("workloads: a dry run may carry the version of another object") {
  Workloads at;
  Json other = at.post(deployments, small_deployment);
  other.child("metadata").set("name", "other");
  CHECK(at.send("POST", deployments, other.dump()).status == 500);
  CHECK(at.send("POST", deployments + "?dryRun=All", other.dump()).status == 201);
  CHECK(at.send("GET", deployments + "/other").status == 404);
}

TEST_CASE("workloads: certificate requests name their maker and are approved by way of a subresource") {
  Workloads at;
  const std::string requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const Json made = at.post(requests, R"({"metadata":{"name":"c"},"spec":{"request":"YQ==","username":"somebody else",
      "signerName":"kubernetes.io/kube-apiserver-client","usages":["client auth"]}})");
  CHECK(made["spec"]["username"].string() == "root");
  CHECK(made["spec"]["groups"].at(0).string() == "system:masters");
  Json approved = made;
  approved.child("status").child("conditions") =
      Json::array({Json::object({{"type", "Approved"}, {"status", "True"}, {"reason", "r"}, {"message", "m"}})});
  CHECK(at.send("PUT", requests + "/c/approval", approved.dump()).status == 200);
  CHECK(at.get(requests + "/c")["status"]["conditions"].at(0)["type"].string() == "Approved");
}

TEST_CASE("workloads: events of both groups are the same objects") {
  Workloads at;
  const std::string newer = "/apis/events.k8s.io/v1/namespaces/default/events";
  at.post(newer, R"({"metadata":{"name":"e"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"c",
      "reportingInstance":"i","action":"A","reason":"R","note":"said","type":"Normal",
      "regarding":{"kind":"Pod","namespace":"default","name":"p"}})");
  const Json core = at.get("/api/v1/namespaces/default/events/e");
  CHECK(core["apiVersion"].string() == "v1");
  CHECK(core["message"].string() == "said");
  CHECK(core["involvedObject"]["name"].string() == "p");
  CHECK(core["reportingComponent"].string() == "c");
  const Json same = at.get(newer + "/e");
  CHECK(same["apiVersion"].string() == "events.k8s.io/v1");
  CHECK(same["note"].string() == "said");
  CHECK_FALSE(same.has("message"));
  CHECK(at.get(newer)["kind"].string() == "EventList");
  const Json patched = Fixture::doc(
      at.send("PATCH", newer + "/e", R"({"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"}})",
              "application/strategic-merge-patch+json"),
      200);
  CHECK(patched["series"]["count"] == Json(2));
  CHECK(at.get(newer + "?fieldSelector=regarding.name%3Dp")["items"].size() == 1);
  CHECK(at.get(newer + "?fieldSelector=regarding.name%3Dq")["items"].size() == 0);
  const Json groups = at.get("/apis");
  bool listed = false;
  for (const auto& group : groups["groups"].items()) listed = listed || group["name"].string() == "events.k8s.io";
  CHECK(listed);
  CHECK(at.get("/apis/events.k8s.io/v1")["resources"].at(0)["name"].string() == "events");
  CHECK(at.send("GET", "/apis/events.k8s.io/v1beta1/events").status == 404);
}

TEST_CASE("workloads: protobuf answers say what JSON answers say") {
  Workloads at;
  at.post(deployments, small_deployment);
  const auto ask = [&](const std::string& target, const std::string& accept) {
    TestExchange exchange(
        at.sys.loop,
        {.method = "GET", .target = target, .headers = {{"Authorization", "Bearer x"}, {"Accept", accept}}});
    auto fiber = sys::spawn(at.sys.loop, "request", [&] { at.api->handle(exchange); });
    REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
    return std::move(exchange.response);
  };
  const std::string type = "application/vnd.kubernetes.protobuf";
  const auto answer = ask(deployments + "/web", type);
  CHECK(answer.headers.get("Content-Type") == type);
  const auto read = parse_protobuf(answer.body);
  REQUIRE(read.ok());
  // An empty status is not kept in protobuf: here it means nothing.
  Json wanted = at.get(deployments + "/web");
  wanted.erase("status");
  wanted.child("spec").child("template").child("spec").child("containers").item(0).erase("resources");
  CHECK_MESSAGE(*read == wanted, read->dump());
  CHECK(ask(deployments, type).headers.get("Content-Type") == type);
  CHECK(ask(deployments, type + ",application/json").headers.get("Content-Type") == type);
  CHECK(ask(deployments, "application/json," + type).headers.get("Content-Type") == "application/json");
  const std::string metadata = type + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
  CHECK(ask(deployments, metadata).headers.get("Content-Type") == type);
  const std::string clusters = "/apis/cluster.x-k8s.io/v1beta2/clusters";
  CHECK(ask(clusters, type).status == 406);
  CHECK(ask(clusters, type + ",application/json").headers.get("Content-Type") == "application/json");
}

}  // namespace
}  // namespace server
