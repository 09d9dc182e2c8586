#include <doctest/doctest.h>

#include "server/audit_log.h"
#include "server/test_people.h"

namespace server {
namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";

std::shared_ptr<const AuditOptions> audited(const std::string& rules, std::string more = "") {
  auto policy = AuditPolicy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + more + "rules:\n" + rules);
  REQUIRE_MESSAGE(policy.ok(), (policy.ok() ? "" : policy.error().text()));
  auto out = std::make_shared<AuditOptions>();
  out->policy = *policy;
  out->path = "/logs/audit.log";
  return out;
}

Options with(std::shared_ptr<const AuditOptions> audit) {
  Options out;
  out.audit = std::move(audit);
  return out;
}

struct Audited : People {
  explicit Audited(std::shared_ptr<const AuditOptions> audit) : People(with(std::move(audit))) {
    REQUIRE(sys.disk.make_directories("/logs").ok());
  }
  std::vector<Json> events(const std::string& path = "/logs/audit.log") {
    settle();
    std::vector<Json> out;
    const std::string text = sys.disk.read(path).value_or("");
    for (const auto line : base::split(text, '\n')) {
      if (!line.empty()) out.push_back(*base::parse_json(line));
    }
    return out;
  }
  Json last() {
    auto all = events();
    REQUIRE_FALSE(all.empty());
    return all.back();
  }
};

TEST_CASE("what is written of a request, level by level") {
  Audited at(
      audited("- {level: None, users: [quiet]}\n"
              "- {level: Metadata, resources: [{group: '', resources: [secrets]}]}\n"
              "- {level: Request, verbs: [create], resources: [{group: '', resources: [configmaps]}]}\n"
              "- {level: RequestResponse}\n",
              "omitStages: [RequestReceived]\n"));
  at.as("quiet:system:masters", "GET", maps);
  CHECK(at.events().empty());

  at.as(People::root, "POST", "/api/v1/namespaces/default/secrets",
        R"({"metadata":{"name":"s"},"stringData":{"password":"hunter2"}})", {{"User-Agent", "kubectl/v1.33"}});
  const Json secret = at.last();
  CHECK(secret["kind"].string() == "Event");
  CHECK(secret["apiVersion"].string() == "audit.k8s.io/v1");
  CHECK(secret["level"].string() == "Metadata");
  CHECK(secret["stage"].string() == "ResponseComplete");
  CHECK(secret["requestURI"].string() == "/api/v1/namespaces/default/secrets");
  CHECK(secret["verb"].string() == "create");
  CHECK(secret["user"] ==
        *base::parse_json(R"({"username":"root","groups":["system:masters","system:authenticated"]})"));
  CHECK(secret["sourceIPs"] == Json::array({"10.0.0.9"}));
  CHECK(secret["userAgent"].string() == "kubectl/v1.33");
  CHECK(secret["objectRef"] ==
        *base::parse_json(R"({"resource":"secrets","namespace":"default","name":"s","apiVersion":"v1"})"));
  CHECK(secret["responseStatus"] == *base::parse_json(R"({"metadata":{},"code":201})"));
  CHECK(secret["annotations"]["authorization.k8s.io/decision"].string() == "allow");
  CHECK(secret["requestReceivedTimestamp"].string().size() == 27);
  CHECK(secret["stageTimestamp"].string().size() == 27);
  CHECK(secret.dump().find("hunter2") == std::string::npos);
  CHECK(secret.dump().find(base::base64("hunter2")) == std::string::npos);

  const auto made = at.as(People::root, "POST", maps, R"({"metadata":{"name":"m"},"data":{"a":"b"}})");
  const Json map = at.last();
  CHECK(map["auditID"].string() == made.headers.get("Audit-Id"));
  CHECK(map["level"].string() == "Request");
  CHECK(map["requestObject"]["data"]["a"].string() == "b");
  CHECK_FALSE(map.has("responseObject"));

  at.as(People::root, "PATCH", maps + "/m", R"({"data":{"c":"d"}})");
  const Json patch = at.last();
  CHECK(patch["verb"].string() == "patch");
  CHECK(patch["requestObject"] == *base::parse_json(R"({"data":{"c":"d"}})"));
  CHECK(patch["responseObject"]["data"].size() == 2);

  at.as(People::root, "GET", "/version");
  CHECK(at.last()["requestURI"].string() == "/version");
  CHECK_FALSE(at.last().has("objectRef"));
}

TEST_CASE("refusals say why") {
  Audited at(audited("- level: Metadata\n"));
  at.as("bob", "DELETE", maps + "/m");
  const Json denied = at.last();
  CHECK(denied["annotations"]["authorization.k8s.io/decision"].string() == "forbid");
  CHECK(denied["responseStatus"]["code"].integer() == 403);
  CHECK(denied["responseStatus"]["reason"].string() == "Forbidden");
  CHECK(denied["responseStatus"]["status"].string() == "Failure");
  at.as("a.b", "GET", maps);
  CHECK(at.last()["responseStatus"]["code"].integer() == 401);
  CHECK(at.last()["user"].empty());
  CHECK(at.last().dump().find("a.b") == std::string::npos);
  at.as("bob", "GET", "/version");
  CHECK(at.last()["annotations"]["authorization.k8s.io/reason"].string().find("RBAC: allowed by ClusterRoleBinding") !=
        std::string::npos);
}

