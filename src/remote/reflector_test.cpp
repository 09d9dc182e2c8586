// Against a server that answers as it is told, also in ways ours never would.
#include "remote/reflector.h"

#include <doctest/doctest.h>

#include <deque>
#include <set>

#include "remote/leader.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace {

using base::Json;

struct Script {
  sys::SimWorld world{9};
  sys::Sys& server = world.process("10.0.0.1", "server");
  sys::Sys& sys = world.process("10.0.0.2", "client");
  std::vector<std::string> asked;
  // One for each request, in turn: status, body lines; the last one leaves the connection open.
  struct Answer {
    int status;
    std::vector<std::string> lines;
    bool stays_open = false;
    net::Headers headers = {};
  };
  std::deque<Answer> answers;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<remote::Client> client;
  std::set<std::string> names;
  uint64_t replaced = 0;
  std::unique_ptr<remote::Reflector> reflector;

  Script() {
    net::ServerOptions options;
    options.listen = {{"10.0.0.1", 80}};
    options.tls = false;
    http = std::make_unique<net::HttpServer>(server.loop, server.net, options,
                                             [this](net::Exchange& exchange) { answer(exchange); });
    REQUIRE(http->start().ok());
    REQUIRE(sys.disk
                .write("kubeconfig",
                       "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
                       "clusters: [{name: c, cluster: {server: 'http://10.0.0.1/prefix/'}}]\n")
                .ok());
    client = std::make_unique<remote::Client>(sys, remote::AccessSource{.kubeconfig = "kubeconfig"});
  }
  ~Script() { world.loop().shut(); }

  void answer(net::Exchange& exchange) {
    asked.push_back(exchange.request().target);
    if (answers.empty()) return exchange.respond(net::Response::text(503, "nothing left to say"));
    const Answer now = std::move(answers.front());
    answers.pop_front();
    REQUIRE(exchange.start(now.status, now.headers).ok());
    for (const auto& line : now.lines) (void)exchange.write(line + "\n");
    if (now.stays_open) (void)sys::sleep(server.loop, base::hours(1));
  }
  void follow() {
    remote::ReflectorSink sink;
    sink.replaced = [this](std::vector<Json> items, const std::string&) {
      ++replaced;
      names.clear();
      for (const auto& item : items) names.insert(item.path("metadata.name").string());
    };
    sink.changed = [this](const Json& object, bool deleted) {
      const std::string& name = object.path("metadata.name").string();
      if (deleted) {
        names.erase(name);
      } else {
        names.insert(name);
      }
    };
    reflector = std::make_unique<remote::Reflector>(sys, *client, "/api/v1/things", std::move(sink));
    reflector->start();
  }
  void pass(base::Duration span) {
    const base::Time end = world.loop().now() + span;
    world.loop().after(span, [] {});
    world.loop().run_until([&] { return world.loop().now() >= end; });
  }
  bool query(size_t at, const char* part) const {
    return at < asked.size() && asked[at].find(part) != std::string::npos;
  }
};

std::string thing(const char* name, const char* version) {
  return std::string(R"({"metadata":{"name":")") + name + R"(","resourceVersion":")" + version + "\"}}";
}
std::string event(const char* type, const char* name, const char* version) {
  return std::string(R"({"type":")") + type + R"(","object":)" + thing(name, version) + "}";
}
std::string list(const std::string& items, const char* version, const char* more = "") {
  return std::string(R"({"metadata":{"resourceVersion":")") + version + R"(","continue":")" + more + R"("},"items":[)" +
         items + "]}";
}
constexpr const char* expired = R"({"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}})";
constexpr const char* end_of_list =
    R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}})";

TEST_CASE("a list as a stream, its end, a watch that is lost, and one that is too old") {
  Script script;
  script.answers.push_back(
      {200, {event("ADDED", "a", "3"), event("ADDED", "b", "5"), end_of_list, event("DELETED", "a", "8")}});
  script.answers.push_back({200, {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}})"}});
  script.answers.push_back({200, {expired}});
  script.answers.push_back({200, {event("ADDED", "c", "30"), end_of_list}, true});
  script.follow();
  script.pass(base::seconds(20));
  REQUIRE(script.asked.size() == 4);
  CHECK(script.query(0, "/prefix/api/v1/things?"));
  CHECK(script.query(0, "sendInitialEvents=true"));
  CHECK(script.query(1, "resourceVersion=8&"));
  CHECK(script.query(2, "resourceVersion=20&"));
  CHECK(script.query(3, "sendInitialEvents=true"));
  CHECK(script.replaced == 2);
  CHECK(script.names == std::set<std::string>{"c"});
}

TEST_CASE("servers that cannot stream lists give them in pages") {
  for (const int status : {422, 400, 500}) {  // 500: a kube-apiserver over an etcd without progress requests
    Script script;
    script.answers.push_back({status, {R"({"kind":"Status","message":"no"})"}});
    script.answers.push_back({200, {list(thing("a", "1"), "4", "next")}});
    script.answers.push_back({410, {R"({"kind":"Status","reason":"Expired"})"}});  // took too long
    script.answers.push_back({200, {list(thing("a", "1") + "," + thing("b", "2"), "6")}});
    script.answers.push_back({200, {event("ADDED", "c", "9")}, true});
    script.follow();
    script.pass(base::seconds(20));
    CHECK(script.query(1, "things?limit=500"));
    CHECK(script.query(2, "continue=next"));
    CHECK(script.asked[3] == "/prefix/api/v1/things");
    CHECK(script.query(4, "resourceVersion=6&"));
    CHECK(script.names == std::set<std::string>{"a", "b", "c"});
    CHECK(script.replaced == 1);
  }
}

TEST_CASE("a silent connection is given up, and a server that is asked to wait for is waited for") {
  Script script;
  script.answers.push_back({200, {end_of_list}, true});
  script.answers.push_back({200, {event("ADDED", "a", "9")}, true});
  script.follow();
  script.pass(base::seconds(100));
  CHECK(script.asked.size() == 1);
  script.pass(base::seconds(60));
  CHECK(script.asked.size() == 2);
  CHECK(script.names == std::set<std::string>{"a"});
  script.reflector->stop();

  script.asked.clear();
  script.answers.clear();
  script.answers.push_back({429, {"{}"}, false, {{"Retry-After", "2"}}});
  script.answers.push_back({503, {"{}"}, false, {{"Retry-After", "1"}}});
  script.answers.push_back({200, {R"({"kind":"Fine"})"}});
  const base::Time began = script.world.loop().now();
  base::Time answered{};
  sys::spawn(script.sys.loop, "test", [&] {
    const auto got = script.client->get("/api/v1/fine");
    CHECK_MESSAGE(got.ok(), got.error().text());
    answered = script.world.loop().now();
  });
  script.pass(base::seconds(30));
  CHECK(script.asked.size() == 3);
  CHECK(answered - began >= base::seconds(3));
  CHECK(answered - began < base::seconds(6));
}

}  // namespace
