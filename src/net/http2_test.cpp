#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/x509.h"
#include "net/http2_peer.h"
#include "sys/fiber.h"
#include "sys/real/real.h"
#include "sys/sim/sim.h"

namespace net {
namespace {

using base::Code;
using base::milliseconds;
using base::seconds;

constexpr uint32_t no_error = 0, internal_error = 2, refused_stream = 7, cancel = 8, enhance_your_calm = 11;
enum Type : uint8_t { data, headers, priority, rst_stream, settings, push, ping, goaway, window, continuation };
constexpr uint8_t end_stream = 1, end_headers = 4;

struct Place {
  sys::Loop& loop;
  sys::Net& server;
  sys::Net& client;
  std::string host;
};

struct Identity {
  std::string key = crypto::generate_ec_p256_pem();
  std::string certificate;
  Identity() {
    crypto::CertificateRequest request;
    request.common_name = "both";
    request.ip_addresses = {"10.0.0.1", "127.0.0.1"};
    request.server_auth = request.client_auth = true;
    request.not_before = base::parse_rfc3339("2020-01-01T00:00:00Z").value();
    request.not_after = base::parse_rfc3339("2060-01-01T00:00:00Z").value();
    certificate = crypto::issue_certificate(request, key, "", key).value();
  }
};
const Identity& identity() {
  static const Identity made;
  return made;
}

void run_in(Place place, const std::function<void(Place&)>& scenario) {
  auto fiber = sys::spawn(place.loop, "test", [&] { scenario(place); });
  CHECK(place.loop.run_until([&] { return fiber.done(); }));
}
void simulated(const std::function<void(Place&)>& scenario) {
  sys::SimWorld world(1);
  run_in({world.loop(), world.process("10.0.0.1", "a").net, world.process("10.0.0.2", "b").net, "10.0.0.1"}, scenario);
}
void everywhere(const std::function<void(Place&)>& scenario) {
  SUBCASE("simulated") { simulated(scenario); }
  SUBCASE("real") {
    sys::RealSystem system;
    run_in({system.sys().loop, system.sys().net, system.sys().net, "127.0.0.1"}, scenario);
  }
}

ServerOptions offering_both(const Place& place) {
  ServerOptions options;
  options.listen = {{place.host, 0}};
  options.tls_options = {.certificate_pem = identity().certificate,
                         .key_pem = identity().key,
                         .client_ca_pem = identity().certificate,
                         .alpn = {"h2", "http/1.1"}};
  return options;
}

std::unique_ptr<sys::Stream> dial(Place& place, const HttpServer& server, std::vector<std::string> alpn = {"h2"}) {
  auto plain = place.client.connect(server.local().at(0), seconds(5));
  REQUIRE(plain);
  auto secured = place.client.start_tls(std::move(*plain), {.ca_pem = identity().certificate, .alpn = std::move(alpn)},
                                        seconds(5));
  REQUIRE(secured);
  return std::move(*secured);
}

void settle(Place& place, HttpServer& server) {
  server.stop();
  while (server.connections() > 0) REQUIRE(sys::sleep(place.loop, milliseconds(1)));
}

void echo(Exchange& exchange) {
  const Request& request = exchange.request();
  Response response = Response::text(200, request.method + " " + request.target + " " + request.body);
  response.headers.set("X-Host", request.headers.get("Host"));
  response.headers.set("Connection", "close");
  response.headers.set("X-Long", "a\nb");
  exchange.respond(std::move(response));
}

// With this head, bytes that no client library would send follow.
std::string opening() { return std::string(http2_preface) + http2_frame(settings, 0, 0, ""); }
std::string get_frame(uint32_t stream, uint8_t flags = end_stream | end_headers) {
  return http2_frame(headers, flags, stream,
                     http2_fields({{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/x"}}));
}

TEST_CASE("http2: ALPN chooses; both say the same") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    auto got = peer.get({.target = "/a?b=c"});
    CHECK(got.status() == 200);
    CHECK(got.body == "GET /a?b=c ");
    CHECK(got.field("x-host") == "a.example");
    CHECK(peer.streams_max == 250);
    std::string big(2'900'000, 'x');
    CHECK(peer.get({.method = "POST", .target = "/p", .body = big}).body == "POST /p " + big);
    auto head = peer.get({.method = "HEAD", .target = "/h"});
    CHECK(head.body.empty());
    CHECK(head.field("content-length") == "8");
    CHECK(server.connections() == 1);

    HttpClient old(place.loop, place.client,
                   {.server = server.local().at(0), .tls_options = {.ca_pem = identity().certificate}});
    auto same = old.send({.target = "/a?b=c", .headers = {{"Host", "a.example"}}});
    REQUIRE(same);
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [name, value] : same->headers.all()) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
      if (lower != "date" && lower != "connection") fields.emplace_back(lower, value);
    }
    std::erase_if(got.head, [](const auto& field) { return field.first == ":status" || field.first == "date"; });
    CHECK(fields == got.head);
    settle(place, server);
    CHECK(peer.read_until([&] { return peer.ended; }));
  });
}

TEST_CASE("http2: many streams at a time on one connection") {
  everywhere([](Place& place) {
    sys::Signal all_in(place.loop);
    int in = 0;
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      if (++in == 250) all_in.set();
      REQUIRE(all_in.wait_for(seconds(30)));
      echo(exchange);
    });
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    CHECK(peer.read_until([&] { return peer.streams_max == 250; }));
    std::vector<int32_t> ids;
    for (int i = 0; i < 250; ++i) ids.push_back(peer.ask({.target = "/" + std::to_string(i)}));
    CHECK(peer.read_until(
        [&] { return std::all_of(ids.begin(), ids.end(), [&](int32_t id) { return peer.at(id).closed; }); }));
    for (int i = 0; i < 250; ++i) CHECK(peer.at(ids[size_t(i)]).body == "GET /" + std::to_string(i) + " ");
    CHECK(server.connections() == 1);
    settle(place, server);
  });
}

