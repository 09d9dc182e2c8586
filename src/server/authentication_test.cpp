#include "server/authentication.h"

#include "crypto/x509.h"
#include "server/test_people.h"

namespace server {
namespace {

constexpr auto day = base::hours(24);

struct Authority {
  explicit Authority(std::string name) {
    crypto::CertificateRequest request;
    request.common_name = std::move(name);
    request.is_ca = true;
    request.not_before = base::Time{};
    request.not_after = base::Time{} + day * 36500;
    pem = crypto::issue_certificate(request, key, {}, key).value();
  }
  std::string client(const std::string& name, std::vector<std::string> groups = {}) const {
    crypto::CertificateRequest request;
    request.common_name = name;
    request.organizations = std::move(groups);
    request.client_auth = true;
    request.not_before = base::Time{};
    request.not_after = base::Time{} + day * 36500;
    return crypto::issue_certificate(request, crypto::generate_ec_p256_pem(), pem, key).value();
  }
  std::string key = crypto::generate_ec_p256_pem(), pem;
};

const Authority& clients() {
  static const Authority one("clients");
  return one;
}
const Authority& proxies() {
  static const Authority one("proxies");
  return one;
}

Options behind_a_proxy() {
  Options out;
  out.tls.client_ca_pem = clients().pem;
  out.authentication.request_header.client_ca_pem = proxies().pem;
  out.authentication.request_header.allowed_names = {"front"};
  return out;
}

struct Asked : People {
  explicit Asked(Options given = {}) : People(std::move(given)) {}
  // Who the server says that this is, or the status when it does not say.
  Json who(const std::string& certificate, net::Headers headers) {
    net::Request request{.method = "POST",
                         .target = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                         .headers = std::move(headers),
                         .body = "{}"};
    TestExchange exchange(sys.loop, std::move(request));
    exchange.show_certificate(certificate);
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    if (exchange.response.status != 201) return exchange.response.status;
    return (*base::parse_json(exchange.response.body))["status"]["userInfo"];
  }
};

TEST_CASE("a front proxy says whom it speaks for") {
  Asked at(behind_a_proxy());
  const net::Headers headers{{"X-Remote-User", "ann"},
                             {"X-Remote-Group", "crew"},
                             {"X-Remote-Group", "others"},
                             {"X-Remote-Extra-Team%2Fa", "red"},
                             {"X-Remote-Extra-Team%2Fa", "blue"}};
  const Json said = at.who(proxies().client("front"), headers);
  CHECK(said["username"].string() == "ann");
  CHECK(said["groups"] == Json::array({"crew", "others", "system:authenticated"}));
  CHECK(said["extra"]["team/a"] == Json::array({"red", "blue"}));
}

TEST_CASE("nobody else is believed what headers say") {
  Asked at(behind_a_proxy());
  const net::Headers headers{{"X-Remote-User", "ann"}, {"X-Remote-Group", "system:masters"}};
  CHECK(at.who(proxies().client("somebody"), headers) == Json(401));
  CHECK(at.who(clients().client("front"), headers)["username"].string() == "front");
  CHECK(at.who("", headers) == Json(403));  // anonymous, who may not ask
}

TEST_CASE("the proxies' authority makes no users, and the users' no proxies") {
  Asked at(behind_a_proxy());
  CHECK(at.who(proxies().client("mallory", {"system:masters"}), {}) == Json(401));
  CHECK(at.who(clients().client("bob", {"crew"}), {})["groups"] == Json::array({"crew", "system:authenticated"}));
  // With credentials of its own, a proxy is itself.
  CHECK(at.who(proxies().client("front"), {{"Authorization", "Bearer bob"}})["username"].string() == "bob");
}

TEST_CASE("anonymous requests can be refused") {
  Asked open;
  CHECK(open.as("", "GET", "/version").status == 200);
  Options options;
  options.authentication.anonymous = false;
  Asked closed(options);
  CHECK(closed.as("", "GET", "/version").status == 401);
  CHECK(closed.as("bob", "GET", "/version").status == 200);
}

TEST_CASE("a wrong token is refused even where anonymous requests are not") {
  Asked at;
  CHECK(at.as("a.b.c", "GET", "/version").status == 401);
}

}  // namespace
}  // namespace server
