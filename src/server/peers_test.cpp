#include "server/peers.h"

#include "crypto/x509.h"
#include "server/test_people.h"

namespace server {
namespace {

constexpr auto day = base::hours(24);

std::string certificate(const std::string& name, bool is_ca, const std::string& issuer, const std::string& key) {
  crypto::CertificateRequest request;
  request.common_name = name;
  request.is_ca = is_ca;
  request.client_auth = !is_ca;
  request.not_before = base::Time{};
  request.not_after = base::Time{} + day * 36500;
  return crypto::issue_certificate(request, is_ca ? key : crypto::generate_ec_p256_pem(), issuer, key).value();
}

struct Authority {
  std::string key = crypto::generate_ec_p256_pem();
  std::string pem = certificate("authority", true, {}, key);
  std::string client(const std::string& name) const { return certificate(name, false, pem, key); }
};
const Authority& clients() {
  static const Authority one;
  return one;
}
const Authority& peers() {
  static const Authority one;
  return one;
}

// What a process asked of the one that leads, and what that one answers.
struct Leader {
  bool here = false;
  std::vector<net::Request> asked;
  base::Result<net::Response> answer = net::Response::text(201, "made");
  int reads = 0;
  base::Result<void> current;

  Options with_peers() {
    Options out;
    out.tls.client_ca_pem = clients().pem;
    out.peers = PeerOptions{.leads = [this] { return here; },
                            .catch_up =
                                [this] {
                                  ++reads;
                                  return current;
                                },
                            .to_leader =
                                [this](net::Request request) {
                                  asked.push_back(std::move(request));
                                  return answer;
                                },
                            .ca_pem = peers().pem};
    return out;
  }
};

struct Asked : Leader, People {
  Asked() : People(with_peers()) {}
  net::Response ask(const std::string& shown, net::Request request) {
    TestExchange exchange(sys.loop, std::move(request));
    exchange.show_certificate(shown);
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return exchange.response;
  }
};

}  // namespace

TEST_CASE("a process that does not lead passes writes on, with who asked and without what outsiders claim") {
  Asked f;
  const auto response = f.ask(clients().client("ann"), {.method = "POST",
                                                        .target = "/api/v1/namespaces/default/configmaps?dryRun=All",
                                                        .headers = {{"Authorization", "Bearer secret"},
                                                                    {"Impersonate-User", "bob"},
                                                                    {"X-Ingot-Remote-Group", "system:masters"},
                                                                    {"Content-Type", "application/json"}},
                                                        .body = "{}"});
  CHECK(response.status == 201);
  CHECK(response.body == "made");
  REQUIRE(f.asked.size() == 1);
  const auto& sent = f.asked.front();
  CHECK(sent.method == "POST");
  CHECK(sent.target == "/api/v1/namespaces/default/configmaps?dryRun=All");
  CHECK(sent.body == "{}");
  CHECK(sent.headers.get(peer_user_header) == "ann");
  CHECK(sent.headers.get("Impersonate-User") == "bob");
  CHECK(sent.headers.get("Content-Type") == "application/json");
  CHECK_FALSE(sent.headers.has("Authorization"));
  for (const auto& [name, value] : sent.headers.all()) {
    if (name == peer_group_header) CHECK(value == "system:authenticated");
  }
}

TEST_CASE("reads are answered where they arrive, after catching up, unless they name a revision") {
  Asked f;
  const auto get = [&](const std::string& target) { return f.ask({}, {.method = "GET", .target = target}).status; };
  CHECK(get("/version") == 200);
  CHECK(f.reads == 0);
  const auto ann = clients().client("ann");
  f.ask(ann, {.method = "GET", .target = "/api/v1/namespaces/default/configmaps?resourceVersion=0"});
  CHECK(f.reads == 0);
  CHECK(f.asked.empty());
}

TEST_CASE("without a leader writes are refused, to be tried again; with an unknown outcome they are not") {
  Asked f;
  f.answer = base::unavailable("no process leads at the moment");
  auto response = f.ask(clients().client("ann"), {.method = "DELETE", .target = "/api/v1/namespaces/x"});
  CHECK(response.status == 503);
  CHECK(response.headers.get("Retry-After") == "1");
  f.answer = base::timeout("no answer");
  response = f.ask(clients().client("ann"), {.method = "DELETE", .target = "/api/v1/namespaces/x"});
  CHECK(response.status == 504);
  CHECK_FALSE(response.headers.has("Retry-After"));
}

TEST_CASE("the leader believes the headers of other processes and of nobody else") {
  Asked f;
  f.here = true;
  const auto who = [&](const std::string& shown, net::Headers headers) {
    const auto response = f.ask(shown, {.method = "POST",
                                        .target = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                        .headers = std::move(headers),
                                        .body = "{}"});
    if (response.status != 201) return std::to_string(response.status);
    return base::parse_json(response.body)->path("status.userInfo").dump();
  };
  const net::Headers claims{{"X-Ingot-Remote-User", "ann"}, {"X-Ingot-Remote-Group", "people"}};
  const std::string through_peer = who(peers().client("another process"), claims);
  CHECK(through_peer.find("\"ann\"") != std::string::npos);
  CHECK(through_peer.find("\"people\"") != std::string::npos);
  const std::string outsider = who(clients().client("mallory"), claims);
  CHECK(outsider.find("\"mallory\"") != std::string::npos);
  CHECK(outsider.find("people") == std::string::npos);
  CHECK(who({}, claims).find("ann") == std::string::npos);
  CHECK(who(peers().client("another process"), {}) == "401");  // it speaks for nobody
  // And it does not pass on what was passed on, when it has just lost the lead.
  f.here = false;
  CHECK(who(peers().client("another process"), claims) == "503");
  CHECK(f.asked.empty());
}

}  // namespace server
