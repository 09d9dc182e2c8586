#include "net/proxy.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "crypto/x509.h"
#include "net/proxy_handshake.h"
#include "net/socks5.h"
#include "sys/fiber.h"
#include "sys/real/real.h"
#include "sys/sim/sim.h"

namespace net {
namespace {

using base::Code;
using base::seconds;
using sys::Address;
using namespace std::string_literals;

ProxyRule rule(const std::string& text) {
  auto made = parse_proxy_rule(text);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  return *made;
}

// Runs `body` in a fiber of the world's loop until it ends.
void run(sys::Loop& loop, const std::function<void()>& body) {
  auto fiber = sys::spawn(loop, "test", body);
  CHECK(loop.run_until([&] { return fiber.done(); }));
}

// A manager, a proxy on the border and a network behind it that only the proxy reaches.
struct Site {
  sys::SimWorld world{1};
  sys::Sys& manager = world.process("192.0.2.1", "manager");
  sys::Sys& border = world.process("192.0.2.9", "border");
  std::unique_ptr<sys::Net> inside = sys::make_segment(world.loop(), world.random(), nullptr);
  std::unique_ptr<sys::HostNet> server = sys::make_host_view(*inside, "10.0.0.5");
  std::unique_ptr<sys::Net> bridge = sys::make_foreign_view(*inside);
  std::unique_ptr<ProxyServer> proxy;

