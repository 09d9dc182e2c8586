#include "server/reviews.h"

#include "server/test_people.h"

namespace server {
namespace {

const std::string reviews = "/apis/authorization.k8s.io/v1/";

struct Asked : People {
  Asked() {
    made(rbac_api + "/namespaces/default/rolebindings",
         R"({"metadata":{"name":"v"},"roleRef":{"kind":"ClusterRole","name":"view"},)"
         R"("subjects":[{"kind":"User","name":"bob"},{"kind":"Group","name":"crew"}]})");
  }
  Json status(const std::string& who, const std::string& target, const std::string& spec) {
    return Fixture::doc(as(who, "POST", target, R"({"spec":)" + spec + "}"), 201)["status"];
  }
};

TEST_CASE("what a user may, asked by somebody who may ask") {
  Asked at;
  const std::string list = R"("resourceAttributes":{"namespace":"default","verb":"list","resource":"configmaps"})";
  const Json yes = at.status(People::root, reviews + "subjectaccessreviews", R"({"user":"bob",)" + list + "}");
  CHECK(yes["allowed"].boolean());
  CHECK(yes["reason"].string() == "RBAC: allowed by RoleBinding \"v/default\" of ClusterRole \"view\" to User \"bob\"");
  CHECK(at.status(People::root, reviews + "subjectaccessreviews", R"({"groups":["crew"],)" + list + "}")["allowed"]
            .boolean());
  CHECK_FALSE(
      at.status(People::root, reviews + "subjectaccessreviews", R"({"user":"ann",)" + list + "}")["allowed"].boolean());
  const std::string local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
  CHECK(at.status(People::root, local, R"({"user":"bob",)" + list + "}")["allowed"].boolean());
  CHECK(at.as("bob", "POST", reviews + "subjectaccessreviews", R"({"spec":{"user":"bob",)" + list + "}}").status ==
        403);
  CHECK(at.as("bob", "POST", local, R"({"spec":{"user":"bob",)" + list + "}}").status == 403);
}

TEST_CASE("what a client itself may") {
  Asked at;
  const auto may = [&](const char* who, const std::string& attributes) {
    return at.status(who, reviews + "selfsubjectaccessreviews", attributes)["allowed"].boolean();
  };
  const std::string list = R"({"resourceAttributes":{"namespace":"default","verb":"list","resource":"configmaps"}})";
  CHECK(may("bob", list));
  CHECK_FALSE(may("ann", list));
  CHECK(may("ann", R"({"nonResourceAttributes":{"verb":"get","path":"/apis/x"}})"));
  CHECK_FALSE(may("bob", R"({"resourceAttributes":{"namespace":"default","verb":"*","resource":"*"}})"));
  CHECK(may("root:system:masters", R"({"resourceAttributes":{"verb":"*","group":"*","resource":"*"}})"));
  CHECK(at.as("", "POST", reviews + "selfsubjectaccessreviews", R"({"spec":)" + list + "}").status == 403);

  const Json rules = at.status("bob", reviews + "selfsubjectrulesreviews", R"({"namespace":"default"})");
  CHECK_FALSE(rules["incomplete"].boolean(true));
  const auto names = [&](const char* resource) {
    for (const auto& rule : rules["resourceRules"].items()) {
      for (const auto& item : rule["resources"].items()) {
        if (item.string() == resource) return true;
      }
    }
    return false;
  };
  CHECK(names("configmaps"));
  CHECK(names("selfsubjectaccessreviews"));
  CHECK_FALSE(names("secrets"));
  CHECK_FALSE(rules["nonResourceRules"].empty());
  CHECK(at.as("bob", "POST", reviews + "selfsubjectrulesreviews", "{}").status == 400);
}

TEST_CASE("discovery shows what can be asked") {
  Asked at;
  const Json all = Fixture::doc(at.as("bob", "GET", "/apis/authorization.k8s.io/v1"), 200)["resources"];
  REQUIRE(all.size() == 4);
  CHECK(all.at(0)["name"].string() == "localsubjectaccessreviews");
  CHECK(all.at(0)["namespaced"].boolean());
  CHECK(all.at(0)["verbs"] == Json::array({"create"}));
  CHECK_FALSE(all.at(0).has("storageVersionHash"));
  CHECK(Fixture::doc(at.as("bob", "GET", "/apis/authentication.k8s.io/v1"), 200)["resources"].size() == 2);
}

TEST_CASE("reviews that ask nothing") {
  Asked at;
  const auto refused = [&](const std::string& spec) {
    const auto answer = at.as(People::root, "POST", reviews + "subjectaccessreviews", R"({"spec":)" + spec + "}");
    CHECK(answer.status == 422);
    return People::message(answer);
  };
  CHECK(refused(R"({"user":"bob"})") ==
        ".authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: null: exactly "
        "one of nonResourceAttributes or resourceAttributes must be specified");
  CHECK(
      refused(R"({"resourceAttributes":{"verb":"get"}})").ends_with("at least one of user or group must be specified"));
  const auto other =
      at.as(People::root, "POST", "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
            R"({"spec":{"user":"bob","resourceAttributes":{"namespace":"kube-system","verb":"get"}}})");
  CHECK(other.status == 422);
}

TEST_CASE("acting as somebody else needs the permission for each part of it") {
  Asked at;
  at.made(rbac_api + "/clusterroles",
          R"({"metadata":{"name":"act"},"rules":[)"
          R"({"apiGroups":[""],"resources":["users"],"verbs":["impersonate"],"resourceNames":["bob"]},)"
          R"({"apiGroups":[""],"resources":["groups"],"verbs":["impersonate"],"resourceNames":["crew"]},)"
          R"({"apiGroups":["authentication.k8s.io"],"resources":["userextras/team"],"verbs":["impersonate"]}]})");
  at.made(rbac_api + "/clusterrolebindings",
          R"({"metadata":{"name":"act"},"roleRef":{"kind":"ClusterRole","name":"act"},)"
          R"("subjects":[{"kind":"User","name":"ann"}]})");
  const auto list = [&](const net::Headers& headers) {
    return at.as("ann", "GET", "/api/v1/namespaces/default/configmaps", "", headers);
  };
  CHECK(list({}).status == 403);
  CHECK(list({{"Impersonate-User", "bob"}}).status == 200);
  CHECK(list({{"Impersonate-User", "bob"}, {"Impersonate-Group", "crew"}}).status == 200);
  CHECK(list({{"Impersonate-User", "bob"}, {"Impersonate-Extra-Team", "a"}}).status == 200);
  CHECK(People::message(list({{"Impersonate-User", "bob"}, {"Impersonate-Extra-Scope", "a"}})) ==
        "userextras.authentication.k8s.io \"a\" is forbidden: User \"ann\" cannot impersonate resource "
        "\"userextras/scope\" in API group \"authentication.k8s.io\" at the cluster scope");
  CHECK(
      People::message(list({{"Impersonate-User", "eve"}})) ==
      "users \"eve\" is forbidden: User \"ann\" cannot impersonate resource \"users\" in API group \"\" at the cluster "
      "scope");
  CHECK(list({{"Impersonate-User", "bob"}, {"Impersonate-Group", "system:masters"}}).status == 403);
  CHECK(list({{"Impersonate-User", "bob"}, {"Impersonate-Uid", "7"}}).status == 403);
  CHECK(list({{"Impersonate-Group", "crew"}}).status == 400);
  CHECK(
      People::message(list({{"Impersonate-User", "system:serviceaccount:default:bot"}})) ==
      "serviceaccounts \"bot\" is forbidden: User \"ann\" cannot impersonate resource \"serviceaccounts\" in API group "
      "\"\" in the namespace \"default\"");
  const auto account = at.as(People::root, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}",
                             {{"Impersonate-User", "system:serviceaccount:default:bot"}});
  CHECK(Fixture::doc(account, 201)["status"]["userInfo"]["groups"] ==
        Json::array({"system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"}));
}

}  // namespace
}  // namespace server