TEST_CASE("http2: a stream that nobody takes waits with little held, delays no other and is reset in the end") {
  simulated([](Place& place) {
    size_t written = 0;
    std::optional<Code> stopped;
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      if (exchange.request().target != "/watch") return echo(exchange);
      REQUIRE(exchange.start(200, {}));
      const std::string piece(10'000, 'w');
      for (;;) {
        auto sent = exchange.write(piece);
        if (sent) {
          written += piece.size();
          continue;
        }
        stopped = sent.error().code;
        return;
      }
    });
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server), 65'535, false);
    int32_t watch = peer.ask({.target = "/watch"});
    CHECK(peer.read_until([&] { return peer.at(watch).body.size() == 65'535; }));
    for (int i = 0; i < 20; ++i) CHECK(peer.get({}).status() == 200);
    CHECK_FALSE(stopped);
    CHECK(written < 500'000);
    peer.take(watch, 65'535);  // slow, but alive
    CHECK(peer.read_until([&] { return peer.at(watch).body.size() == 2 * 65'535; }));
    peer.read_until([&] { return peer.at(watch).closed; }, seconds(200));
    CHECK(peer.at(watch).reset_code == cancel);
    CHECK(stopped.has_value());
    CHECK(peer.get({}).status() == 200);
    settle(place, server);
  });
}

TEST_CASE("http2: the server sees a watcher go, whether its stream or its connection ends") {
  everywhere([](Place& place) {
    int watching = 0;
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      REQUIRE(exchange.start(200, {}));
      REQUIRE(exchange.write("first\n"));
      ++watching;
      sys::Signal never(place.loop);
      CHECK(never.wait().error().code == Code::cancelled);
      CHECK(exchange.client_gone());
      --watching;
    });
    REQUIRE(server.start());
    auto peer = std::make_unique<Http2Peer>(dial(place, server));
    int32_t one = peer->ask({}), two = peer->ask({});
    CHECK(peer->read_until([&] { return peer->at(one).body == "first\n" && peer->at(two).body == "first\n"; }));
    CHECK(watching == 2);
    peer->reset(one);
    REQUIRE(peer->flush());
    for (int i = 0; i < 1000 && watching > 1; ++i) REQUIRE(sys::sleep(place.loop, milliseconds(1)));
    CHECK(watching == 1);
    peer.reset();
    for (int i = 0; i < 1000 && server.connections() > 0; ++i) REQUIRE(sys::sleep(place.loop, milliseconds(1)));
    CHECK(watching == 0);
    CHECK(server.connections() == 0);
  });
}

TEST_CASE("http2: streams with and without a known length, and answers without body") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      const std::string& target = exchange.request().target;
      if (target == "/none") return exchange.respond({.status = 204});
      REQUIRE(exchange.start(200, target == "/free" ? Headers{} : Headers{{"Content-Length", "6"}}));
      REQUIRE(exchange.write("abc"));
      if (target != "/short") REQUIRE(exchange.write("def"));
      if (target == "/known") CHECK(exchange.write("g").error().code == Code::internal);
    });
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    CHECK(peer.get({.target = "/none"}).status() == 204);
    auto free = peer.get({.target = "/free"});
    CHECK(free.body == "abcdef");
    CHECK(free.reset_code == no_error);
    CHECK(free.field("content-length").empty());
    auto head = peer.get({.method = "HEAD", .target = "/exact"});
    CHECK(head.field("content-length") == "6");
    CHECK(head.body.empty());
    CHECK(peer.get({.target = "/exact"}).body == "abcdef");
    CHECK(peer.get({.target = "/short"}).reset_code == internal_error);  // not the whole
    settle(place, server);
  });
}

