#include "server/service_tokens.h"

#include "crypto/x509.h"
#include "server/test_people.h"

namespace server {
namespace {

const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";

struct Tokens : People {
  Tokens() : People({.service_account_key_pem = key()}) {
    account = made(accounts, R"({"metadata":{"name":"bot"}})");
    made(rbac_api + "/namespaces/default/rolebindings",
         R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"view"},)"
         R"("subjects":[{"kind":"ServiceAccount","name":"bot","namespace":"default"}]})");
  }
  static std::string key() {
    static const std::string pem = crypto::generate_ec_p256_pem();
    return pem;
  }
  Json request(const std::string& spec) { return made(accounts + "/bot/token", R"({"spec":)" + spec + "}"); }
  std::string token(const std::string& spec = "{}") { return request(spec)["status"]["token"].string(); }
  int reads(const std::string& token) { return as(token, "GET", "/api/v1/namespaces/default/configmaps").status; }
  Json review(const std::string& token, const Json& audiences = Json::array()) {
    const Json spec = Json::object({{"token", token}, {"audiences", audiences}});
    return made("/apis/authentication.k8s.io/v1/tokenreviews", Json::object({{"spec", spec}}).dump())["status"];
  }
  Json account;
};

TEST_CASE("a token makes its bearer the ServiceAccount") {
  Tokens at;
  const Json made = at.request(R"({"expirationSeconds":600})");
  CHECK(made["kind"].string() == "TokenRequest");
  CHECK(made["spec"]["audiences"] == Json::array({"https://kubernetes.default.svc.cluster.local"}));
  CHECK(made["status"]["expirationTimestamp"].string() == base::rfc3339(at.registry.now() + base::seconds(600)));
  const auto token = made["status"]["token"].string();
  CHECK(at.reads(token) == 200);
  CHECK(People::message(at.as(token, "GET", "/api/v1/namespaces/default/secrets"))
            .find("User \"system:serviceaccount:default:bot\" cannot list") != std::string::npos);
  const Json known = at.review(token);
  CHECK(known["authenticated"].boolean());
  CHECK(known["user"]["username"].string() == "system:serviceaccount:default:bot");
  CHECK(known["user"]["uid"] == at.account["metadata"]["uid"]);
  CHECK(known["user"]["groups"] ==
        Json::array({"system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"}));
}

TEST_CASE("a token ends with its time, its account and what it is bound to") {
  Tokens at;
  const auto token = at.token(R"({"expirationSeconds":600})");
  SUBCASE("time") {
    at.pass(base::seconds(590));
    CHECK(at.reads(token) == 200);
    at.pass(base::seconds(10));
    CHECK(at.reads(token) == 401);
  }
  SUBCASE("account, also one that follows under the same name") {
    at.removed(accounts + "/bot");
    CHECK(at.reads(token) == 401);
    at.made(accounts, R"({"metadata":{"name":"bot"}})");
    CHECK(at.reads(token) == 401);
    CHECK(at.reads(at.token()) == 200);
  }
  SUBCASE("bound Secret") {
    const std::string secrets = "/api/v1/namespaces/default/secrets";
    at.made(secrets, R"({"metadata":{"name":"s"}})");
    const auto bound = at.token(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"s"}})");
    CHECK(at.reads(bound) == 200);
    at.removed(secrets + "/s");
    CHECK(at.reads(bound) == 401);
    CHECK(at.reads(token) == 200);
  }
}

TEST_CASE("tokens for others, from others and changed ones are refused") {
  Tokens at;
  const auto vault = at.token(R"({"audiences":["vault"]})");
  CHECK(at.reads(vault) == 401);
  CHECK_FALSE(at.review(vault)["authenticated"].boolean());
  CHECK(at.review(vault, Json::array({"other", "vault"}))["audiences"] == Json::array({"vault"}));
  const auto token = at.token();
  auto changed = token;
  changed[token.find('.') + 5] = changed[token.find('.') + 5] == 'a' ? 'b' : 'a';
  CHECK(at.reads(changed) == 401);
  auto foreign = ServiceTokens::make(crypto::generate_ec_p256_pem(), "https://kubernetes.default.svc.cluster.local");
  REQUIRE(foreign.ok());
  ServiceTokens::Wanted wanted;
  wanted.ns = "default";
  wanted.account = "bot";
  wanted.account_uid = at.account["metadata"]["uid"].string();
  wanted.audiences = foreign->default_audiences();
  wanted.issued = at.registry.now();
  wanted.expires = wanted.issued + base::hours(1);
  CHECK(at.reads(*foreign->issue(wanted)) == 401);
  auto elsewhere = ServiceTokens::make(Tokens::key(), "https://elsewhere");
  wanted.audiences.emplace_back("https://kubernetes.default.svc.cluster.local");
  CHECK(at.reads(*elsewhere->issue(wanted)) == 401);
  CHECK(at.review("a.b.c")["error"].string() == "invalid bearer token");
}

