// The same certificate rules must hold for TLS on sockets, for the simulation's TLS and for real TLS that comes into a
// segment through a bridge: every case runs on all three.
#include <doctest/doctest.h>

#include <string>

#include "crypto/x509.h"
#include "sys/fiber.h"
#include "sys/real/real.h"
#include "sys/sim/key_pool.h"
#include "sys/sim/sim.h"

using base::Code;
using base::seconds;

namespace {

constexpr const char* server_host = "127.0.0.1";

struct Authority {
  Authority(sys::KeySource& keys, base::Time now, std::string name) : key(keys.ec_p256_pem()), made_at(now) {
    crypto::CertificateRequest request;
    request.common_name = std::move(name);
    request.is_ca = true;
    certificate = issue(request, key, "");
  }
  std::string issue(crypto::CertificateRequest request, const std::string& subject_key, const std::string& issuer) {
    request.not_before = made_at - base::hours(1);
    request.not_after = made_at + base::hours(24);
    auto made = crypto::issue_certificate(request, subject_key, issuer, issuer.empty() ? subject_key : key);
    REQUIRE(made);
    return *made;
  }
  std::string server(const std::string& subject_key) {
    crypto::CertificateRequest request;
    request.common_name = "server";
    request.dns_names = {"bmc-1.example.com"};
    request.ip_addresses = {server_host};
    request.server_auth = true;
    return issue(request, subject_key, certificate);
  }
  std::string client(const std::string& subject_key) {
    crypto::CertificateRequest request;
    request.common_name = "admin";
    request.organizations = {"system:masters"};
    request.client_auth = true;
    return issue(request, subject_key, certificate);
  }
  std::string key, certificate;
  base::Time made_at;
};

// Both ends of one connection before TLS, and the networks they use.
struct Ends {
  sys::Loop& loop;
  sys::Net& client_net;
  sys::Net& server_net;
};

struct Outcome {
  base::Result<std::unique_ptr<sys::Stream>> client = base::internal("not tried");
  base::Result<std::unique_ptr<sys::Stream>> server = base::internal("not tried");
};

Outcome shake(Ends ends, const sys::TlsClient& client, const sys::TlsServer& server) {
  Outcome outcome;
  auto listener = ends.server_net.listen({server_host, 0});
  REQUIRE(listener);
  auto accepting = spawn(ends.loop, "server", [&] {
    auto stream = (*listener)->accept();
    REQUIRE(stream);
    outcome.server = ends.server_net.accept_tls(std::move(*stream), server, seconds(20));
  });
  auto stream = ends.client_net.connect((*listener)->local(), seconds(20));
  REQUIRE(stream);
  outcome.client = ends.client_net.start_tls(std::move(*stream), client, seconds(20));
  CHECK(accepting.join());
  return outcome;
}

struct Identities {
  explicit Identities(base::Time now) : authority(keys, now, "authority"), stranger(keys, now, "stranger") {
    server.key_pem = keys.ec_p256_pem();
    server.certificate_pem = authority.server(server.key_pem);
    client.ca_pem = authority.certificate;
    client_key = keys.ec_p256_pem();
  }
  sys::KeyPool keys;
  Authority authority, stranger;
  sys::TlsServer server;
  sys::TlsClient client;
  std::string client_key;
};

void check_server_rules(Ends ends) {
  Identities ids(ends.loop.now());
  ids.server.alpn = {"h2", "http/1.1"};
  ids.client.alpn = {"http/1.1", "h2"};
  {
    auto both = shake(ends, ids.client, ids.server);
    REQUIRE(both.client);
    REQUIRE(both.server);
    CHECK((*both.client)->tls()->alpn == "h2");
    CHECK((*both.server)->tls()->alpn == "h2");
    CHECK(crypto::inspect_certificate((*both.client)->tls()->certificate_pem)->common_name == "server");
    CHECK((*both.server)->tls()->certificate_pem.empty());
    CHECK((*both.client)->write("ping", seconds(5)));
    CHECK(*(*both.server)->read(100, seconds(5)) == "ping");
    CHECK((*both.server)->read(100, base::milliseconds(1)).error().code == Code::timeout);
    CHECK((*both.server)->write("pong", seconds(5)));
    CHECK(*(*both.client)->read(2, seconds(5)) == "po");
    CHECK(*(*both.client)->read(100, seconds(5)) == "ng");
    (*both.client)->close();
    CHECK((*both.server)->read(100, seconds(5)).value().empty());
  }
  ids.client.server_name = "bmc-1.example.com";
  CHECK(shake(ends, ids.client, ids.server).client);
  ids.client.server_name = "bmc-2.example.com";
  CHECK(shake(ends, ids.client, ids.server).client.error().code == Code::unauthenticated);
  ids.client.server_name.clear();
  ids.client.ca_pem = ids.stranger.certificate;
  {
    auto both = shake(ends, ids.client, ids.server);
    CHECK(both.client.error().code == Code::unauthenticated);
    CHECK(!both.server);
  }
  ids.client.verify = false;
  ids.client.alpn = {"spdy/1"};
  {
    auto both = shake(ends, ids.client, ids.server);
    REQUIRE(both.client);
    CHECK((*both.client)->tls()->alpn.empty());
    CHECK((*both.client)->tls()->certificate_pem.empty());
  }
  ids.server.key_pem = ids.client_key;
  CHECK(shake(ends, ids.client, ids.server).server.error().code == Code::invalid);
}

void check_client_rules(Ends ends) {
  Identities ids(ends.loop.now());
  ids.server.client_ca_pem = ids.authority.certificate;
  {
    auto both = shake(ends, ids.client, ids.server);
    REQUIRE(both.server);  // asked for, not required
    CHECK((*both.server)->tls()->certificate_pem.empty());
  }
  ids.server.client_certificate_required = true;
  {
    auto both = shake(ends, ids.client, ids.server);
    CHECK(both.server.error().code == Code::unauthenticated);
    // In TLS 1.3 the client learns it with its first read.
    const auto answer = both.client ? (*both.client)->read(1, seconds(5)) : std::move(both.client).error();
    CHECK(answer.error().code == Code::unauthenticated);
  }
  ids.client.key_pem = ids.client_key;
  ids.client.certificate_pem = ids.authority.client(ids.client_key);
  {
    auto both = shake(ends, ids.client, ids.server);
    REQUIRE(both.client);
    REQUIRE(both.server);
    const auto info = crypto::inspect_certificate((*both.server)->tls()->certificate_pem);
    REQUIRE(info);
    CHECK(info->common_name == "admin");
    CHECK(info->organizations == std::vector<std::string>{"system:masters"});
  }
  ids.client.certificate_pem = ids.stranger.client(ids.client_key);
  CHECK(shake(ends, ids.client, ids.server).server.error().code == Code::unauthenticated);
}

void check_no_tls(Ends ends) {
  Identities ids(ends.loop.now());
  auto listener = ends.server_net.listen({server_host, 0});
  auto accepting = spawn(ends.loop, "server", [&] {
    auto stream = (*listener)->accept();
    REQUIRE(stream);
    CHECK(ends.server_net.accept_tls(std::move(*stream), ids.server, seconds(5)).error().code == Code::unavailable);
  });
  auto stream = ends.client_net.connect((*listener)->local(), seconds(5));
  REQUIRE(stream);
  CHECK((*stream)->write("GET / HTTP/1.1\r\n\r\n", seconds(5)));
  CHECK(accepting.join());
}

void check_both_directions_at_once(Ends ends) {
  Identities ids(ends.loop.now());
  auto both = shake(ends, ids.client, ids.server);
  REQUIRE(both.client);
  REQUIRE(both.server);
  const std::string big(3'000'000, 'x');
  std::vector<sys::Fiber> fibers;
  for (sys::Stream* stream : {both.client->get(), both.server->get()}) {
    fibers.push_back(spawn(ends.loop, "writer", [stream, &big] { CHECK(stream->write(big, seconds(60))); }));
    fibers.push_back(spawn(ends.loop, "reader", [stream, &big] {
      std::string all;
      while (all.size() < big.size()) {
        auto bytes = stream->read(100'000, seconds(60));
        REQUIRE(bytes);
        REQUIRE(!bytes->empty());
        all += *bytes;
      }
      CHECK(all == big);
    }));
  }
  for (auto& fiber : fibers) CHECK(fiber.join());
}

void check_all(Ends ends) {
  auto test = spawn(ends.loop, "test", [ends] {
    check_server_rules(ends);
    check_client_rules(ends);
    check_no_tls(ends);
    check_both_directions_at_once(ends);
  });
  CHECK(ends.loop.run_until([&test] { return test.done(); }));
}

}  // namespace

TEST_CASE("tls: rules on real sockets") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  check_all({sys.loop, sys.net, sys.net});
}

