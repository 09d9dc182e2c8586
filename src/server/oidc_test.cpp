#include "server/oidc.h"

#include "crypto/jwk.h"
#include "crypto/x509.h"
#include "server/test_people.h"

namespace server {
namespace {

const std::string issuer = "https://issuer.example.com";

const std::string& rsa_key(size_t which = 0) {
  static const std::vector<std::string> keys = {crypto::generate_rsa_2048_pem(), crypto::generate_rsa_2048_pem()};
  return keys.at(which);
}

// The provider's certificate authority and the provider itself, in the simulated network.
class Provider {
 public:
  explicit Provider(sys::SimWorld& world) : sys_(world.process("10.0.0.20", "provider")) {
    crypto::CertificateRequest request;
    request.common_name = "provider-ca";
    request.is_ca = true;
    request.not_before = base::Time{};
    request.not_after = base::Time{} + base::hours(24 * 36500);
    const std::string ca_key = crypto::generate_ec_p256_pem();
    ca_pem = crypto::issue_certificate(request, ca_key, {}, ca_key).value();
    request.common_name = "issuer.example.com";
    request.is_ca = false;
    request.server_auth = true;
    request.dns_names = {"issuer.example.com"};
    net::ServerOptions options;
    options.listen = {{"issuer.example.com", 443}};
    options.tls_options.key_pem = crypto::generate_ec_p256_pem();
    options.tls_options.certificate_pem =
        crypto::issue_certificate(request, options.tls_options.key_pem, ca_pem, ca_key).value();
    http_ = std::make_unique<net::HttpServer>(sys_.loop, sys_.net, std::move(options),
                                              [this](net::Exchange& exchange) { answer(exchange); });
    REQUIRE(http_->start().ok());
    add_key("one", rsa_key());
  }
  void add_key(const std::string& id, const std::string& private_pem) {
    Json key = crypto::jwk_of(crypto::public_key_pem(private_pem).value()).value();
    keys_.push(key.set("kid", id).set("use", "sig"));
  }
  void forget_keys() { keys_ = Json::array(); }

  std::string ca_pem, name = issuer;
  int fetches = 0;
  bool broken = false;

