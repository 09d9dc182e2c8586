#include "net/http.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "crypto/x509.h"
#include "sys/fiber.h"
#include "sys/real/real.h"
#include "sys/sim/sim.h"

namespace net {
namespace {

using base::Code;
using base::seconds;

// The same scenario on virtual time in a simulated segment and on real sockets of the loopback.
struct Place {
  sys::Loop& loop;
  sys::Net& server;
  sys::Net& client;
  sys::Disk& disk;
  std::string host;
};

void everywhere(const std::function<void(Place&)>& scenario) {
  auto run = [&](Place place) {
    auto fiber = sys::spawn(place.loop, "test", [&] { scenario(place); });
    CHECK(place.loop.run_until([&] { return fiber.done(); }));
  };
  SUBCASE("simulated") {
    sys::SimWorld world(1);
    sys::Sys& server = world.process("10.0.0.1", "a");
    run({world.loop(), server.net, world.process("10.0.0.2", "b").net, server.disk, "10.0.0.1"});
  }
  SUBCASE("real") {
    sys::RealSystem system;
    run({system.sys().loop, system.sys().net, system.sys().net, system.sys().disk, "127.0.0.1"});
  }
}

void settle(Place& place, HttpServer& server) {
  server.stop();
  while (server.connections() > 0) REQUIRE(sys::sleep(place.loop, base::milliseconds(1)));
}

ServerOptions plain_server(const Place& place) {
  ServerOptions options;
  options.listen = {{place.host, 0}};
  options.tls = false;
  return options;
}

ClientOptions plain_client(const HttpServer& server) {
  ClientOptions options;
  options.server = server.local().at(0);
  options.tls = false;
  return options;
}

// Writes `text` on a connection of its own and reads until the server closes it or stays silent for a second.
std::string raw(Place& place, const HttpServer& server, std::string_view text) {
  auto stream = place.client.connect(server.local().at(0), seconds(5));
  REQUIRE(stream);
  REQUIRE((*stream)->write(text, seconds(5)));
  std::string all;
  for (;;) {
    auto bytes = (*stream)->read(1000, seconds(1));
    if (!bytes || bytes->empty()) return all;
    all += *bytes;
  }
}

void echo(Exchange& exchange) {
  const Request& request = exchange.request();
  Response response = Response::text(200, request.method + " " + request.target + " " + request.body);
  response.headers.set("X-Peer", exchange.peer().host);
  exchange.respond(std::move(response));
}

TEST_CASE("http: requests with and without body, kept alive") {
  everywhere([](Place& place) {
    std::vector<uint16_t> ports;
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      ports.push_back(exchange.peer().port);
      echo(exchange);
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    for (int i = 0; i < 3; ++i) {
      auto got = client.send({.target = "/a?b=" + std::to_string(i)});
      REQUIRE(got);
      CHECK(got->status == 200);
      CHECK(got->body == "GET /a?b=" + std::to_string(i) + " ");
      CHECK(got->headers.get("content-type") == "text/plain; charset=utf-8");
      CHECK(got->headers.get("date").ends_with(" GMT"));
    }
    std::string big(1'000'000, 'x');
    auto posted = client.send({.method = "POST", .target = "/p", .body = big});
    REQUIRE(posted);
    CHECK(posted->body == "POST /p " + big);
    CHECK(ports.size() == 4);
    CHECK(std::count(ports.begin(), ports.end(), ports[0]) == 4);
    CHECK(server.connections() == 1);

    auto head = client.send({.method = "HEAD", .target = "/h"});
    REQUIRE(head);
    CHECK(head->body.empty());
    CHECK(head->headers.get("Content-Length") == "8");
    CHECK(client.send({})->body == "GET / ");
    settle(place, server);
    CHECK(client.send({}).error().code == Code::unavailable);
  });
}

TEST_CASE("http: several requests at a time, each on a connection") {
  everywhere([](Place& place) {
    sys::Signal all_in(place.loop);
    int in = 0;
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      if (++in == 5) all_in.set();
      REQUIRE(all_in.wait_for(seconds(30)));
      echo(exchange);
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    std::vector<sys::Fiber> fibers;
    int good = 0;
    for (int i = 0; i < 5; ++i)
      fibers.push_back(sys::spawn(place.loop, "client", [&, i] {
        auto got = client.send({.target = "/" + std::to_string(i)});
        REQUIRE(got);
        if (got->body == "GET /" + std::to_string(i) + " ") ++good;
      }));
    for (auto& fiber : fibers) REQUIRE(fiber.join());
    CHECK(good == 5);
    CHECK(server.connections() == 5);
    settle(place, server);
  });
}

TEST_CASE("http: streams, chunked and with a known length") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      const std::string& target = exchange.request().target;
      Headers headers{{"Content-Type", "application/octet-stream"}};
      if (target == "/length") headers.set("Content-Length", "3000000");
      if (target == "/short") headers.set("Content-Length", "3000001");
      REQUIRE(exchange.start(200, headers));
      for (int i = 0; i < 3; ++i) {
        auto written = exchange.write(std::string(1'000'000, static_cast<char>('a' + i)));
        if (!written) {
          // By stop() when that comes before the loss is seen.
          CHECK((written.error().code == Code::unavailable || written.error().code == Code::cancelled));
          return;
        }
        CHECK(exchange.write(""));
      }
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    for (std::string target : {"/chunked", "/length"}) {
      size_t size = 0;
      int pieces = 0;
      auto got = client.stream({.target = target}, seconds(10), [&](const Response& head, std::string_view piece) {
        CHECK(head.status == 200);
        CHECK(head.headers.get("Content-Type") == "application/octet-stream");
        size += piece.size();
        ++pieces;
        return true;
      });
      REQUIRE(got);
      CHECK(got->body.empty());
      CHECK(size == 3'000'000);
      CHECK(pieces > 1);
    }
    CHECK(server.connections() == 1);
    // The client's answer is too large for send(), which limits it.
    ClientOptions small = plain_client(server);
    small.body_bytes_max = 1'000'000;
    HttpClient limited(place.loop, place.client, small);
    CHECK(limited.send({.target = "/length"}).error().code == Code::too_large);
    CHECK(limited.send({.target = "/chunked"}).error().code == Code::too_large);
    CHECK(client.send({.target = "/short"}).error().code == Code::unavailable);
    auto stopped =
        client.stream({.target = "/chunked"}, seconds(10), [](const Response&, std::string_view) { return false; });
    CHECK(stopped.error().code == Code::cancelled);
    settle(place, server);
  });
}

