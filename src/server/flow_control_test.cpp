#include "server/flow_control.h"

#include "server/test_people.h"

namespace server {
namespace {

const std::string flow_api = "/apis/flowcontrol.apiserver.k8s.io/v1";

Options limited(uint32_t reads, uint32_t writes) {
  Options out;
  out.flow = {.reads_max = reads, .writes_max = writes, .priorities = true};
  return out;
}

struct Flowing : People {
  explicit Flowing(Options given = limited(400, 200), base::Duration disk_delay = {})
      : People(std::move(given), disk_delay) {
    api->start_flow_control();
    api->bootstrap();
    settle();
  }
  std::string uid(const std::string& plural, const std::string& name) {
    return Fixture::doc(as(root, "GET", flow_api + "/" + plural + "/" + name), 200)["metadata"]["uid"].string();
  }
  // Which schema and level a request of theirs falls into.
  std::string place(const std::string& who, const std::string& target) {
    const auto answer = as(who, "GET", target);
    std::string out;
    for (const std::string plural : {"flowschemas", "prioritylevelconfigurations"}) {
      const auto& said = answer.headers.get(plural == "flowschemas" ? "X-Kubernetes-Pf-FlowSchema-UID"
                                                                    : "X-Kubernetes-Pf-PriorityLevel-UID");
      const Json all = Fixture::doc(as(root, "GET", flow_api + "/" + plural), 200);
      for (const auto& item : all["items"].items()) {
        if (item["metadata"]["uid"].string() == said)
          out += (out.empty() ? "" : " ") + item["metadata"]["name"].string();
      }
    }
    return out;
  }
};

TEST_CASE("requests are sorted as upstream sorts them") {
  Flowing at;
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  CHECK(at.place(People::root, maps) == "exempt exempt");
  CHECK(at.place("ann", maps) == "global-default global-default");
  CHECK(at.place("", "/version") == "global-default global-default");
  CHECK(at.place("", "/healthz") == "probes exempt");
  CHECK(at.place("system:node:a:system:nodes", maps) == "global-default global-default");  // a name with colons
  CHECK(at.place("node:system:nodes", maps) == "system-nodes system");
  CHECK(at.place("node:system:nodes", "/apis/coordination.k8s.io/v1/namespaces/default/leases/n") ==
        "system-node-high node-high");
}

TEST_CASE("ServiceAccounts have a level of their own, those of the system another") {
  Flowing at;
  const auto as_account = [&](const std::string& ns, const std::string& target) {
    const auto answer = at.as(People::root, "GET", target, "",
                              {{"Impersonate-User", "system:serviceaccount:" + ns + ":bot"},
                               {"Impersonate-Group", "system:serviceaccounts"}});
    return answer.headers.get("X-Kubernetes-Pf-FlowSchema-UID");
  };
  CHECK(as_account("default", "/version") == at.uid("flowschemas", "service-accounts"));
  CHECK(as_account("kube-system", "/version") == at.uid("flowschemas", "kube-system-service-accounts"));
  CHECK(as_account("kube-system", "/apis/coordination.k8s.io/v1/namespaces/default/leases/n") ==
        at.uid("flowschemas", "system-leader-election"));
}

TEST_CASE("a schema of one's own takes effect at once") {
  Flowing at;
  at.made(
      flow_api + "/flowschemas",
      R"({"metadata":{"name":"mine"},"spec":{"priorityLevelConfiguration":{"name":"workload-high"},)"
      R"("matchingPrecedence":700,"rules":[{"subjects":[{"kind":"User","user":{"name":"ann"}}],)"
      R"("resourceRules":[{"verbs":["list"],"apiGroups":[""],"resources":["configmaps"],"namespaces":["default"]}]}]}})");
  CHECK(at.place("ann", "/api/v1/namespaces/default/configmaps") == "mine workload-high");
  CHECK(at.place("ann", "/api/v1/namespaces/kube-system/configmaps") == "global-default global-default");
  CHECK(at.place("bob", "/api/v1/namespaces/default/configmaps") == "global-default global-default");
}

TEST_CASE("a schema whose level is missing is passed over and says so") {
  Flowing at;
  at.made(flow_api + "/flowschemas",
          R"({"metadata":{"name":"lost"},"spec":{"priorityLevelConfiguration":{"name":"nowhere"},)"
          R"("matchingPrecedence":700,"rules":[{"subjects":[{"kind":"Group","group":{"name":"*"}}],)"
          R"("nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}]}]}})");
  at.settle();
  const auto dangling = [&](const std::string& name) {
    const Json schema = Fixture::doc(at.as(People::root, "GET", flow_api + "/flowschemas/" + name), 200);
    REQUIRE(schema["status"]["conditions"].size() == 1);
    return schema["status"]["conditions"].at(0)["status"].string();
  };
  CHECK(dangling("lost") == "True");
  CHECK(dangling("global-default") == "False");
  CHECK(at.place("ann", "/version") == "global-default global-default");
  at.made(flow_api + "/prioritylevelconfigurations",
          R"({"metadata":{"name":"nowhere"},"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Reject"}}}})");
  at.settle();
  CHECK(dangling("lost") == "False");
  CHECK(at.place("ann", "/version") == "lost nowhere");
}