 private:
  void answer(net::Exchange& exchange) {
    ++fetches;
    if (broken) return exchange.respond(net::Response::text(500, "no"));
    if (exchange.request().target == "/keys") {
      return exchange.respond(net::Response::json(200, Json::object({{"keys", keys_}})));
    }
    exchange.respond(net::Response::json(200, Json::object({{"issuer", name}, {"jwks_uri", issuer + "/keys"}})));
  }
  sys::Sys& sys_;
  std::unique_ptr<net::HttpServer> http_;
  Json keys_ = Json::array();
};

// The provider's key is not known before the world is, so the server is made a second time.
struct Asked : People {
  explicit Asked(OidcOptions more = {}) {
    more.issuer_url = issuer;
    more.client_id = "ingot";
    more.ca_pem = provider.ca_pem;
    options.authentication.oidc = {std::move(more)};
    api = std::make_unique<ApiServer>(sys, registry, options);
  }
  int64_t now() { return std::chrono::duration_cast<std::chrono::seconds>(sys.loop.now().time_since_epoch()).count(); }
  Json claims() {
    return Json::object({{"iss", issuer}, {"aud", "ingot"}, {"sub", "ann"}, {"exp", now() + 3600}, {"iat", now()}});
  }
  static std::string signed_with(const Json& claims, const std::string& key = rsa_key(), const char* id = "one") {
    return crypto::sign_jwt(claims.dump(), key, id).value();
  }
  // Who it is, or the status.
  Json who(const std::string& token) {
    const auto answer = as(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    return answer.status == 201 ? (*base::parse_json(answer.body))["status"]["userInfo"] : Json(answer.status);
  }
  Provider provider{world};
};

TEST_CASE("a provider's token is a user with groups") {
  Asked at({.username_prefix = "oidc:", .groups_claim = "groups", .groups_prefix = "oidc:"});
  Json claims = at.claims();
  claims.set("groups", Json::array({"crew", "others"}));
  const Json who = at.who(Asked::signed_with(claims));
  CHECK(who["username"].string() == "oidc:ann");
  CHECK(who["groups"] == Json::array({"oidc:crew", "oidc:others", "system:authenticated"}));
  claims.set("groups", "crew");
  CHECK(at.who(Asked::signed_with(claims))["groups"].at(0).string() == "oidc:crew");
  CHECK(at.provider.fetches == 2);  // once for the provider, once for its keys
}

TEST_CASE("what a token must say") {
  Asked at({.required_claims = {{"team", "red"}}});
  const auto status = [&](const char* claim, Json value) {
    Json claims = at.claims().set("team", "red").set(claim, std::move(value));
    return at.who(Asked::signed_with(claims));
  };
  CHECK(status("jti", "1")["username"].string() == "ann");
  CHECK(status("aud", Json::array({"other", "ingot"}))["username"].string() == "ann");
  CHECK(status("nbf", at.now() + 200)["username"].string() == "ann");  // clocks differ
  CHECK(status("nbf", at.now() + 400) == Json(401));
  CHECK(status("exp", at.now() - 1) == Json(401));
  CHECK(status("exp", nullptr) == Json(401));
  CHECK(status("aud", "other") == Json(401));
  CHECK(status("team", "blue") == Json(401));
  CHECK(status("team", nullptr) == Json(401));
  CHECK(status("sub", "") == Json(401));
  CHECK(status("iss", "https://elsewhere.example.com") == Json(401));
}

TEST_CASE("a token ends when it says, also one that was seen before") {
  Asked at;
  const auto token = Asked::signed_with(at.claims());
  CHECK(at.who(token)["username"].string() == "ann");
  at.pass(base::hours(2));
  CHECK(at.who(token) == Json(401));
}

TEST_CASE("e-mail addresses must be verified ones") {
  Asked at({.username_claim = "email"});
  Json claims = at.claims().set("email", "ann@example.com").set("email_verified", false);
  CHECK(at.who(Asked::signed_with(claims)) == Json(401));
  CHECK(at.who(Asked::signed_with(claims.set("email_verified", true)))["username"].string() == "ann@example.com");
}

TEST_CASE("only the provider's keys and the algorithms that are allowed") {
  Asked at;
  CHECK(at.who(Asked::signed_with(at.claims(), rsa_key(1))) == Json(401));
  const std::string ec = crypto::generate_ec_p256_pem();
  at.provider.add_key("curve", ec);
  CHECK(at.who(Asked::signed_with(at.claims(), ec, "curve")) == Json(401));  // ES256 is not allowed by default
  Asked both({.signing_algorithms = {"RS256", "ES256"}});
  both.provider.add_key("curve", ec);
  CHECK(both.who(Asked::signed_with(both.claims(), ec, "curve"))["username"].string() == "ann");
  const std::string token = Asked::signed_with(at.claims());
  const std::string body = token.substr(token.find('.'), token.rfind('.') - token.find('.'));
  CHECK(at.who(base::base64_url(R"({"alg":"none"})") + body + ".") == Json(401));
}

TEST_CASE("keys change") {
  Asked at;
  CHECK(at.who(Asked::signed_with(at.claims()))["username"].string() == "ann");
  at.provider.forget_keys();
  at.provider.add_key("two", rsa_key(1));
  at.pass(base::seconds(10));
  CHECK(at.who(Asked::signed_with(at.claims().set("jti", "2"), rsa_key(1), "two"))["username"].string() == "ann");
  CHECK(at.who(Asked::signed_with(at.claims().set("jti", "3"))) == Json(401));
}

TEST_CASE("forged key names do not make a flood of fetches") {
  Asked at;
  CHECK(at.who(Asked::signed_with(at.claims()))["username"].string() == "ann");
  const int before = at.provider.fetches;
  for (int i = 0; i < 100; ++i) {
    CHECK(at.who(Asked::signed_with(at.claims(), rsa_key(1), ("k" + std::to_string(i)).c_str())) == Json(401));
  }
  CHECK(at.provider.fetches <= before + 2);
}

TEST_CASE("a provider that is away comes back") {
  Asked at;
  at.provider.broken = true;
  const auto token = Asked::signed_with(at.claims());
  CHECK(at.who(token) == Json(401));
  at.provider.broken = false;
  at.pass(base::seconds(10));
  CHECK(at.who(token)["username"].string() == "ann");
}

TEST_CASE("a provider that has another name is not believed") {
  Asked at;
  at.provider.name = "https://mallory.example.com";
  CHECK(at.who(Asked::signed_with(at.claims())) == Json(401));
}

}  // namespace
}  // namespace server