TEST_CASE("http: a watcher gets each event at once, and the server sees it go") {
  everywhere([](Place& place) {
    sys::Signal next(place.loop);
    bool gone = false;
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      REQUIRE(exchange.start(200, {}));
      CHECK_FALSE(exchange.client_gone());
      for (int i = 0; i < 3; ++i) {
        REQUIRE(next.wait_for(seconds(30)));
        next.clear();
        REQUIRE(exchange.write("event " + std::to_string(i) + "\n"));
      }
      while (!exchange.client_gone()) REQUIRE(sys::sleep(place.loop, base::milliseconds(5)));
      gone = true;
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    std::vector<std::string> events;
    auto starter = sys::spawn(place.loop, "starter", [&] { next.set(); });
    auto got = client.stream({}, seconds(10), [&](const Response&, std::string_view piece) {
      events.emplace_back(piece);
      next.set();
      return events.size() < 3;
    });
    CHECK(got.error().code == Code::cancelled);
    CHECK(events == std::vector<std::string>{"event 0\n", "event 1\n", "event 2\n"});
    for (int i = 0; i < 1000 && !gone; ++i) REQUIRE(sys::sleep(place.loop, base::milliseconds(5)));
    CHECK(gone);
    settle(place, server);
  });
}

TEST_CASE("http: answers without body leave the connection in step") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      const std::string& target = exchange.request().target;
      if (target == "/204") return exchange.respond({204, {}, "ignored"});
      if (target == "/304") return exchange.respond({304, {}, "ignored"});
      if (target == "/none") return;
      if (target == "/inject") return exchange.respond({200, {{"X-A", "a\r\nX-B: b"}, {"bad name", "x"}}, "ok"});
      echo(exchange);
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    CHECK(client.send({.target = "/204"})->status == 204);
    CHECK(client.send({.target = "/304"})->body.empty());
    CHECK(client.send({.target = "/none"})->status == 500);
    auto injected = client.send({.target = "/inject"});
    CHECK(injected->headers.get("X-A") == "a  X-B: b");
    CHECK_FALSE(injected->headers.has("X-B"));
    CHECK_FALSE(injected->headers.has("bad name"));
    CHECK(client.send({.target = "/x"})->body == "GET /x ");
    CHECK(server.connections() == 1);
    CHECK(client.send({.target = "/a b"}).error().code == Code::invalid);
    CHECK(client.send({.headers = {{"X", "a\r\nY: b"}}}).error().code == Code::invalid);
    CHECK(client.send({.method = "GET /", .target = "/"}).error().code == Code::invalid);
    settle(place, server);
  });
}