TEST_CASE("http2: limits of requests are answered, and the connection goes on") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    auto large = peer.get({.method = "POST", .body = std::string(3'200'000, 'x')});
    CHECK(large.status() == 413);
    CHECK(large.body == "body is larger than allowed\n");
    CHECK(large.reset_code == no_error);
    CHECK(peer.get({.method = "POST", .headers = {{"content-length", "99999999"}}, .body = "x"}).status() == 413);
    Headers many;
    for (int i = 0; i < 300; ++i) many.add("x-" + std::to_string(i), "x");
    CHECK(peer.get({.headers = many}).status() == 431);
    CHECK(peer.get({.headers = {{"x-large", std::string(65'400, 'x')}}}).status() == 431);
    CHECK(peer.get({.target = "/" + std::string(17'000, 'x')}).status() == 414);
    CHECK(peer.get({.target = "/\xc3\xa4"}).status() == 400);
    CHECK(peer.get({.target = "/after"}).body == "GET /after ");
    CHECK(server.connections() == 1);
    settle(place, server);
  });
}

TEST_CASE("http2: trailers are ignored") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    auto stream = dial(place, server);
    std::string post = http2_fields({{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/x"}});
    REQUIRE(stream->write(opening() + http2_frame(headers, end_headers, 1, post) + http2_frame(data, 0, 1, "body") +
                              http2_frame(headers, end_headers | end_stream, 1, http2_fields({{"x-late", "evil"}})),
                          seconds(5)));
    std::string answer;
    while (answer.find("POST /x body") == std::string::npos) {
      auto bytes = stream->read(10'000, seconds(5));
      REQUIRE(bytes);
      REQUIRE_FALSE(bytes->empty());
      answer += *bytes;
    }
    stream->close();
    settle(place, server);
  });
}

TEST_CASE("http2: a request that does not become complete ends in time") {
  simulated([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    int32_t open = peer.ask({.method = "POST", .body = "beginning"}, false);
    auto begun = place.loop.now();
    CHECK(peer.read_until([&] { return peer.at(open).closed; }, seconds(200)));
    CHECK(peer.at(open).status() == 408);
    CHECK(place.loop.now() - begun < seconds(120));
    CHECK(peer.get({}).status() == 200);
    settle(place, server);
  });
}

TEST_CASE("http2: a silent client is asked whether it is there") {
  simulated([](Place& place) {
    sys::Signal never(place.loop);
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      if (exchange.start(200, {})) (void)never.wait();
    });
    REQUIRE(server.start());
    Http2Peer alive(dial(place, server)), dead(dial(place, server));
    dead.answers_pings = false;
    alive.ask({});
    dead.ask({});
    auto begun = place.loop.now();
    auto other = sys::spawn(place.loop, "alive", [&] { alive.read_until([&] { return alive.ended; }, seconds(100)); });
    CHECK(dead.read_until([&] { return dead.ended; }, seconds(100)));
    CHECK(place.loop.now() - begun < seconds(60));
    CHECK(server.connections() == 1);
    server.stop();
    REQUIRE(other.join());
    settle(place, server);
  });
}

TEST_CASE("http2: an idle connection is closed with a goodbye") {
  simulated([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    CHECK(peer.get({}).status() == 200);
    CHECK(peer.read_until([&] { return peer.ended; }, base::minutes(20)));
    CHECK(peer.goodbye);
    CHECK(peer.goodbye_code == no_error);
    CHECK(server.connections() == 0);
  });
}

TEST_CASE("http2: stop lets an answer be finished, ends streams and says goodbye") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      if (exchange.request().target == "/stream") {
        REQUIRE(exchange.start(200, {}));
        sys::Signal never(place.loop);
        CHECK(never.wait().error().code == Code::cancelled);
        return;
      }
      REQUIRE(sys::sleep(place.loop, milliseconds(50)));
      echo(exchange);
    });
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    int32_t stream = peer.ask({.target = "/stream"}), slow = peer.ask({.target = "/slow"});
    CHECK(peer.read_until([&] { return peer.at(stream).status() == 200; }));
    server.stop();
    CHECK(peer.read_until([&] { return peer.ended; }));
    CHECK(peer.goodbye);
    CHECK(peer.goodbye_code == no_error);
    CHECK(peer.at(slow).body == "GET /slow ");
    CHECK(peer.at(stream).reset_code == internal_error);
    while (server.connections() > 0) REQUIRE(sys::sleep(place.loop, milliseconds(1)));
  });
}

// What floods a server, and how it ends: with GOAWAY and this code. `frames` is sent until the connection ends.
void flood(const std::string& frames, uint32_t code) {
  simulated([&](Place& place) {
    int answered = 0;
    HttpServer server(place.loop, place.server, offering_both(place), [&](Exchange& exchange) {
      ++answered;
      echo(exchange);
    });
    REQUIRE(server.start());
    {
      auto victim = dial(place, server);
      REQUIRE(victim->write(opening(), seconds(5)));
      std::string answer;
      bool open = true;
      for (int round = 0; open && round < 20; ++round) {
        if (!victim->write(frames, seconds(30))) break;
        for (;;) {
          auto bytes = victim->read(64u << 10, milliseconds(20));
          if (!bytes && bytes.error().code == Code::timeout) break;
          open = bytes && !bytes->empty();
          if (!open) break;
          answer += *bytes;
        }
      }
      CHECK_FALSE(open);
      std::string last = answer.substr(answer.size() < 17 ? 0 : answer.size() - 17);
      REQUIRE(last.size() == 17);
      CHECK(last[3] == char(goaway));
      CHECK(uint32_t(uint8_t(last[16])) == code);
    }
    Http2Peer other(dial(place, server));
    CHECK(other.get({}).status() == 200);
    settle(place, server);
  });
}

TEST_CASE("http2: floods end the connection") {
  std::string frames;
  SUBCASE("rapid reset") {
    for (uint32_t i = 0; i < 3000; ++i)
      frames += get_frame(2 * i + 1) + http2_frame(rst_stream, 0, 2 * i + 1, std::string("\0\0\0\x8", 4));
    flood(frames, enhance_your_calm);
  }
  SUBCASE("settings") {
    for (int i = 0; i < 3000; ++i) frames += http2_frame(settings, 0, 0, "");
    flood(frames, enhance_your_calm);
  }
  SUBCASE("pings") {
    for (int i = 0; i < 3000; ++i) frames += http2_frame(ping, 0, 0, "12345678");
    flood(frames, enhance_your_calm);
  }
  SUBCASE("continuations") {
    frames = get_frame(1, end_stream);
    for (int i = 0; i < 3000; ++i) frames += http2_frame(continuation, 0, 1, "");
    flood(frames, internal_error);
  }
  SUBCASE("priorities") {
    for (int i = 0; i < 3000; ++i) frames += http2_frame(priority, 0, 1, std::string("\0\0\0\0\x8", 5));
    flood(frames, enhance_your_calm);
  }
  SUBCASE("empty data") {
    frames = get_frame(1, end_headers);
    for (int i = 0; i < 3000; ++i) frames += http2_frame(data, 0, 1, "");
    flood(frames, enhance_your_calm);
  }
}

TEST_CASE("http2: what is no HTTP/2 ends only its own connection") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(5000, '\xff'),
          opening() + std::string(100, 'x'),
          opening() + http2_frame(headers, end_headers | end_stream, 1, "\x80\x80\x80\x80\x80\x80\x80\x80"),
          opening() + http2_frame(headers, end_headers | end_stream, 2, http2_fields({{":method", "GET"}})),
          opening() + http2_frame(data, 0, 0, "x"), opening() + http2_frame(window, 0, 0, std::string(4, '\0'))}) {
      auto stream = dial(place, server);
      REQUIRE(stream->write(bytes, seconds(5)));
      for (;;) {
        auto got = stream->read(1000, seconds(20));
        if (!got) CHECK(got.error().code != Code::timeout);
        if (!got || got->empty()) break;
      }
    }
    Http2Peer other(dial(place, server));
    CHECK(other.get({}).status() == 200);
    settle(place, server);
  });
}

