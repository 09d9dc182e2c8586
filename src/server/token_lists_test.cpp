#include "server/token_lists.h"

#include "crypto/jwk.h"
#include "crypto/x509.h"
#include "server/test_people.h"

namespace server {
namespace {

Options with_tokens() {
  Options out;
  out.authentication.bootstrap_tokens = true;
  out.authentication.token_file = "# people\nsecret1,ann,u1,\"crew,others\"\nsecret2,bob,u2\n";
  out.service_account_key_pem = crypto::generate_rsa_2048_pem();
  return out;
}

struct Asked : People {
  // The harness knows every token without a dot; here only those of the lists are tokens.
  Asked() : People(with_tokens()) {
    options.tokens = [](std::string_view token) -> std::optional<User> {
      if (token != root) return std::nullopt;
      return User{"root", {"system:masters"}};
    };
    api = std::make_unique<ApiServer>(sys, registry, options);
  }
  Json who(const std::string& token) {
    const auto answer = as(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    return answer.status == 201 ? (*base::parse_json(answer.body))["status"]["userInfo"] : Json(answer.status);
  }
  void secret(const std::string& id, const std::string& more,
              const std::string& type = "bootstrap.kubernetes.io/token") {
    made("/api/v1/namespaces/kube-system/secrets", R"({"metadata":{"name":"bootstrap-token-)" + id + R"("},"type":")" +
                                                       type + R"(","stringData":{"token-id":")" + id +
                                                       R"(","token-secret":"0123456789abcdef")" + more + "}}");
  }
};

TEST_CASE("tokens in a file") {
  Asked at;
  CHECK(at.who("secret1") ==
        *base::parse_json(R"({"username":"ann","uid":"u1","groups":["crew","others","system:authenticated"]})"));
  CHECK(at.who("secret2")["groups"] == Json::array({"system:authenticated"}));
  CHECK(at.who("secret3") == Json(401));
  CHECK(StaticTokens::parse("a,b").error().message == "line 1: token, user and uid are needed");
  CHECK(StaticTokens::parse("a,b,c\na,d,e").error().message == "line 2: the token is there twice");
  CHECK_FALSE(StaticTokens::parse("a,\"b,c").ok());
  CHECK(StaticTokens::parse("\"a,\"\"1\",b,c")->find("a,\"1")->name == "b");
}

TEST_CASE("bootstrap tokens are Secrets") {
  Asked at;
  const std::string good = R"(,"usage-bootstrap-authentication":"true")";
  at.secret("aaaaaa", good + R"(,"auth-extra-groups":"system:bootstrappers:rack,system:bootstrappers:a-1")");
  CHECK(at.who("aaaaaa.0123456789abcdef") ==
        *base::parse_json(R"({"username":"system:bootstrap:aaaaaa","groups":["system:bootstrappers",)"
                          R"("system:bootstrappers:rack","system:bootstrappers:a-1","system:authenticated"]})"));
  CHECK(at.who("aaaaaa.0123456789abcdee") == Json(401));
  CHECK(at.who("aaaaab.0123456789abcdef") == Json(401));
  at.secret("bbbbbb", "");
  CHECK(at.who("bbbbbb.0123456789abcdef") == Json(401));
  at.secret("cccccc", good, "Opaque");
  CHECK(at.who("cccccc.0123456789abcdef") == Json(401));
  at.secret("dddddd", good + R"(,"auth-extra-groups":"system:masters")");
  CHECK(at.who("dddddd.0123456789abcdef") == Json(401));
  at.removed("/api/v1/namespaces/kube-system/secrets/bootstrap-token-aaaaaa");
  CHECK(at.who("aaaaaa.0123456789abcdef") == Json(401));
}

TEST_CASE("bootstrap tokens expire") {
  Asked at;
  const auto at_time = base::rfc3339(at.sys.loop.now() + base::hours(1));
  at.secret("eeeeee", R"(,"usage-bootstrap-authentication":"true","expiration":")" + at_time + '"');
  CHECK(at.who("eeeeee.0123456789abcdef")["username"].string() == "system:bootstrap:eeeeee");
  at.pass(base::hours(2));
  CHECK(at.who("eeeeee.0123456789abcdef") == Json(401));
}

TEST_CASE("others can check ServiceAccount tokens with the published keys") {
  Asked at;
  at.made("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"bot"}})");
  const Json made =
      at.made("/api/v1/namespaces/default/serviceaccounts/bot/token", R"({"spec":{"audiences":["them"]}})");
  const std::string token = made["status"]["token"].string();
  const Json own = at.made("/api/v1/namespaces/default/serviceaccounts/bot/token", "{}");
  const std::string bearer = own["status"]["token"].string();
  CHECK(at.as("", "GET", "/openid/v1/jwks").status == 403);
  const auto answer = at.as(bearer, "GET", "/openid/v1/jwks");
  CHECK(answer.headers.get("Content-Type") == "application/jwk-set+json");
  const Json keys = Fixture::doc(answer, 200)["keys"];
  REQUIRE(keys.size() == 1);
  const auto header = crypto::jwt_header(token).value();
  CHECK(keys.at(0)["kid"].string() == header.key_id);
  CHECK(keys.at(0)["alg"].string() == header.algorithm);
  const auto pem = crypto::public_key_of_jwk(keys.at(0)).value();
  CHECK(crypto::verify_jws(token, pem, header.algorithm).ok());
  const Json about = Fixture::doc(
      at.as(bearer, "GET", "/.well-known/openid-configuration", "", {{"Host", "api.example.com:6443"}}), 200);
  CHECK(about["issuer"].string() == "https://kubernetes.default.svc.cluster.local");
  CHECK(about["jwks_uri"].string() == "https://api.example.com:6443/openid/v1/jwks");
  CHECK(about["id_token_signing_alg_values_supported"] == Json::array({"RS256"}));
  // A token for somebody else is not good here.
  CHECK(at.as(token, "GET", "/version").status == 401);
}

}  // namespace
}  // namespace server