TEST_CASE("http: what raw clients send") {
  everywhere([](Place& place) {
    ServerOptions options = plain_server(place);
    options.body_bytes_max = 100;
    options.head_bytes_max = 4000;
    options.request_limit = base::milliseconds(200);
    HttpServer server(place.loop, place.server, options, echo);
    REQUIRE(server.start());
    auto status = [&](std::string_view text) { return raw(place, server, text).substr(0, 12); };
    // Pipelined requests are answered in order, and the last one closes.
    std::string two = raw(place, server,
                          "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                          "Connection: close\r\n\r\nhi");
    size_t first = two.find("GET /1 ");
    size_t second = two.find("POST /2 hi");
    CHECK(first != std::string::npos);
    CHECK(second != std::string::npos);
    CHECK(first < second);
    CHECK(two.find("Connection: close") > first);
    // Firmware speaks HTTP/1.0.
    std::string old = raw(place, server, "GET /old HTTP/1.0\r\n\r\n");
    CHECK(old.starts_with("HTTP/1.0 200 OK\r\n"));
    CHECK(old.ends_with("GET /old "));
    CHECK(raw(place, server, "GET http://host:1/p?q HTTP/1.1\r\nHost: host:1\r\nConnection: close\r\n\r\n")
              .ends_with("GET /p?q "));
    CHECK(status("GET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status("rubbish\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')) ==
          "HTTP/1.1 413");
    CHECK(status("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n") == "HTTP/1.1 431");
    CHECK(status("GET /" + std::string(20'000, 'x')) == "HTTP/1.1 414");
    CHECK(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
          "HTTP/1.1 400");
    CHECK(status("GET / HTTP/1.1\r\nHost: a\r\nContent-Le") == "HTTP/1.1 408");
    CHECK(raw(place, server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
              .starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408"));
    CHECK(raw(place, server, "").empty());
    settle(place, server);
  });
}

TEST_CASE("http: more connections than allowed get 503") {
  everywhere([](Place& place) {
    ServerOptions options = plain_server(place);
    options.connections_max = 1;
    HttpServer server(place.loop, place.server, options, echo);
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    CHECK(client.send({})->status == 200);
    CHECK(raw(place, server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 503"));
    CHECK(client.send({})->status == 200);
    settle(place, server);
  });
}

TEST_CASE("http: a connection that the server closed meanwhile is replaced") {
  everywhere([](Place& place) {
    ServerOptions options = plain_server(place);
    options.idle_limit = base::milliseconds(50);
    int served = 0;
    HttpServer server(place.loop, place.server, options, [&](Exchange& exchange) {
      ++served;
      echo(exchange);
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    for (std::string method : {"GET", "POST", "GET", "DELETE"}) {
      auto got = client.send({.method = method});
      REQUIRE_MESSAGE(got, method);
      CHECK(got->status == 200);
      while (server.connections() > 0) REQUIRE(sys::sleep(place.loop, base::milliseconds(5)));
      REQUIRE(sys::sleep(place.loop, base::milliseconds(5)));
    }
    CHECK(served == 4);
    settle(place, server);
  });
}

TEST_CASE("http: a GET whose reused connection dies unanswered is sent once more, a POST is not") {
  everywhere([](Place& place) {
    auto listener = place.server.listen({place.host, 0});
    REQUIRE(listener);
    int accepted = 0;
    // Answers one request per connection and closes upon the second.
    auto server = sys::spawn(place.loop, "server", [&] {
      while (auto stream = (*listener)->accept()) {
        ++accepted;
        REQUIRE((*stream)->read(1000, seconds(5)));
        REQUIRE((*stream)->write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                                 seconds(5)));
        (void)(*stream)->read(1000, seconds(5));
      }
    });
    ClientOptions options{.server = (*listener)->local(), .tls = false};
    HttpClient client(place.loop, place.client, options);
    CHECK(client.send({})->body == "ok");
    CHECK(client.send({})->body == "ok");
    CHECK(accepted == 2);
    auto post = client.send({.method = "POST"});
    REQUIRE_FALSE(post);
    CHECK(post.error().code == Code::unavailable);
    CHECK(accepted == 2);
    client.close();
    (*listener)->close();
    REQUIRE(server.join());
  });
}

TEST_CASE("http: answers that are late, broken or endless") {
  everywhere([](Place& place) {
    auto listener = place.server.listen({place.host, 0});
    REQUIRE(listener);
    std::string answer;
    auto server = sys::spawn(place.loop, "server", [&] {
      while (auto stream = (*listener)->accept()) {
        REQUIRE((*stream)->read(1000, seconds(5)));
        if (!answer.empty()) REQUIRE((*stream)->write(answer, seconds(5)));
        if (answer.empty()) (void)(*stream)->read(1000, seconds(5));
      }
    });
    ClientOptions options{.server = (*listener)->local(), .tls = false, .request_limit = base::milliseconds(100)};
    HttpClient client(place.loop, place.client, options);
    auto code = [&](std::string text) {
      answer = std::move(text);
      auto got = client.send({});
      return got ? Code::internal : got.error().code;
    };
    CHECK(code("") == Code::timeout);
    CHECK(code("SSH-2.0-x\r\n\r\n") == Code::corrupt);
    CHECK(code("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") == Code::unavailable);
    CHECK(code("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')) == Code::too_large);
    answer = "HTTP/1.0 200 OK\r\n\r\nuntil the end";
    CHECK(client.send({})->body == "until the end");
    (*listener)->close();
    REQUIRE(server.join());
  });
}

TEST_CASE("http: taking over a connection") {
  everywhere([](Place& place) {
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      auto stream = exchange.take_over();
      REQUIRE(stream);
      REQUIRE((*stream)->write("HTTP/1.1 101 Switching Protocols\r\n\r\n", seconds(5)));
      std::string got;
      while (got.size() < 9) {
        auto bytes = (*stream)->read(4, seconds(5));
        REQUIRE(bytes);
        REQUIRE_FALSE(bytes->empty());
        got += *bytes;
      }
      REQUIRE((*stream)->write("<" + got + ">", seconds(5)));
    });
    REQUIRE(server.start());
    CHECK(raw(place, server, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n123456789").ends_with("<123456789>"));
    settle(place, server);
  });
}

TEST_CASE("http: stop lets an answer be finished and ends streams") {
  everywhere([](Place& place) {
    sys::Signal go(place.loop);
    HttpServer server(place.loop, place.server, plain_server(place), [&](Exchange& exchange) {
      if (exchange.request().target == "/stream") {
        REQUIRE(exchange.start(200, {}));
        CHECK(go.wait().error().code == Code::cancelled);
        return;
      }
      if (exchange.request().target == "/never") {
        sys::Signal never(place.loop);
        CHECK(never.wait().error().code == Code::cancelled);
        return exchange.respond(Response::text(500, "late"));
      }
      REQUIRE(sys::sleep(place.loop, base::milliseconds(20)));
      echo(exchange);
    });
    REQUIRE(server.start());
    HttpClient client(place.loop, place.client, plain_client(server));
    std::string answer, connection;
    Code streamed = Code::internal;
    auto slow = sys::spawn(place.loop, "slow", [&] {
      auto got = client.send({.target = "/slow"});
      REQUIRE(got);
      answer = got->body;
      connection = got->headers.get("Connection");
    });
    auto watcher = sys::spawn(place.loop, "watcher", [&] {
      auto got =
          client.stream({.target = "/stream"}, seconds(60), [](const Response&, std::string_view) { return true; });
      if (!got) streamed = got.error().code;
    });
    while (server.connections() < 2) REQUIRE(sys::sleep(place.loop, base::milliseconds(1)));
    REQUIRE(sys::sleep(place.loop, base::milliseconds(10)));
    server.stop();
    REQUIRE(slow.join());
    REQUIRE(watcher.join());
    CHECK(answer == "GET /slow ");
    CHECK(connection == "close");
    CHECK(streamed == Code::unavailable);
    while (server.connections() > 0) REQUIRE(sys::sleep(place.loop, base::milliseconds(1)));
  });
}

std::string certificate_of(const std::string& key) {
  crypto::CertificateRequest request;
  request.common_name = "both";
  request.is_ca = false;
  request.ip_addresses = {"10.0.0.1", "127.0.0.1"};
  request.server_auth = request.client_auth = true;
  request.not_before = base::parse_rfc3339("2020-01-01T00:00:00Z").value();
  request.not_after = base::parse_rfc3339("2060-01-01T00:00:00Z").value();
  return crypto::issue_certificate(request, key, "", key).value();
}

TEST_CASE("http: over TLS, with a client certificate") {
  std::string key = crypto::generate_ec_p256_pem();
  std::string certificate = certificate_of(key);
  everywhere([&](Place& place) {
    ServerOptions options = plain_server(place);
    options.tls = true;
    options.tls_options = {.certificate_pem = certificate, .key_pem = key, .client_ca_pem = certificate};
    HttpServer server(place.loop, place.server, options, [&](Exchange& exchange) {
      REQUIRE(exchange.tls());
      exchange.respond(Response::json(200, base::Json::object({{"alpn", exchange.tls()->alpn},
                                                               {"peer", !exchange.tls()->certificate_pem.empty()}})));
    });
    REQUIRE(server.start());
    ClientOptions with = plain_client(server);
    with.tls = true;
    with.tls_options = {.ca_pem = certificate};
    HttpClient anonymous(place.loop, place.client, with);
    CHECK(anonymous.send({})->body == R"({"alpn":"http/1.1","peer":false})");
    CHECK(anonymous.send({.method = "POST", .body = std::string(200'000, 'x')})->status == 200);
    CHECK(server.connections() == 1);
    with.tls_options.certificate_pem = certificate;
    with.tls_options.key_pem = key;
    HttpClient known(place.loop, place.client, with);
    CHECK(known.send({})->body == R"({"alpn":"http/1.1","peer":true})");
    with.tls_options.server_name = "other.example.com";
    HttpClient misled(place.loop, place.client, with);
    CHECK(misled.send({}).error().code == Code::unauthenticated);
    settle(place, server);
  });
}

TEST_CASE("http: parts of files are sent, and bodies go where they are wanted, plain and over TLS") {
  const std::string key = crypto::generate_ec_p256_pem();
  const std::string certificate = certificate_of(key);
  std::string content;
  for (int i = 0; i < 1'500'000; ++i) content += static_cast<char>(i * 7 + i / 251);
  everywhere([&](Place& place) {
    const std::string path = "/tmp/ingot_http_test." + std::to_string(getpid());
    REQUIRE(place.disk.make_directories("/tmp"));
    REQUIRE(place.disk.write(path, content));
    for (const bool tls : {false, true}) {
      CAPTURE(tls);
      ServerOptions options = plain_server(place);
      options.tls = tls;
      if (tls) options.tls_options = {.certificate_pem = certificate, .key_pem = key};
      std::vector<Code> failed;
      HttpServer server(place.loop, place.server, options, [&](Exchange& exchange) {
        const auto file = place.disk.open(path, false);
        REQUIRE(file);
        const std::string& target = exchange.request().target;
        const size_t more = target == "/beyond" ? 20 : 0;
        Headers headers;
        if (target != "/chunked") headers.set("Content-Length", std::to_string(content.size() - 9 + more));
        REQUIRE(exchange.start(200, headers));
        REQUIRE(exchange.write("+"));
        const auto sent = exchange.write_file(**file, 10, content.size() - 10 + more);
        if (!sent) failed.push_back(sent.error().code);
      });
      REQUIRE(server.start());
      ClientOptions with = plain_client(server);
      with.tls = tls;
      with.tls_options = {.ca_pem = certificate};
      HttpClient client(place.loop, place.client, with);
      std::string got, room(70'000, ' ');
      int asked = 0, straight = 0;
      const auto fetch = [&](const std::string& target) {
        got.clear();
        asked = straight = 0;
        return client.stream(
            {.target = target}, seconds(10),
            [&](const Response&, std::string_view piece) {
              if (piece.data() == room.data()) ++straight;
              got += piece;
              return got.size() < 1'000'000 || target != "/enough";
            },
            [&] { return ++asked % 3 == 0 ? std::span<char>() : std::span<char>(room); });
      };
      for (const char* target : {"/length", "/chunked", "/length"}) {
        CAPTURE(target);
        const auto answer = fetch(target);
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK((got == "+" + content.substr(10)));
        CHECK((straight > 10) == (std::string_view(target) == "/length"));
      }
      CHECK(server.connections() == 1);
      CHECK(failed.empty());
      CHECK(fetch("/enough").error().code == Code::cancelled);
      CHECK(fetch("/beyond").error().code == Code::unavailable);
      CHECK((got == "+" + content.substr(10)));
      CHECK(failed.back() == Code::unavailable);
      settle(place, server);
    }
    CHECK(place.disk.remove(path));
  });
}

}  // namespace
}  // namespace net
