// Downloads that are sent on from server to server, over plain and encrypted connections.
#include "fetch/image_download.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "base/text.h"
#include "crypto/x509.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace {

using base::Code;
using base::Result;

struct Site {
  explicit Site(uint64_t seed) : world(seed), host(world.process("host", "h")) {
    ca_key = host.keys.ec_p256_pem();
    crypto::CertificateRequest wanted;
    wanted.common_name = "site";
    wanted.is_ca = true;
    ca = issue(wanted, ca_key);
    listen("images", 80, false);
    listen("mirror", 80, false);
    listen("secure", 443, true);
    listen("impostor", 443, true, "secure");
    for (int i = 0; i < 300'000; ++i) file += static_cast<char>(i * 7 + i / 256);
  }
  ~Site() { host.loop.shut(); }
  std::string issue(crypto::CertificateRequest wanted, const std::string& key) {
    wanted.not_before = world.loop().now() - base::hours(1);
    wanted.not_after = world.loop().now() + base::hours(1);
    return crypto::issue_certificate(wanted, key, ca, ca_key).value();
  }
  void listen(const std::string& name, uint16_t port, bool tls, const std::string& certified = "") {
    sys::Sys& web = world.process(name, name);
    net::ServerOptions options;
    options.listen = {{name, port}};
    options.tls = tls;
    if (tls) {
      crypto::CertificateRequest wanted;
      wanted.common_name = "server";
      wanted.dns_names = {certified.empty() ? name : certified};
      wanted.server_auth = true;
      options.tls_options.key_pem = web.keys.ec_p256_pem();
      options.tls_options.certificate_pem = issue(wanted, options.tls_options.key_pem);
    }
    servers.push_back(std::make_unique<net::HttpServer>(
        web.loop, web.net, options, [this, name, tls](net::Exchange& exchange) { answer(exchange, name, tls); }));
    REQUIRE(servers.back()->start());
  }
  void answer(net::Exchange& exchange, const std::string& name, bool tls) {
    const net::Request& request = exchange.request();
    const std::string here = (tls ? "https://" : "http://") + name + request.target;
    seen.push_back(here + (request.headers.has("Authorization") ? " with password" : ""));
    if (const auto found = moved.find(here); found != moved.end()) {
      net::Response out = net::Response::text(302, std::string(100'000, 'm'));
      out.headers.set("Location", found->second);
      return exchange.respond(std::move(out));
    }
    const std::string& range = request.headers.get("Range");
    size_t from = 0, to = file.size();
    if (!range.empty()) {
      const size_t dash = range.find('-');
      from = static_cast<size_t>(base::parse_uint(range.substr(6, dash - 6)).value());
      if (dash + 1 < range.size()) to = static_cast<size_t>(base::parse_uint(range.substr(dash + 1)).value()) + 1;
    }
    net::Headers headers{{"Content-Length", std::to_string(to - from)}};
    headers.set("Content-Range",
                "bytes " + std::to_string(from) + "-" + std::to_string(to - 1) + "/" + std::to_string(file.size()));
    if (!exchange.start(range.empty() ? 200 : 206, headers)) return;
    const size_t sent = cut && range.empty() ? 100'000 : to - from;  // a connection that is lost on the way
    (void)exchange.write(std::string_view(file).substr(from, sent));
  }
  // What comes of it; fills `got`.
  Result<void> download(const std::string& url) {
    std::optional<Result<void>> out;
    got.clear();
    ranges.clear();
    sys::spawn(host.loop, "host", [&] {
      auto made = fetch::ImageDownload::make(host.loop, host.net, url, ca);
      if (!made) return void(out = made.error());
      auto done = (*made)->stream([&](std::string_view piece) -> Result<void> {
        got += piece;
        return {};
      });
      if (done) {
        auto parts = (*made)->read({{10, 20}, {1000, 30}});
        if (parts) ranges = std::move(*parts);
        if (!parts) done = parts.error();
      }
      out = std::move(done);
    });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return *out;
  }

  sys::SimWorld world;
  sys::Sys& host;
  std::string ca, ca_key, file, got;
  std::vector<std::string> ranges;
  std::vector<std::unique_ptr<net::HttpServer>> servers;
  std::map<std::string, std::string> moved;
  std::vector<std::string> seen;
  bool cut = false;
};

}  // namespace

TEST_CASE("an image behind redirects is downloaded, in ranges too and after a lost connection") {
  Site site(1);
  site.moved = {{"http://images/a", "b"},
                {"http://images/b", "http://mirror/c?key=1"},
                {"http://mirror/c?key=1", "https://secure/d"}};
  for (const bool cut : {false, true}) {
    site.cut = cut;
    const auto done = site.download("http://images/a");
    REQUIRE_MESSAGE(done, done.error().text());
    CHECK((site.got == site.file));
    CHECK(site.ranges == std::vector<std::string>{site.file.substr(10, 20), site.file.substr(1000, 30)});
    CHECK(site.seen[3] == "https://secure/d");
  }
}

TEST_CASE("a password in the URL goes to its server only") {
  Site site(2);
  site.moved = {{"http://images/a", "/b"}, {"http://images/b", "http://mirror/c"}};
  REQUIRE(site.download("http://user:word@images/a"));
  CHECK((site.got == site.file));
  REQUIRE(site.seen.size() >= 3);
  CHECK(site.seen[0] == "http://images/a with password");
  CHECK(site.seen[1] == "http://images/b with password");
  CHECK(site.seen[2] == "http://mirror/c");
}

TEST_CASE(
    "redirects that may not be followed, and servers that cannot prove themselves, are errors that name the way") {
  const struct {
    const char *from, *to, *says;
  } cases[] = {
      {"http://images/a", "/a", "more than 5 redirects"},
      {"https://secure/a", "http://images/b", "from https to http"},
      {"http://images/a", "http://127.0.0.1/b", "local address"},
      {"http://images/a", "file:///etc/passwd", "no URL"},
      {"http://images/a", "https://impostor/b?key=secret", "redirected to https://impostor/b?...:"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.to);
    Site site(3);
    site.moved = {{one.from, one.to}};
    const auto done = site.download(one.from);
    REQUIRE_FALSE(done);
    CHECK_MESSAGE(done.error().message.find(one.says) != std::string::npos, done.error().message);
    CHECK(done.error().message.find(one.from) != std::string::npos);
    CHECK(done.error().message.find("secret") == std::string::npos);
    CHECK_FALSE(done.error().fix.empty());
    CHECK(site.got.empty());
    CHECK(site.seen.size() <= 6);
  }
}
