#include "server/rbac.h"

#include "server/test_people.h"

namespace server {
namespace {

PolicyRule rule(const char* text) {
  const auto parsed = base::parse_json(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return rules_of(Json::array({*parsed})).front();
}

Attributes asks(const char* verb, const char* group, const char* resource, const char* name = "") {
  const std::string_view full = resource;
  const size_t slash = full.find('/');
  return {.verb = verb,
          .group = group,
          .resource = std::string(full.substr(0, slash)),
          .subresource = slash == std::string_view::npos ? "" : std::string(full.substr(slash + 1)),
          .ns = "n",
          .name = name,
          .path = {}};
}

Attributes path(const char* verb, const char* url) {
  Attributes out;
  out.verb = verb;
  out.path = url;
  return out;
}

TEST_CASE("what one rule allows") {
  const auto pods = rule(R"({"apiGroups":[""],"resources":["pods","pods/log"],"verbs":["get","list"]})");
  const auto one = rule(R"({"apiGroups":["apps"],"resources":["*"],"verbs":["*"],"resourceNames":["a"]})");
  const auto scales = rule(R"({"apiGroups":["*"],"resources":["*/scale"],"verbs":["update"]})");
  const auto urls = rule(R"({"nonResourceURLs":["/api/*","/version"],"verbs":["get"]})");
  struct Row {
    const PolicyRule* rule;
    Attributes asked;
    bool allowed;
  };
  const Row rows[] = {
      {&pods, asks("get", "", "pods"), true},
      {&pods, asks("get", "", "pods", "x"), true},
      {&pods, asks("get", "", "pods/log", "x"), true},
      {&pods, asks("get", "", "pods/exec", "x"), false},
      {&pods, asks("delete", "", "pods", "x"), false},
      {&pods, asks("get", "apps", "pods"), false},
      {&pods, asks("*", "", "pods"), false},
      {&pods, asks("get", "", "*"), false},
      {&one, asks("delete", "apps", "deployments", "a"), true},
      {&one, asks("delete", "apps", "deployments/status", "a"), true},
      {&one, asks("delete", "apps", "deployments", "b"), false},
      {&one, asks("list", "apps", "deployments"), false},
      {&one, path("get", "/version"), false},
      {&scales, asks("update", "apps", "deployments/scale", "b"), true},
      {&scales, asks("update", "apps", "deployments", "b"), false},
      {&scales, asks("update", "apps", "deployments/status", "b"), false},
      {&urls, path("get", "/version"), true},
      {&urls, path("get", "/api/v1"), true},
      {&urls, path("get", "/apis"), false},
      {&urls, path("post", "/version"), false},
      {&urls, asks("get", "", "pods"), false},
  };
  for (const auto& row : rows) {
    CAPTURE(text_of(*row.rule));
    CAPTURE(row.asked.verb + " " + row.asked.resource + row.asked.path);
    CHECK(allows(*row.rule, row.asked) == row.allowed);
  }
}

TEST_CASE("what a role grants beyond what is held") {
  const std::vector<PolicyRule> held = {
      rule(R"({"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]})"),
      rule(R"({"apiGroups":[""],"resources":["secrets"],"verbs":["get"],"resourceNames":["mine"]})"),
      rule(R"({"nonResourceURLs":["/api/*"],"verbs":["get"]})"),
  };
  const auto missing = [&](const char* wanted) {
    std::string out;
    for (const auto& left : not_covered(held, {rule(wanted)})) out += text_of(left);
    return out;
  };
  CHECK(missing(R"({"apiGroups":[""],"resources":["pods"],"verbs":["list"]})").empty());
  CHECK(missing(R"({"apiGroups":[""],"resources":["pods"],"verbs":["get"],"resourceNames":["x"]})").empty());
  CHECK(missing(R"({"apiGroups":[""],"resources":["secrets"],"verbs":["get"],"resourceNames":["mine"]})").empty());
  CHECK(missing(R"({"nonResourceURLs":["/api/v1","/api/*"],"verbs":["get"]})").empty());
  CHECK(missing(R"({"apiGroups":[""],"resources":["secrets"],"verbs":["get"]})") ==
        R"({APIGroups:[""], Resources:["secrets"], Verbs:["get"]})");
  CHECK(missing(R"({"apiGroups":[""],"resources":["pods","nodes"],"verbs":["get","watch","delete"]})") ==
        R"({APIGroups:[""], Resources:["nodes"], Verbs:["get" "watch" "delete"]})"
        R"({APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]})");
  CHECK(missing(R"({"apiGroups":["*"],"resources":["pods"],"verbs":["*"]})") ==
        R"({APIGroups:["*"], Resources:["pods"], Verbs:["*"]})");
  CHECK(missing(R"({"nonResourceURLs":["*"],"verbs":["get"]})") == R"({NonResourceURLs:["*"], Verbs:["get"]})");
  CHECK(missing(R"({"apiGroups":["apps"],"resources":["x"],"verbs":["get"],"resourceNames":["a"]})") ==
        R"({APIGroups:["apps"], Resources:["x"], ResourceNames:["a"], Verbs:["get"]})");
}

const std::string default_maps = "/api/v1/namespaces/default/configmaps";

TEST_CASE("nobody has anything before it is bound, and loses it when the binding goes") {
  People at;
  const auto refused = at.as("bob", "GET", default_maps);
  CHECK(refused.status == 403);
  CHECK(People::message(refused) ==
        "configmaps is forbidden: User \"bob\" cannot list resource \"configmaps\" in API group \"\" in the namespace "
        "\"default\"");
  at.made(rbac_api + "/namespaces/default/roles",
          R"({"metadata":{"name":"reader"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}]})");
  at.made(rbac_api + "/namespaces/default/rolebindings",
          R"({"metadata":{"name":"b"},"roleRef":{"kind":"Role","name":"reader"},)"
          R"("subjects":[{"kind":"User","name":"bob"},{"kind":"Group","name":"crew"}]})");
  CHECK(at.as("bob", "GET", default_maps).status == 200);
  CHECK(at.as("ann:crew", "GET", default_maps).status == 200);
  CHECK(at.as("ann", "GET", default_maps).status == 403);
  CHECK(at.as("bob", "GET", "/api/v1/namespaces/kube-system/configmaps").status == 403);
  CHECK(at.as("bob", "GET", "/api/v1/configmaps").status == 403);
  CHECK(at.as("bob", "GET", default_maps + "/x").status == 403);
  CHECK(at.as("bob", "GET", default_maps + "?watch=true").status == 403);

  // A role without the rule, a binding without its role, no binding.
  CHECK(at.as(People::root, "PATCH", rbac_api + "/namespaces/default/roles/reader", R"({"rules":[]})").status == 200);
  CHECK(at.as("bob", "GET", default_maps).status == 403);
  at.removed(rbac_api + "/namespaces/default/roles/reader");
  CHECK(People::message(at.as("bob", "GET", default_maps))
            .ends_with("in the namespace \"default\": RBAC: role.rbac.authorization.k8s.io \"reader\" not found"));
  at.removed(rbac_api + "/namespaces/default/rolebindings/b");
  CHECK(People::message(at.as("bob", "GET", default_maps)).ends_with("in the namespace \"default\""));
}

TEST_CASE("401 for a wrong token, 403 for a stranger, discovery for everybody with a name") {
  People at;
  CHECK(at.as("not.a.token", "GET", "/version").status == 401);
  CHECK(at.as("", "GET", "/version").status == 200);
  CHECK(at.as("", "GET", "/healthz").status == 200);
  const auto refused = at.as("", "GET", "/api");
  CHECK(refused.status == 403);
  CHECK(People::message(refused) == "forbidden: User \"system:anonymous\" cannot get path \"/api\"");
  for (const char* open : {"/api", "/apis", "/api/v1", "/openapi/v2", "/apis/cluster.x-k8s.io/v1beta2"}) {
    CHECK_MESSAGE(at.as("bob", "GET", open).status == 200, open);
  }
  CHECK(at.as("bob", "GET", "/metrics").status == 403);
}

TEST_CASE("the usual roles: view reads but not Secrets, edit writes, admin gives roles") {
  People at;
  const auto bind = [&](const char* role) {
    at.made(rbac_api + "/namespaces/default/rolebindings",
            std::string(R"({"metadata":{"name":")") + role + R"("},"roleRef":{"kind":"ClusterRole","name":")" + role +
                R"("},"subjects":[{"kind":"User","name":")" + role + R"("}]})");
  };
  for (const char* role : {"view", "edit", "admin"}) bind(role);
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  const std::string hosts = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts";
  const std::string clusters = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters";
  for (const auto& target : {default_maps, hosts, clusters}) {
    for (const char* who : {"view", "edit", "admin"}) CHECK(at.as(who, "GET", target).status == 200);
    CHECK(at.as("view", "POST", target, "{}").status == 403);
    CHECK(at.as("edit", "POST", target, "{}").status != 403);
  }
  CHECK(at.as("view", "GET", secrets).status == 403);
  CHECK(at.as("edit", "GET", secrets).status == 200);
  CHECK(at.as("view", "GET", "/api/v1/namespaces/default").status == 200);
  CHECK(at.as("view", "GET", "/api/v1/namespaces").status == 403);
  const std::string roles = rbac_api + "/namespaces/default/roles";
  CHECK(at.as("edit", "GET", roles).status == 403);
  CHECK(at.as("admin", "POST", roles, R"({"metadata":{"name":"r"},"rules":[]})").status == 201);
}

TEST_CASE("a namespace is refused and allowed by its own name") {
  People at;
  CHECK(People::message(at.as("bob", "GET", "/api/v1/namespaces/default")) ==
        "namespaces \"default\" is forbidden: User \"bob\" cannot get resource \"namespaces\" in API group \"\" in the "
        "namespace \"default\"");
}

TEST_CASE("resourceNames allow a list or watch of that name alone") {
  People at;
  at.made(rbac_api + "/clusterroles",
          R"({"metadata":{"name":"one"},"rules":[{"apiGroups":[""],"resources":["configmaps"],)"
          R"("verbs":["get","list","watch"],"resourceNames":["a"]}]})");
  at.made(rbac_api + "/clusterrolebindings",
          R"({"metadata":{"name":"one"},"roleRef":{"kind":"ClusterRole","name":"one"},)"
          R"("subjects":[{"kind":"User","name":"bob"}]})");
  CHECK(at.as("bob", "GET", default_maps + "/a").status == 404);
  CHECK(at.as("bob", "GET", default_maps + "/b").status == 403);
  CHECK(at.as("bob", "GET", default_maps).status == 403);
  CHECK(at.as("bob", "GET", default_maps + "?fieldSelector=metadata.name%3Da").status == 200);
  CHECK(at.as("bob", "GET", default_maps + "?fieldSelector=metadata.name%3Db").status == 403);
  CHECK(at.as("bob", "GET", default_maps + "?fieldSelector=metadata.name!%3Da").status == 403);
}

TEST_CASE("nobody gives away more than they have") {
  People at;
  const std::string roles = rbac_api + "/namespaces/default/roles";
  const std::string bindings = rbac_api + "/namespaces/default/rolebindings";
  at.made(bindings, R"({"metadata":{"name":"a"},"roleRef":{"kind":"ClusterRole","name":"admin"},)"
                    R"("subjects":[{"kind":"User","name":"ann"}]})");
  const std::string reader =
      R"({"metadata":{"name":"reader"},"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]})";
  CHECK(at.as("ann", "POST", roles, reader).status == 201);
  const auto refused = at.as(
      "ann", "POST", roles,
      R"({"metadata":{"name":"more"},"rules":[{"apiGroups":[""],"resources":["secrets","nodes"],"verbs":["get"]}]})");
  CHECK(refused.status == 403);
  CHECK(People::message(refused) ==
        "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"ann\" (groups=[\"system:authenticated\"]) is "
        "attempting to grant RBAC permissions not currently held:\n"
        "{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\"]}");
  // Neither by PUT, PATCH nor apply.
  const std::string more = R"({"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]})";
  CHECK(at.as("ann", "PATCH", roles + "/reader", more).status == 403);
  CHECK(at.as("ann", "PUT", roles + "/reader", R"({"metadata":{"name":"reader"},)" + more.substr(1)).status == 403);
  CHECK(at.as("ann", "PATCH", roles + "/reader", R"({"metadata":{"labels":{"a":"b"}}})").status == 200);

  const auto bind = [&](const char* kind, const char* name) {
    return at.as("ann", "POST", bindings,
                 std::string(R"({"metadata":{"generateName":"b-"},"roleRef":{"kind":")") + kind + R"(","name":")" +
                     name + R"("},"subjects":[{"kind":"User","name":"bob"}]})");
  };
  CHECK(bind("Role", "reader").status == 201);
  CHECK(bind("ClusterRole", "view").status == 201);
  CHECK(bind("ClusterRole", "admin").status == 201);
  CHECK(bind("ClusterRole", "cluster-admin").status == 403);
  CHECK(bind("ClusterRole", "nowhere").status == 404);

  // The verbs that lift it.
  at.made(rbac_api + "/clusterroles",
          R"({"metadata":{"name":"lift"},"rules":[{"apiGroups":["rbac.authorization.k8s.io"],)"
          R"("resources":["roles","clusterroles"],"verbs":["bind","escalate"]}]})");
  at.made(bindings, R"({"metadata":{"name":"l"},"roleRef":{"kind":"ClusterRole","name":"lift"},)"
                    R"("subjects":[{"kind":"User","name":"ann"}]})");
  CHECK(bind("ClusterRole", "cluster-admin").status == 201);
  CHECK(at.as("ann", "PATCH", roles + "/reader", more).status == 200);
}

TEST_CASE("a role that gathers others follows them") {
  People at;
  at.made(rbac_api + "/clusterroles",
          R"({"metadata":{"name":"all"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"to":"all"}}]}})");
  const auto rules = [&] {
    at.settle();
    return Fixture::doc(at.as(People::root, "GET", rbac_api + "/clusterroles/all"), 200)["rules"];
  };
  CHECK(rules().empty());
  const Json get = *base::parse_json(R"({"apiGroups":[""],"resources":["pods"],"verbs":["get"]})");
  const Json list = *base::parse_json(R"({"apiGroups":[""],"resources":["pods"],"verbs":["list"]})");
  const auto role = [&](const char* name, const Json& own) {
    at.made(rbac_api + "/clusterroles",
            Json::object({{"metadata", Json::object({{"name", name}, {"labels", Json::object({{"to", "all"}})}})},
                          {"rules", own}})
                .dump());
  };
  role("b", Json::array({list, get}));
  role("a", Json::array({get}));
  CHECK(rules() == Json::array({get, list}));
  at.removed(rbac_api + "/clusterroles/b");
  CHECK(rules() == Json::array({get}));

  // Who may write roles may not therefore gather what they do not have.
  at.made(
      rbac_api + "/clusterroles",
      R"({"metadata":{"name":"w"},"rules":[{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],)"
      R"("verbs":["create","update","patch","get"]}]})");
  at.made(rbac_api + "/clusterrolebindings", R"({"metadata":{"name":"w"},"roleRef":{"kind":"ClusterRole","name":"w"},)"
                                             R"("subjects":[{"kind":"User","name":"bob"}]})");
  const std::string grab =
      R"({"metadata":{"name":"g"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"to":"all"}}]}})";
  CHECK(at.as("bob", "POST", rbac_api + "/clusterroles", grab).status == 403);
  CHECK(at.as("bob", "PATCH", rbac_api + "/clusterroles/cluster-admin", R"({"metadata":{"labels":{"to":"all"}}})")
            .status == 403);
}

TEST_CASE("default roles come back complete after a restart, unless somebody took them over") {
  People at;
  const std::string discovery = rbac_api + "/clusterroles/system:discovery";
  const std::string basic = rbac_api + "/clusterroles/system:basic-user";
  const Json before = Fixture::doc(at.as(People::root, "GET", discovery), 200)["rules"];
  CHECK(at.as(People::root, "PATCH", discovery, R"({"rules":[]})").status == 200);
  const auto taken =
      R"({"rules":[],"metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"}}})";
  CHECK(at.as(People::root, "PATCH", basic, taken).status == 200);
  at.removed(rbac_api + "/clusterrolebindings/cluster-admin");
  make_bootstrap_roles(at.registry);
  CHECK(allows(rules_of(Fixture::doc(at.as(People::root, "GET", discovery), 200)["rules"]), path("get", "/apis/x")));
  CHECK(not_covered(rules_of(Fixture::doc(at.as(People::root, "GET", discovery), 200)["rules"]), rules_of(before))
            .empty());
  CHECK(Fixture::doc(at.as(People::root, "GET", basic), 200)["rules"].empty());
  CHECK(at.as(People::root, "GET", rbac_api + "/clusterrolebindings/cluster-admin").status == 200);
  const uint64_t revision = at.store->revision();
  make_bootstrap_roles(at.registry);
  CHECK(at.store->revision() == revision);
}

}  // namespace
}  // namespace server