TEST_CASE("tls: rules in the simulated world") {
  sys::SimWorld world(1);
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  check_all({sys.loop, sys.net, sys.net});
}

TEST_CASE("tls: rules for real TLS over a segment, served by an ordinary view") {
  sys::SimWorld world(1);
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  auto segment = sys::make_segment(world.loop(), world.random(), nullptr);
  auto bridge = sys::make_foreign_view(*segment);
  check_all({sys.loop, *bridge, *segment});
}

TEST_CASE("tls: a real client on a real socket, relayed into a segment, is served by a listener in the segment") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  auto segment = sys::make_segment(sys.loop, sys.random, nullptr);
  auto bridge = sys::make_foreign_view(*segment);
  auto front = sys::make_host_view(*segment, "192.168.1.10");
  const auto pump = [&sys](sys::Stream* from, sys::Stream* to) {
    return spawn(sys.loop, "pump", [from, to] {
      for (auto bytes = from->read(4096, sys::no_limit); bytes && !bytes->empty();
           bytes = from->read(4096, sys::no_limit)) {
        if (!to->write(*bytes, seconds(20))) return;
      }
    });
  };
  auto test = spawn(sys.loop, "test", [&] {
    Identities ids(sys.loop.now());
    auto inner = front->listen({"", 443});
    auto outer = sys.net.listen({"127.0.0.1", 0});
    REQUIRE(outer);
    auto bmc = spawn(sys.loop, "bmc", [&] {
      auto stream = (*inner)->accept();
      REQUIRE(stream);
      auto secure = front->accept_tls(std::move(*stream), ids.server, seconds(20));
      REQUIRE(secure);
      CHECK(*(*secure)->read(100, seconds(20)) == "GET /redfish/v1");
      CHECK((*secure)->write("service root", seconds(20)));
    });
    auto relay = spawn(sys.loop, "relay", [&] {
      auto outside = (*outer)->accept();
      auto inside = bridge->connect({"192.168.1.10", 443}, seconds(5));
      REQUIRE(outside);
      REQUIRE(inside);
      auto there = pump(outside->get(), inside->get());
      auto back = pump(inside->get(), outside->get());
      CHECK(back.join());
      there.cancel();
      CHECK(there.join());
    });
    auto stream = sys.net.connect((*outer)->local(), seconds(20));
    REQUIRE(stream);
    ids.client.server_name = "bmc-1.example.com";
    auto secure = sys.net.start_tls(std::move(*stream), ids.client, seconds(20));
    REQUIRE(secure);
    CHECK((*secure)->write("GET /redfish/v1", seconds(20)));
    CHECK(*(*secure)->read(100, seconds(20)) == "service root");
    CHECK(bmc.join());
    CHECK((*secure)->read(100, seconds(20)).value().empty());
    CHECK(relay.join());
  });
  CHECK(sys.loop.run_until([&test] { return test.done(); }));
}