TEST_CASE("http2: requests count among the connections that the server can hold") {
  simulated([](Place& place) {
    auto options = offering_both(place);
    options.connections_max = 4;
    sys::Signal go(place.loop);
    HttpServer server(place.loop, place.server, options, [&](Exchange& exchange) {
      if (go.wait()) echo(exchange);
    });
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    std::vector<int32_t> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(peer.ask({.target = "/x"}));
    CHECK(peer.read_until([&] { return peer.at(ids[3]).closed && peer.at(ids[4]).closed; }, seconds(5)));
    CHECK(peer.at(ids[3]).reset_code == refused_stream);
    CHECK(peer.at(ids[4]).reset_code == refused_stream);
    go.set();
    CHECK(peer.read_until([&] { return peer.at(ids[2]).closed; }, seconds(5)));
    for (int i = 0; i < 3; ++i) CHECK(peer.at(ids[size_t(i)]).status() == 200);
    CHECK(peer.get({}).status() == 200);  // there is room again
    settle(place, server);
  });
}

TEST_CASE("http2: too many bytes of incomplete requests are refused, to be tried again") {
  simulated([](Place& place) {
    HttpServer server(place.loop, place.server, offering_both(place), echo);
    REQUIRE(server.start());
    Http2Peer peer(dial(place, server));
    std::vector<int32_t> ids;
    for (int i = 0; i < 12; ++i)
      ids.push_back(peer.ask({.method = "POST", .body = std::string(2'000'000, 'x')}, false));
    auto refused = [&] {
      return std::count_if(ids.begin(), ids.end(),
                           [&](int32_t id) { return peer.at(id).closed && peer.at(id).reset_code == refused_stream; });
    };
    CHECK(peer.read_until([&] { return refused() > 0; }, seconds(5)));
    CHECK(refused() < 6);
    CHECK(peer.get({}).status() == 200);
    settle(place, server);
  });
}

}  // namespace
}  // namespace net