  Site() {
    auto started = start_proxy_server(world.loop(), border.net, *bridge, {"192.0.2.9", 1080});
    REQUIRE(started);
    proxy = std::move(*started);
  }
  std::unique_ptr<sys::Net> through(const std::vector<std::string>& rules) {
    std::vector<ProxyRule> parsed;
    for (const auto& text : rules) parsed.push_back(rule(text));
    return make_proxied_net(world.loop(), manager.net, std::move(parsed));
  }
};

// Accepts connections of `net` at `at` and answers each with what it sent, in capitals, once its end was seen.
std::shared_ptr<sys::Listener> capitals(sys::Loop& loop, sys::Net& net, const Address& at) {
  auto made = net.listen(at);
  REQUIRE(made);
  std::shared_ptr<sys::Listener> listener = std::move(*made);
  sys::spawn(loop, "capitals", [&loop, accepting = listener] {
    while (auto stream = accepting->accept()) {
      sys::spawn(loop, "capitals", [client = std::shared_ptr<sys::Stream>(std::move(*stream))] {
        std::string all;
        for (;;) {
          auto bytes = client->read(1000, seconds(60));
          if (!bytes) return;
          if (bytes->empty()) break;
          all += *bytes;
        }
        (void)client->write(base::upper(all), seconds(60));
        client->finish_writes();
      });
    }
  });
  return listener;
}

// Answers each datagram with its bytes in capitals.
std::shared_ptr<sys::Datagram> udp_capitals(sys::Loop& loop, sys::Net& net, const Address& at) {
  auto made = net.open_udp(at, {});
  REQUIRE(made);
  std::shared_ptr<sys::Datagram> socket = std::move(*made);
  sys::spawn(loop, "capitals", [from = socket] {
    while (auto packet = from->receive(sys::no_limit)) (void)from->send(packet->from, base::upper(packet->bytes));
  });
  return socket;
}

std::string exchange(sys::Net& net, const Address& to, const std::string& text) {
  auto stream = net.connect(to, seconds(20));
  if (!stream) return "error: " + stream.error().text();
  CHECK((*stream)->peer() == to);
  REQUIRE((*stream)->write(text, seconds(20)));
  (*stream)->finish_writes();
  std::string all;
  for (;;) {
    auto bytes = (*stream)->read(3, seconds(20));
    if (!bytes) return "error: " + bytes.error().text();
    if (bytes->empty()) return all;
    all += *bytes;
  }
}

// Retries, since either network may lose datagrams.
base::Result<sys::Packet> ask(sys::Datagram& socket, const Address& to, const std::string& text) {
  for (int tries = 0;; ++tries) {
    TRY(socket.send(to, text));
    auto answer = socket.receive(seconds(2));
    if (answer || answer.error().code != Code::timeout || tries == 4) return answer;
  }
}

TEST_CASE("proxy rules: parsing") {
  const ProxyRule full = rule(" SOCKS5://me:p%40s=s@proxy.example.com:1081/=10.0.0.0/8, fd00::/8,*.example.com,bmc1 ");
  CHECK(full.kind == ProxyRule::Kind::socks5);
  CHECK(full.proxy == Address{"proxy.example.com", 1081});
  CHECK(full.user == "me");
  CHECK(full.password == "p@s=s");
  CHECK(full.destinations == std::vector<std::string>{"10.0.0.0/8", "fd00::/8", "*.example.com", "bmc1"});
  CHECK(rule("socks5://[fd00::1]=*").proxy == Address{"fd00::1", 1080});
  CHECK(rule("http://10.0.0.1:3128=*").kind == ProxyRule::Kind::http_connect);
  CHECK(rule("direct=10.1.0.0/16").kind == ProxyRule::Kind::direct);
  for (const char* bad : {"", "socks5://h:1080", "socks5://h:1080=", "socks5://=*", "http://h=*", "https://h:1=*",
                          "h:1=*", "socks5://h:99999=*", "socks5://h:1=10.0.0.0/33", "socks5://h:1=host/8",
                          "socks5://h:1=a b", "socks5://h:1=*.", "http://a%3Ab:c@h:1=*", "socks5://:secret@h:1=*"}) {
    CAPTURE(bad);
    auto parsed = parse_proxy_rule(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::invalid);
    CHECK(parsed.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("proxy rules: matching") {
  CHECK(destination_matches("*", "anything"));
  CHECK(destination_matches("192.168.0.0/16", "192.168.255.1"));
  CHECK_FALSE(destination_matches("192.168.0.0/16", "192.169.0.1"));
  CHECK(destination_matches("10.0.0.128/25", "10.0.0.200"));
  CHECK_FALSE(destination_matches("10.0.0.128/25", "10.0.0.100"));
  CHECK(destination_matches("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(destination_matches("0.0.0.0/0", "fd00::1"));
  CHECK_FALSE(destination_matches("0.0.0.0/0", "host"));
  CHECK(destination_matches("fd00::/8", "fdab::1"));
  CHECK_FALSE(destination_matches("fd00::/8", "fe80::1"));
  CHECK(destination_matches("fe80::/10", "fe80::1%eth0"));
  CHECK(destination_matches("fd00:0:0::1", "fd00::1"));
  CHECK(destination_matches("10.0.0.1", "10.0.0.1"));
  CHECK_FALSE(destination_matches("10.0.0.1", "10.0.0.10"));
  CHECK(destination_matches("Images.example.com", "images.EXAMPLE.com."));
  CHECK(destination_matches("*.example.com", "a.b.Example.com"));
  CHECK_FALSE(destination_matches("*.example.com", "example.com"));
  CHECK_FALSE(destination_matches("*.example.com", "badexample.com"));
  CHECK_FALSE(destination_matches("*.example.com", ".example.org"));
  CHECK_FALSE(destination_matches("10.0.0.0/99", "10.0.0.1"));
}

TEST_CASE("proxy: streams by address, by name and by IPv6 literal, with both protocols") {
  Site site;
  std::vector<std::shared_ptr<sys::Listener>> listeners;
  for (const char* host : {"10.0.0.5", "images.example.com", "fd00::5"})
    listeners.push_back(capitals(site.world.loop(), *site.inside, {host, 80}));
  for (const std::string proxy : {"socks5://192.0.2.9:1080=*", "http://192.0.2.9:1080=*"}) {
    CAPTURE(proxy);
    auto net = site.through({proxy});
    run(site.world.loop(), [&] {
      CHECK(exchange(*net, {"10.0.0.5", 80}, "address") == "ADDRESS");
      CHECK(exchange(*net, {"images.example.com", 80}, "name") == "NAME");
      CHECK(exchange(*net, {"fd00::5", 80}, "six") == "SIX");
      const std::string big(1'000'000, 'x');
      CHECK(exchange(*net, {"10.0.0.5", 80}, big) == base::upper(big));
    });
  }
}

TEST_CASE("proxy: the first rule that matches counts") {
  Site site;
  auto inside = capitals(site.world.loop(), *site.inside, {"10.0.0.5", 80});
  sys::Sys& near = site.world.process("10.1.0.1", "near");
  auto outside = capitals(site.world.loop(), near.net, {"10.1.0.1", 80});
  run(site.world.loop(), [&] {
    auto good = site.through({"direct=10.1.0.0/16", "socks5://192.0.2.9:1080=10.0.0.0/8", "http://192.0.2.77:1=*"});
    CHECK(exchange(*good, {"10.0.0.5", 80}, "in") == "IN");
    CHECK(exchange(*good, {"10.1.0.1", 80}, "near") == "NEAR");
    auto reversed = site.through({"socks5://192.0.2.9:1080=10.0.0.0/8", "direct=10.1.0.0/16"});
    CHECK(exchange(*reversed, {"10.1.0.1", 80}, "near").find("SOCKS reply 5") != std::string::npos);
    // What no rule names goes directly.
    auto none = site.through({"socks5://192.0.2.9:1080=10.0.0.0/16"});
    CHECK(exchange(*none, {"10.1.0.1", 80}, "near") == "NEAR");
  });
}

TEST_CASE("proxy: errors say which proxy, which destination and what it answered") {
  Site site;
  run(site.world.loop(), [&] {
    auto socks = site.through({"socks5://192.0.2.9:1080=10.0.0.0/8", "socks5://192.0.2.9:1=172.16.0.0/12"});
    auto refused = socks->connect({"10.0.0.5", 81}, seconds(20));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::unavailable);
    CHECK(refused.error().message ==
          "proxy socks5://192.0.2.9:1080, destination 10.0.0.5:81: the proxy answered: connection refused (SOCKS reply "
          "5)");
    auto away = socks->connect({"172.16.0.1", 81}, seconds(20));
    REQUIRE_FALSE(away);
    CHECK(away.error().code == Code::unavailable);
    CHECK(away.error().message.starts_with("proxy socks5://192.0.2.9:1, destination 172.16.0.1:81: the proxy itself"));
    CHECK_FALSE(away.error().fix.empty());
    auto http = site.through({"http://192.0.2.9:1080=*"});
    refused = http->connect({"10.0.0.5", 81}, seconds(20));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::unavailable);
    CHECK(refused.error().message.starts_with(
        "proxy http://192.0.2.9:1080, destination 10.0.0.5:81: the proxy answered: 502 Bad Gateway"));
    auto udp = http->open_udp({}, {"10.0.0.5", 623});
    REQUIRE_FALSE(udp);
    CHECK(udp.error().code == Code::unsupported);
    CHECK(udp.error().fix.find("SOCKS5") != std::string::npos);
  });
}

TEST_CASE("proxy: datagrams by address, by name and by IPv6 literal") {
  Site site;
  std::vector<std::shared_ptr<sys::Datagram>> sockets;
  for (const char* host : {"10.0.0.5", "bmc.example.com", "fd00::5"})
    sockets.push_back(udp_capitals(site.world.loop(), *site.inside, {host, 623}));
  auto net = site.through({"socks5://192.0.2.9:1080=*"});
  run(site.world.loop(), [&] {
    auto socket = net->open_udp({}, {"10.0.0.5", 623});
    REQUIRE(socket);
    for (const char* host : {"10.0.0.5", "bmc.example.com", "fd00::5", "10.0.0.5"}) {
      CAPTURE(host);
      auto answer = ask(**socket, {host, 623}, "hello "s + host);
      REQUIRE(answer);
      CHECK(answer->from == Address{host, 623});
      CHECK(answer->bytes == base::upper("hello "s + host));
    }
    CHECK((*socket)->send({"10.0.0.5", 623}, std::string(65507, 'x')).error().code == Code::too_large);
    // A stranger cannot use the association, nor speak as the proxy.
    sys::Sys& stranger = site.world.process("192.0.2.66", "stranger");
    auto other = stranger.net.open_udp({}, {});
    REQUIRE(other);
    REQUIRE((*other)->send((*socket)->local(), *socks5::wrap_relayed({"10.0.0.5", 623}, "forged")));
    CHECK((*socket)->receive(seconds(5)).error().code == Code::timeout);
    // No rule is asked when the peer is unknown: servers listen here.
    auto server = net->open_udp({"", 67}, {});
    REQUIRE(server);
    CHECK((*server)->local() == Address{"192.0.2.1", 67});
  });
}

TEST_CASE("proxy: a UDP association ends with its control connection") {
  Site site;
  auto echo = udp_capitals(site.world.loop(), *site.inside, {"10.0.0.5", 623});
  run(site.world.loop(), [&] {
    // By hand, so that both ends of the association are seen.
    auto control = site.manager.net.connect({"192.0.2.9", 1080}, seconds(5));
    REQUIRE(control);
    REQUIRE((*control)->write("\x05\x01\x00\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"s, seconds(5)));
    std::string answer;
    while (answer.size() < 12) {
      auto bytes = (*control)->read(100, seconds(5));
      REQUIRE(bytes);
      REQUIRE_FALSE(bytes->empty());
      answer += *bytes;
    }
    CHECK(answer.substr(0, 5) == "\x05\x00\x05\x00\x00"s);
    Address relay;
    REQUIRE(*socks5::take_address(std::string_view(answer).substr(5), relay) == 7);
    CHECK(relay.host == "192.0.2.9");
    auto socket = site.manager.net.open_udp({}, relay);
    REQUIRE(socket);
    const std::string packet = *socks5::wrap_relayed({"10.0.0.5", 623}, "ping");
    auto back = ask(**socket, relay, packet);
    REQUIRE(back);
    CHECK(socks5::parse_relayed(back->bytes)->payload == "PING");
    // Fragments and strangers are dropped.
    REQUIRE((*socket)->send(relay, "\0\0\1"s + packet.substr(3)));
    sys::Sys& stranger = site.world.process("192.0.2.66", "stranger");
    auto other = stranger.net.open_udp({}, {});
    REQUIRE(other);
    CHECK_FALSE(ask(**other, relay, packet));
    CHECK((*socket)->receive(seconds(2)).error().code == Code::timeout);
    (*control)->close();
    REQUIRE(sys::sleep(site.world.loop(), seconds(1)));
    CHECK_FALSE(ask(**socket, relay, packet));
    CHECK(site.border.net.open_udp(relay, {}));  // its port is free again

    // And the client's end sees the proxy go.
    auto net = site.through({"socks5://192.0.2.9:1080=*"});
    auto through = net->open_udp({}, {"10.0.0.5", 623});
    REQUIRE(through);
    REQUIRE(ask(**through, {"10.0.0.5", 623}, "ping"));
    site.proxy.reset();
    auto gone = (*through)->receive(seconds(60));
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == Code::unavailable);
    CHECK(gone.error().message.find("proxy socks5://192.0.2.9:1080 has ended") != std::string::npos);
    CHECK((*through)->send({"10.0.0.5", 623}, "x").error().code == Code::unavailable);
  });
}

// A proxy that follows a script: for each text it expects, what it answers. Then it goes on in capitals.
void scripted(sys::Loop& loop, sys::Listener& listener, std::vector<std::pair<std::string, std::string>> script,
              std::string& trouble) {
  sys::spawn(loop, "scripted", [&listener, script, &trouble] {
    auto stream = listener.accept();
    if (!stream) return;
    for (const auto& [expected, answer] : script) {
      std::string got;
      while (got.size() < expected.size()) {
        auto bytes = (*stream)->read(expected.size() - got.size(), seconds(5));
        if (!bytes || bytes->empty()) {
          trouble = "ended early after " + got;
          return;
        }
        got += *bytes;
      }
      if (got != expected) trouble = base::hex(got) + " instead of " + base::hex(expected);
      (void)(*stream)->write(answer, seconds(5));
    }
  });
}

TEST_CASE("proxy: authentication and what foreign proxies answer") {
  struct Case {
    std::string rule;
    std::vector<std::pair<std::string, std::string>> script;
    std::string greeting;  // from the destination; else:
    Code code = Code::internal;
    std::string message;
  };
  const std::string connect_head = "\x05\x01\x00\x03\x04"s + "host\x00\x50"s;
  const std::string http_head = "CONNECT host:80 HTTP/1.1\r\nHost: host:80\r\n";
  const std::string bound = "\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34"s;
  const std::vector<Case> cases = {
      {"socks5://me:secret@192.0.2.9:9=*",
       {{"\x05\x02\x00\x02"s, "\x05\x02"s}, {"\x01\x02me\x06secret"s, "\x01\x00"s}, {connect_head, bound + "early"}},
       "early"},
      {"socks5://me:secret@192.0.2.9:9=*", {{"\x05\x02\x00\x02"s, "\x05\x00"s}, {connect_head, bound + "x"}}, "x"},
      {"socks5://me:wrong@192.0.2.9:9=*",
       {{"\x05\x02\x00\x02"s, "\x05\x02"s}, {"\x01\x02me\x05wrong"s, "\x01\x01"s}},
       "",
       Code::unauthenticated,
       "refused the user name or password"},
      {"socks5://192.0.2.9:9=*", {{"\x05\x01\x00"s, "\x05\xff"s}}, "", Code::unauthenticated, "asks for a user name"},
      {"socks5://192.0.2.9:9=*", {{"\x05\x01\x00"s, "HT"}}, "", Code::unavailable, "not SOCKS5"},
      {"socks5://192.0.2.9:9=*",
       {{"\x05\x01\x00"s, "\x05\x00"s}, {connect_head, "\x05\x02\x00"s}},
       "",
       Code::forbidden,
       "connection not allowed by ruleset (SOCKS reply 2)"},
      {"socks5://192.0.2.9:9=*",
       {{"\x05\x01\x00"s, "\x05\x00"s}, {connect_head, "\x05\x63\x00"s}},
       "",
       Code::unavailable,
       "unassigned reply 99"},
      {"socks5://192.0.2.9:9=*", {{"\x05\x01\x00"s, "\x05"s}}, "", Code::unavailable, "closed the connection"},
      {"http://me:secret@192.0.2.9:9=*",
       {{http_head + "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n", "HTTP/1.0 200 OK\r\nVia: x\r\n\r\nearly"}},
       "early"},
      {"http://192.0.2.9:9=*",
       {{http_head + "\r\n", "HTTP/1.1 407 Who\r\nContent-Length: 6\r\n\r\nlog in"}},
       "",
       Code::unauthenticated,
       "407 Proxy Authentication Required"},
      {"http://192.0.2.9:9=*", {{http_head + "\r\n", "HTTP/1.1 403 No\r\n\r\n"}}, "", Code::forbidden, "403 Forbidden"},
      {"http://192.0.2.9:9=*", {{http_head + "\r\n", "rubbish\r\n\r\n"}}, "", Code::unavailable, "not HTTP"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.rule);
    CAPTURE(one.message);
    sys::SimWorld world(1);
    sys::Sys& manager = world.process("192.0.2.1", "manager");
    sys::Sys& border = world.process("192.0.2.9", "border");
    auto listener = border.net.listen({"192.0.2.9", 9});
    REQUIRE(listener);
    std::string trouble;
    scripted(world.loop(), **listener, one.script, trouble);
    auto net = make_proxied_net(world.loop(), manager.net, {rule(one.rule)});
    run(world.loop(), [&] {
      auto stream = net->connect({"host", 80}, seconds(10));
      CHECK(trouble.empty());
      if (!one.greeting.empty()) {
        REQUIRE_MESSAGE(stream, (stream ? "" : stream.error().text()));
        CHECK((*stream)->read(100, seconds(5)).value_or("nothing") == one.greeting);
        return;
      }
      REQUIRE_FALSE(stream);
      CHECK(stream.error().code == one.code);
      CHECK(stream.error().text().find(one.message) != std::string::npos);
      CHECK(stream.error().text().find("destination host:80") != std::string::npos);
      CHECK(stream.error().text().find("secret") == std::string::npos);
    });
  }
}

TEST_CASE("proxy: a silent client is dropped, a silent proxy times out") {
  Site site;
  run(site.world.loop(), [&] {
    auto silent = site.manager.net.connect({"192.0.2.9", 1080}, seconds(5));
    REQUIRE(silent);
    REQUIRE((*silent)->write("\x05", seconds(5)));
    auto end = (*silent)->read(10, seconds(60));
    CHECK((!end || end->empty()));
    CHECK((end || end.error().code != Code::timeout));
    auto deaf = site.border.net.listen({"192.0.2.9", 9});
    REQUIRE(deaf);
    auto net = site.through({"socks5://192.0.2.9:9=*"});
    CHECK(net->connect({"10.0.0.5", 80}, seconds(3)).error().code == Code::timeout);
    CHECK(net->open_udp({}, {"10.0.0.5", 80}).error().code == Code::timeout);
  });
}

TEST_CASE("proxy: more UDP associations than allowed are refused") {
  Site site;
  auto net = site.through({"socks5://192.0.2.9:1080=*"});
  run(site.world.loop(), [&] {
    std::vector<std::unique_ptr<sys::Datagram>> open;
    base::Result<std::unique_ptr<sys::Datagram>> last = base::internal("");
    while (open.size() < 1000 && (last = net->open_udp({}, {"10.0.0.5", 623}))) open.push_back(std::move(*last));
    CHECK(open.size() == 256);
    CHECK(last.error().message.find("general failure") != std::string::npos);
    open.pop_back();
    REQUIRE(sys::sleep(site.world.loop(), seconds(1)));
    CHECK(net->open_udp({}, {"10.0.0.5", 623}));
  });
}

TEST_CASE("proxy handshake: byte by byte and refusals") {
  const auto feed = [](std::string_view text, bool bytewise) {
    ProxyHandshake handshake;
    std::string answer;
    for (size_t i = 0; i < text.size() && handshake.state() == ProxyHandshake::State::reading; ++i)
      answer += handshake.feed(bytewise ? text.substr(i, 1) : text.substr(std::exchange(i, text.size())));
    return std::tuple(handshake.state(), handshake.to(), answer, handshake.take_rest());
  };
  const std::string socks = "\x05\x02\x02\x00\x05\x01\x00\x03\x04host\x01\xbb"s;
  for (bool bytewise : {false, true}) {
    CHECK(feed(socks, bytewise) == std::tuple(ProxyHandshake::State::connect, Address{"host", 443}, "\x05\x00"s, ""s));
    CHECK(feed("CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n", bytewise) ==
          std::tuple(ProxyHandshake::State::connect, Address{"fd00::1", 443}, ""s, ""s));
    CHECK(std::get<2>(feed("\x05\x01\x02"s, bytewise)) == "\x05\xff"s);
    CHECK(std::get<2>(feed("\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50"s, bytewise)).substr(2, 2) ==
          "\x05\x07"s);
    CHECK(std::get<2>(feed("\x05\x01\x00\x05\x01\x00\x09\x0a"s, bytewise)).substr(2, 2) == "\x05\x08"s);
    CHECK(std::get<2>(feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytewise)).starts_with("HTTP/1.1 405 "));
    CHECK(std::get<2>(feed("CONNECT host HTTP/1.1\r\nHost: x\r\n\r\n", bytewise)).starts_with("HTTP/1.1 400 "));
    CHECK(std::get<2>(feed("\x16\x03\x01\r\n\r\n"s, bytewise)).starts_with("HTTP/1.1 400 "));
  }
  CHECK(std::get<3>(feed(socks + "rest", false)) == "rest");
  CHECK(std::get<2>(feed("CONNECT " + std::string(40'000, 'x'), false)).starts_with("HTTP/1.1 4"));
}

TEST_CASE("proxy: TLS end to end through the bridge verifies the destination's name") {
  Site site;
  const std::string key = crypto::generate_ec_p256_pem();
  crypto::CertificateRequest request;
  request.common_name = "bmc";
  request.ip_addresses = {"10.0.0.5"};
  request.server_auth = true;
  request.not_before = base::parse_rfc3339("2020-01-01T00:00:00Z").value();
  request.not_after = base::parse_rfc3339("2060-01-01T00:00:00Z").value();
  const std::string certificate = crypto::issue_certificate(request, key, "", key).value();
  for (const char* host : {"10.0.0.5", "10.0.0.6"}) {
    auto listener = site.server->listen({host, 443});
    REQUIRE(listener);
    sys::spawn(site.world.loop(), "bmc", [&, accepting = std::shared_ptr<sys::Listener>(std::move(*listener))] {
      auto stream = accepting->accept();
      if (!stream) return;
      auto safe = site.server->accept_tls(std::move(*stream), {certificate, key, "", false, {}}, seconds(10));
      if (!safe) return;
      auto got = (*safe)->read(100, seconds(10));
      if (got) (void)(*safe)->write(base::upper(*got), seconds(10));
    });
  }
  auto net = site.through({"socks5://192.0.2.9:1080=*"});
  run(site.world.loop(), [&] {
    sys::TlsClient options;
    options.ca_pem = certificate;
    auto stream = net->connect({"10.0.0.5", 443}, seconds(10));
    REQUIRE(stream);
    auto safe = net->start_tls(std::move(*stream), options, seconds(10));
    REQUIRE_MESSAGE(safe, (safe ? "" : safe.error().text()));
    REQUIRE((*safe)->write("secret", seconds(10)));
    CHECK((*safe)->read(100, seconds(10)).value_or("nothing") == "SECRET");
    auto other = net->connect({"10.0.0.6", 443}, seconds(10));
    REQUIRE(other);
    CHECK(net->start_tls(std::move(*other), options, seconds(10)).error().code == Code::unauthenticated);
  });
}

TEST_CASE("proxy: over the real loopback") {
  sys::RealSystem system;
  sys::Loop& loop = system.sys().loop;
  sys::Net& real = system.sys().net;
  auto proxy = start_proxy_server(loop, real, real, {"127.0.0.1", 0});
  REQUIRE(proxy);
  auto tcp = capitals(loop, real, {"127.0.0.1", 0});
  auto udp = udp_capitals(loop, real, {"127.0.0.1", 0});
  const std::string at = (*proxy)->local().text();
  run(loop, [&] {
    for (const std::string scheme : {"socks5://", "http://"}) {
      auto net = make_proxied_net(loop, real, {rule(scheme + at + "=*")});
      CHECK(exchange(*net, {"127.0.0.1", tcp->local().port}, "address") == "ADDRESS");
      CHECK(exchange(*net, {"localhost", tcp->local().port}, "name") == "NAME");
    }
    auto net = make_proxied_net(loop, real, {rule("socks5://" + at + "=127.0.0.0/8")});
    auto socket = net->open_udp({}, udp->local());
    REQUIRE(socket);
    auto answer = ask(**socket, udp->local(), "datagram");
    REQUIRE(answer);
    CHECK(answer->from == udp->local());
    CHECK(answer->bytes == "DATAGRAM");
    proxy->reset();
    CHECK((*socket)->receive(seconds(10)).error().code == Code::unavailable);
    tcp->close();
    udp->close();
  });
}

}  // namespace
}  // namespace net
