#include "metal/boot/checksum.h"

#include <doctest/doctest.h>

#include "net/http.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace metal {
namespace {

const std::string md5(32, 'a'), sha256(64, 'b'), sha512(128, 'c');

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("checksum: length, type and prefix have to agree") {
  struct Case {
    std::string given, type, algorithm;  // "": refused
  };
  const Case cases[] = {
      {sha256, "", "sha256"},
      {sha256, "auto", "sha256"},
      {sha256, "sha256", "sha256"},
      {sha256, "SHA256", "sha256"},
      {sha512, "sha512", "sha512"},
      {"sha256:" + sha256, "", "sha256"},
      {"SHA256:" + sha256, "auto", "sha256"},
      {" " + sha256 + "\n", "sha256", "sha256"},
      {"sha512:" + sha256, "", ""},
      {"sha256:" + sha256, "sha512", ""},
      {sha256, "sha512", ""},
      {sha256, "md5", ""},
      {sha256, "crc32", ""},
      {md5, "", ""},  // MD5 has to be allowed
      {md5, "md5", ""},
      {std::string(40, 'd'), "", ""},  // SHA-1
      {std::string(63, 'b'), "", ""},
      {std::string(64, 'x'), "", ""},
      {"", "", ""},
  };
  for (const auto& one : cases) {
    CAPTURE(one.given);
    CAPTURE(one.type);
    const auto digest = make_digest(one.given, one.type, {});
    REQUIRE(digest.ok() == !one.algorithm.empty());
    if (digest) {
      CHECK(digest->algorithm == one.algorithm);
      CHECK(digest->value == (one.algorithm == "sha256" ? sha256 : sha512));
    } else {
      CHECK(digest.error().code == base::Code::invalid);
      CHECK(digest.error().layer == base::Layer::agent);
      CHECK_FALSE(digest.error().fix.empty());
    }
  }
  CHECK(make_digest(std::string(64, 'B'), "", {})->value == sha256);
  ChecksumRules md5_too;
  md5_too.allow_md5 = true;
  CHECK(make_digest(md5, "", md5_too)->algorithm == "md5");
}

TEST_CASE("checksum: the image's line is found in a sums file of either form") {
  const std::string other(64, 'e');
  const std::string url = "https://images.example.com/v1/node.qcow2?sig=x";
  for (const std::string& sums : {
           other + "  other.qcow2\n" + sha256 + "  node.qcow2\n",
           "# made by hand\r\n" + sha256 + " *node.qcow2\r\n" + other + " *node.qcow2.old\r\n",
           "SHA256 (other.qcow2) = " + other + "\nSHA256 (node.qcow2) = " + sha256 + "\n", sha256 + "  ./v1/node.qcow2",
           sha256 + "\n",  // nothing but a digest
       }) {
    CAPTURE(sums);
    const auto found = digest_in_sums(sums, url);
    REQUIRE(found.ok());
    CHECK(*found == sha256);
  }
  for (const std::string& sums : {
           std::string(),
           std::string("<html>not here</html>"),
           other + "  other.qcow2\n",
           other + "  other.qcow2\n" + sha256 + "\n",  // whose is it?
           sha256 + "\n" + other + "\n",
           sha256 + "  node.qcow2.old\n",
       }) {
    CAPTURE(sums);
    const auto found = digest_in_sums(sums, url);
    REQUIRE_FALSE(found.ok());
    CHECK(contains(found.error().message, "node.qcow2"));
    CHECK(found.error().layer == base::Layer::agent);
  }
}

TEST_CASE("checksum: an image without one is refused, a URL is fetched, redirects are followed, failures name it") {
  sys::SimWorld world(1);
  auto& server = world.process("10.0.0.2", "server");
  auto& manager = world.process("10.0.0.1", "manager");
  int status = 200;
  net::ServerOptions plain;
  plain.listen = {{"10.0.0.2", 80}};
  plain.tls = false;
  net::HttpServer http(server.loop, server.net, plain, [&](net::Exchange& exchange) {
    if (exchange.request().target == "/moved") {
      net::Response moved;
      moved.status = 302;
      moved.headers.set("Location", "/SUMS");
      return exchange.respond(std::move(moved));
    }
    if (exchange.request().target == "/round") {
      net::Response moved;
      moved.status = 302;
      moved.headers.set("Location", "/round");
      return exchange.respond(std::move(moved));
    }
    exchange.respond(net::Response::text(status, sha256 + "  node.qcow2\n"));
  });
  REQUIRE(http.start().ok());
  const auto resolve = [&](const std::string& checksum) {
    std::optional<base::Result<ImageDigest>> out;
    sys::spawn(manager.loop, "test", [&] {
      out = resolve_checksum(manager.loop, manager.net, {"http://images/node.qcow2", checksum, "sha256", "qcow2"}, {});
    });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return *out;
  };
  CHECK(resolve(sha256)->value == sha256);
  CHECK(resolve("http://10.0.0.2/SUMS")->value == sha256);
  CHECK(resolve("http://10.0.0.2/moved")->value == sha256);

  const auto missing = resolve("");
  REQUIRE_FALSE(missing.ok());
  CHECK(contains(missing.error().fix, "spec.image.checksum"));
  for (const char* where : {"http://10.0.0.2/round", "http://10.0.0.9/SUMS", "ftp://10.0.0.2/SUMS"}) {
    CAPTURE(where);
    const auto failed = resolve(where);
    REQUIRE_FALSE(failed.ok());
    CHECK(contains(failed.error().message, where));
    CHECK(failed.error().layer == base::Layer::agent);
    CHECK_FALSE(failed.error().fix.empty());
  }
  status = 404;
  CHECK(resolve("http://10.0.0.2/SUMS").error().code == base::Code::not_found);
  status = 503;
  CHECK(resolve("http://10.0.0.2/SUMS").error().code == base::Code::unavailable);
}

}  // namespace metal