TEST_CASE("Secrets of ServiceAccounts are filled, count while they exist and go with the account") {
  Tokens at;
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  const std::string early =
      R"({"metadata":{"name":"early","annotations":{"kubernetes.io/service-account.name":"later"}},)"
      R"("type":"kubernetes.io/service-account-token"})";
  const auto data = [&](const char* name) {
    at.settle();
    return Fixture::doc(at.as(People::root, "GET", secrets + "/" + name), 200)["data"];
  };
  at.made(secrets, early);
  CHECK_FALSE(data("early").has("token"));
  at.made(accounts, R"({"metadata":{"name":"later"}})");
  CHECK(data("early")["ca.crt"].string() == base::base64("ROOT CA"));
  CHECK(data("early")["namespace"].string() == base::base64("default"));
  const auto token = *base::unbase64(data("early")["token"].string());
  CHECK(at.review(token)["user"]["username"].string() == "system:serviceaccount:default:later");
  SUBCASE("account") {
    at.removed(accounts + "/later");
    at.settle();
    CHECK(at.as(People::root, "GET", secrets + "/early").status == 404);
  }
  SUBCASE("secret") { at.removed(secrets + "/early"); }
  CHECK_FALSE(at.review(token)["authenticated"].boolean());
}

TEST_CASE("every namespace has a default account and the root CA, again when they are removed or changed") {
  Tokens at;
  at.made("/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
  at.settle();
  const std::string account = "/api/v1/namespaces/n/serviceaccounts/default";
  const std::string root_ca = "/api/v1/namespaces/n/configmaps/kube-root-ca.crt";
  const auto published = [&] {
    at.settle();
    return Fixture::doc(at.as(People::root, "GET", root_ca), 200)["data"];
  };
  const Json wanted = Json::object({{"ca.crt", "ROOT CA"}});
  CHECK(published() == wanted);
  CHECK(at.as(People::root, "PATCH", root_ca, R"({"data":{"ca.crt":"x","y":"z"}})").status == 200);
  CHECK(published() == wanted);
  at.removed(root_ca);
  CHECK(published() == wanted);
  at.removed(account);
  at.settle();
  CHECK(at.as(People::root, "GET", account).status == 200);
  at.removed("/api/v1/namespaces/n");
  at.pass(base::minutes(1));
  CHECK(at.as(People::root, "GET", "/api/v1/namespaces/n").status == 404);
}

TEST_CASE("token requests that cannot be") {
  Tokens at;
  const auto ask = [&](const std::string& spec, const char* name = "bot") {
    return at.as(People::root, "POST", accounts + "/" + name + "/token", R"({"spec":)" + spec + "}");
  };
  CHECK(ask("{}", "nobody").status == 404);
  const auto shorter = ask(R"({"expirationSeconds":599})");
  CHECK(shorter.status == 422);
  CHECK(People::message(shorter) ==
        "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not "
        "specify a duration less than 10 minutes");
  CHECK(ask(R"({"expirationSeconds":4294967297})").status == 422);
  CHECK(ask(R"({"expirationSeconds":4294967296})").status == 201);
  CHECK(ask(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"s"}})").status == 404);
  CHECK(ask(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Node","name":"s"}})").status == 400);
  CHECK(at.as("bob", "POST", accounts + "/bot/token", "{}").status == 403);
  People without;
  without.made(accounts, R"({"metadata":{"name":"bot"}})");
  CHECK(without.as(People::root, "POST", accounts + "/bot/token", "{}").status == 404);
}

}  // namespace
}  // namespace server