TEST_CASE("before anybody has made the objects, requests are sorted as if they were there") {
  People at(limited(400, 200));
  at.api->start_flow_control();
  at.settle();
  CHECK(at.as("ann", "GET", "/version").status == 200);
  CHECK(Fixture::doc(at.as(People::root, "GET", flow_api + "/flowschemas"), 200)["items"].empty());
  at.api->bootstrap();
  at.settle();
  CHECK(Fixture::doc(at.as(People::root, "GET", flow_api + "/flowschemas"), 200)["items"].size() == 13);
}

TEST_CASE("what must be there comes back, suggestions can be changed") {
  Flowing at;
  const std::string levels = flow_api + "/prioritylevelconfigurations/", schemas = flow_api + "/flowschemas/";
  at.removed(schemas + "catch-all");
  at.removed(levels + "workload-low");
  at.settle();
  CHECK(at.as(People::root, "GET", schemas + "catch-all").status == 200);
  CHECK(at.as(People::root, "GET", levels + "workload-low").status == 200);
  const auto shares = [&](const std::string& name, const std::string& patch) {
    CHECK(at.as(People::root, "PATCH", levels + name, patch).status == 200);
    at.settle();
    const Json level = Fixture::doc(at.as(People::root, "GET", levels + name), 200);
    return level["spec"]["limited"]["nominalConcurrencyShares"].integer();
  };
  const std::string more = R"("spec":{"limited":{"nominalConcurrencyShares":77}})";
  CHECK(shares("catch-all", "{" + more + "}") == 5);
  CHECK(shares("workload-high", "{" + more + "}") == 40);
  CHECK(shares("workload-high",
               R"({"metadata":{"annotations":{"apf.kubernetes.io/autoupdate-spec":"false"}},)" + more + "}") == 77);
}

TEST_CASE("what makes no sense is refused") {
  Flowing at;
  const auto refusal = [&](const std::string& plural, const std::string& spec) {
    const auto answer =
        at.as(People::root, "POST", flow_api + "/" + plural, R"({"metadata":{"name":"x"},"spec":)" + spec + "}");
    CHECK(answer.status == 422);
    return People::message(answer);
  };
  CHECK(refusal("prioritylevelconfigurations", R"({"type":"Exempt"})").find("if and only if name is 'exempt'") !=
        std::string::npos);
  CHECK(refusal("prioritylevelconfigurations", R"({"type":"Limited"})").find("spec.limited: Required value") !=
        std::string::npos);
  CHECK(
      refusal("prioritylevelconfigurations",
              R"({"type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{"queues":4,"handSize":5}}}})")
          .find("should not be greater than queues (4)") != std::string::npos);
  CHECK(refusal("flowschemas", R"({"matchingPrecedence":1,"priorityLevelConfiguration":{"name":"system"}})")
            .find("only the schema named 'exempt'") != std::string::npos);
}

// A client that writes as fast as it can, `at_a_time` requests at a time, against a disk that takes 10 ms.
struct SlowDisk : Flowing {
  explicit SlowDisk(Options given) : Flowing(std::move(given), base::milliseconds(10)) {}
  void writer(const std::string& who, int at_a_time, int* done, int* refused, base::Time until) {
    for (int i = 0; i < at_a_time; ++i) {
      sys::spawn(sys.loop, "writer", [=, this] {
        for (int round = 0; sys.loop.now() < until; ++round) {
          net::Request request{.method = "POST", .target = "/api/v1/namespaces/default/configmaps"};
          request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + who}};
          request.body = R"({"metadata":{"name":")" + who.substr(0, who.find(':')) + "-" + std::to_string(i) + "-" +
                         std::to_string(round) + R"("}})";
          TestExchange exchange(sys.loop, std::move(request));
          api->handle(exchange);
          ++*(exchange.response.status == 201 ? done : refused);
          if (exchange.response.status == 429) CHECK(exchange.response.headers.get("Retry-After") == "1");
          if (exchange.response.status == 429 && !sys::sleep(sys.loop, base::seconds(1))) return;
        }
      });
    }
  }
};

TEST_CASE("one greedy client does not starve the others") {
  // 8 seats in all: global-default has 1 of its own and borrows the rest.
  SlowDisk at(limited(5, 3));
  at.made(rbac_api + "/clusterrolebindings",
          R"({"metadata":{"name":"all"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},)"
          R"("subjects":[{"kind":"Group","name":"crew"}]})");
  int greedy = 0, modest = 0, refused = 0, modest_refused = 0;
  const auto until = at.sys.loop.now() + base::seconds(20);
  at.writer("greedy:crew", 1'000, &greedy, &refused, until);
  at.pass(base::seconds(1));
  at.writer("modest:crew", 1, &modest, &modest_refused, until);
  at.pass(base::seconds(20));
  CAPTURE(greedy);
  CHECK(refused > 0);
  CHECK(modest_refused == 0);
  // Alone it would write once in 10 ms, 1900 times; a fair part of the few seats is less, but not much.
  CHECK(modest > 1'000);
  CHECK(greedy > modest);
}

TEST_CASE("every answer has an ID, which the client may choose") {
  People at;
  const std::string id = at.as("ann", "GET", "/version").headers.get("Audit-Id");
  CHECK(id.size() == 36);
  CHECK(id != at.as("ann", "GET", "/version").headers.get("Audit-Id"));
  CHECK(at.as("a.b", "GET", "/version").headers.get("Audit-Id").size() == 36);  // 401
  CHECK(at.as("ann", "GET", "/nowhere").headers.get("Audit-Id").size() == 36);
  CHECK(at.as("ann", "GET", "/version", "", {{"Audit-ID", "mine"}}).headers.get("Audit-Id") == "mine");
}

}  // namespace
}  // namespace server