TEST_CASE("acting as somebody else shows both") {
  Audited at(audited("- level: Metadata\n"));
  at.as(People::root, "GET", maps, "", {{"Impersonate-User", "bob"}});
  CHECK(at.last()["user"]["username"].string() == "root");
  CHECK(at.last()["impersonatedUser"]["username"].string() == "bob");
}

TEST_CASE("a watch is written down when it starts and when it ends") {
  Audited at(audited("- level: RequestResponse\n"));
  TestExchange exchange(at.sys.loop, {.target = maps + "?watch=true&timeoutSeconds=5",
                                      .headers = {{"Authorization", "Bearer " + People::root}}});
  auto fiber = sys::spawn(at.sys.loop, "watch", [&] { at.api->handle(exchange); });
  REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
  std::string stages;
  for (const auto& event : at.events()) stages += event["stage"].string() + " ";
  CHECK(stages == "RequestReceived ResponseStarted ResponseComplete ");
}

TEST_CASE("the first rule that fits counts") {
  Audited at(
      audited("- {level: None, userGroups: [crew], namespaces: [kube-system]}\n"
              "- {level: None, nonResourceURLs: ['/healthz*']}\n"
              "- {level: None, resources: [{group: '', resources: [configmaps], resourceNames: [boring]}]}\n"
              "- {level: None, resources: [{group: rbac.authorization.k8s.io}]}\n"
              "- {level: None, resources: [{group: '', resources: ['*/token']}]}\n"
              "- {level: Metadata, omitStages: [RequestReceived]}\n"));
  const auto logged = [&](const std::string& who, const std::string& method, const std::string& target) {
    const size_t before = at.events().size();
    at.as(who, method, target);
    return at.events().size() > before;
  };
  CHECK_FALSE(logged("ann:crew", "GET", "/api/v1/namespaces/kube-system/configmaps"));
  CHECK(logged("ann:crew", "GET", maps));
  CHECK(logged("ann", "GET", "/api/v1/namespaces/kube-system/configmaps"));
  CHECK_FALSE(logged("ann", "GET", "/healthz/ping"));
  CHECK(logged("ann", "GET", "/version"));
  CHECK_FALSE(logged("ann", "GET", maps + "/boring"));
  CHECK(logged("ann", "GET", maps + "/other"));
  CHECK_FALSE(logged("ann", "GET", rbac_api + "/clusterroles"));
  CHECK_FALSE(logged("ann", "POST", "/api/v1/namespaces/default/serviceaccounts/default/token"));
  CHECK(logged("ann", "POST", "/api/v1/namespaces/default/serviceaccounts"));
}

TEST_CASE("managed fields can be left out") {
  Audited at(audited("- level: RequestResponse\n", "omitManagedFields: true\n"));
  at.as(People::root, "POST", maps + "?fieldManager=me",
        R"({"metadata":{"name":"m","managedFields":[{"manager":"x"}]}})");
  CHECK_FALSE(at.last()["requestObject"]["metadata"].has("managedFields"));
  CHECK(at.last()["requestObject"]["metadata"]["name"].string() == "m");
  at.as(People::root, "GET", maps);
  const Json list = at.last()["responseObject"];
  CHECK_FALSE(list["items"].empty());
  for (const auto& item : list["items"].items()) {
    CHECK_FALSE(item["metadata"].has("managedFields"));
  }
}

TEST_CASE("a full file is kept aside, and the oldest are removed") {
  auto options = std::make_shared<AuditOptions>(*audited("- level: Metadata\n"));
  options->file_bytes_max = 4'000;
  options->backups_max = 2;
  Audited at(options);
  for (int i = 0; i < 40; ++i) {
    at.as(People::root, "GET", maps + "/m" + std::to_string(i));
    at.settle();
  }
  const auto names = at.sys.disk.list("/logs").value();
  REQUIRE(names.size() == 3);
  CHECK(names[0].starts_with("audit-20"));
  CHECK(names[2] == "audit.log");
  CHECK(at.sys.disk.read("/logs/" + names[0]).value().size() <= 4'000);
  CHECK(at.last()["requestURI"].string() == maps + "/m39");
}

TEST_CASE("a policy with a mistake is refused and says where it is") {
  const auto refusal = [](const std::string& rest) {
    const auto policy = AuditPolicy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rest);
    return policy ? "" : policy.error().message;
  };
  CHECK(refusal("rules: []\n") == "the policy has no rules");
  CHECK(refusal("rules: [{level: All}]\n") == "rules[0].level must be None, Metadata, Request or RequestResponse");
  CHECK(refusal("rules: [{level: None, user: [a]}]\n") == "rules[0] has no field \"user\"");
  CHECK(refusal("rules: [{level: None, omitStages: [End]}]\n") == "rules[0].omitStages: there is no stage \"End\"");
  CHECK(refusal("rules: [{level: None, nonResourceURLs: ['/a*b']}]\n").find("only at its end") != std::string::npos);
  CHECK_FALSE(AuditPolicy::parse("kind: Pod").ok());
  CHECK_FALSE(AuditPolicy::parse("{").ok());
}

}  // namespace
}  // namespace server
