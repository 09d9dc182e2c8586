// A server over memory with a few small kinds and an exchange without sockets, for tests.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "meta/schema_text.h"
#include "server/server.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace server {

using base::Json;

// Widget: custom, v2 stored, v1 an older form of it (spec.length is v2's spec.size; it knows no spec.color).
inline const meta::Scheme& test_scheme() {
  static const meta::Scheme scheme = [] {
    auto kinds = meta::parse_schema_text({{"test.schema", R"(
kind Widget group=example.com plural=widgets short=wd
  "A custom kind with two versions."
version v2 storage status
  scale .spec.size .status.size .status.selector
  column "Size" .spec.size integer
  spec object required "Wanted."
    size integer minimum=1 default=3 "How big."
    color string enum=red|blue "Which."
    parts list of string "Of what."
  status object "Seen."
    size integer "How big."
    selector string "Of what."
version v1 deprecated status
  spec object required "Wanted."
    length integer "How big."
    parts list of string "Of what."
  status object "Seen."
    size integer "How big."
kind Namespace group= plural=namespaces cluster-scoped core no-generation
  "As in the core group."
version v1 storage status
  spec object "Wanted."
    finalizers list of string "Finalizers."
  status object "Seen."
    phase string "Phase."
kind Note group= plural=notes core no-generation select=type,source:text
  "A core kind in a namespace."
version v1 storage
  text string "Text."
  type string "Type."
  items list keys=name of object "Things."
    name string required "Which."
    value string "What."
kind Pod group= plural=pods core no-generation
  "As in the core group."
version v1 storage status
  spec object "Wanted."
    nodeName string "Where."
)"}});
    REQUIRE_MESSAGE(kinds.ok(), (kinds.ok() ? "" : kinds.error().message));
    meta::Scheme made;
    for (auto& kind : *kinds) {
      for (auto& version : kind.versions) {
        if (kind.kind != "Widget" || version.name != "v1") continue;
        const auto rename = [](Json doc, const char* from, const char* to) {
          auto& spec = doc.child("spec");
          const Json value = spec[from];
          spec.erase(from);
          if (!value.is_null()) spec.set(to, value);
          return doc;
        };
        version.to_storage = [rename](Json doc) -> base::Result<Json> {
          return rename(std::move(doc), "length", "size");
        };
        version.from_storage = [rename](Json doc) -> base::Result<Json> {
          return rename(std::move(doc), "size", "length");
        };
      }
      made.add(std::move(kind));
    }
    return made;
  }();
  return scheme;
}

// What a handler does with an exchange, kept for the test. Writes park while `stuck`.
class TestExchange : public net::Exchange {
 public:
  TestExchange(sys::Loop& loop, net::Request request) : request_(std::move(request)), unstuck(loop) { unstuck.set(); }
  const net::Request& request() const override { return request_; }
  sys::Address peer() const override { return {"10.0.0.9", 1}; }
  const sys::TlsPeer* tls() const override { return peer_.certificate_pem.empty() ? nullptr : &peer_; }
  void respond(net::Response answer) override { response = std::move(answer); }
  base::Result<void> start(int status, net::Headers headers) override {
    response.status = status;
    response.headers = std::move(headers);
    return {};
  }
  base::Result<void> write(std::string_view piece) override {
    TRY(unstuck.wait());
    response.body += piece;
    return gone ? base::Result<void>(base::unavailable("gone")) : base::Result<void>();
  }
  bool client_gone() const override { return gone; }
  base::Result<std::unique_ptr<sys::Stream>> take_over() override { return base::unavailable("no stream"); }
  void show_certificate(std::string pem) { peer_.certificate_pem = std::move(pem); }

  net::Response response = {.status = 0};
  bool gone = false;

 private:
  net::Request request_;
  sys::TlsPeer peer_;

 public:
  sys::Signal unstuck;
};

// A watch under way.
struct TestWatch {
  std::unique_ptr<TestExchange> exchange;
  sys::Fiber fiber;
  size_t read = 0;
};

struct Fixture {
  explicit Fixture(std::unique_ptr<store::Engine> engine = nullptr, store::Limits limits = {})
      : store(open(sys, std::move(engine), limits)) {
    options.tokens = [](std::string_view token) -> std::optional<User> {
      if (token == "root") return User{"root", {"system:masters"}};
      if (token == "bob") return User{"bob", {"people"}};
      return std::nullopt;
    };
    api = std::make_unique<ApiServer>(sys, registry, options);
  }
  ~Fixture() { sys.loop.shut(); }

  static std::unique_ptr<store::Store> open(sys::Sys& sys, std::unique_ptr<store::Engine> engine,
                                            store::Limits limits) {
    if (!engine) engine = store::make_memory_engine(sys.loop);
    return std::move(*store::Store::open(sys.loop, std::move(engine), limits));
  }

  net::Response send(net::Request request, const std::string& token = "root") {
    if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
    TestExchange exchange(sys.loop, std::move(request));
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return std::move(exchange.response);
  }
  net::Response get(const std::string& target, const std::string& accept = "application/json") {
    return send({.method = "GET", .target = target, .headers = {{"Accept", accept}}});
  }
  net::Response write(const std::string& method, const std::string& target, const std::string& body,
                      const std::string& type = "application/json") {
    const bool whole = method != "PATCH" && type == "application/json";
    return send({.method = method,
                 .target = target,
                 .headers = {{"Content-Type", type}},
                 .body = whole ? typed(target, body) : body});
  }
  // Widgets must say what they are; the tests need not.
  static std::string typed(const std::string& target, const std::string& body) {
    constexpr std::string_view start = "/apis/";
    const size_t end = target.find("/namespaces/");
    const bool widget = target.starts_with("/apis/example.com/") && end != std::string::npos;
    if (!widget || !body.starts_with(R"({"metadata")")) return body;
    const auto version = target.substr(start.size(), end - start.size());
    return R"({"apiVersion":")" + version + R"(","kind":"Widget",)" + body.substr(1);
  }
  // The document of an answer with that status.
  static Json doc(const net::Response& response, int status) {
    CHECK_MESSAGE(response.status == status, response.body);
    auto parsed = base::parse_json(response.body);
    REQUIRE_MESSAGE(parsed.ok(), response.body);
    return *parsed;
  }
  Json post(const std::string& target, const std::string& body) { return doc(write("POST", target, body), 201); }

  TestWatch watch(const std::string& target, const std::string& accept = "application/json") {
    TestWatch out;
    out.exchange = std::make_unique<TestExchange>(
        sys.loop, net::Request{.target = target, .headers = {{"Accept", accept}, {"Authorization", "Bearer root"}}});
    out.fiber = sys::spawn(sys.loop, "watch", [this, exchange = out.exchange.get()] { api->handle(*exchange); });
    pass(base::milliseconds(1));
    return out;
  }
  // Events that came since the last call.
  static std::vector<Json> events(TestWatch& watch) {
    std::vector<Json> out;
    const std::string& all = watch.exchange->response.body;
    for (size_t end = all.find('\n', watch.read); end != std::string::npos; end = all.find('\n', watch.read)) {
      auto parsed = base::parse_json(std::string_view(all).substr(watch.read, end - watch.read));
      REQUIRE(parsed.ok());
      out.push_back(std::move(*parsed));
      watch.read = end + 1;
    }
    return out;
  }
  // "ADDED a@3" and so on, with commas between.
  static std::string told(TestWatch& watch) {
    std::string out;
    for (const auto& event : events(watch)) {
      const auto& meta = event["object"]["metadata"];
      if (!out.empty()) out += ", ";
      out += event["type"].string() + " " + meta["name"].string() + "@" + meta["resourceVersion"].string();
    }
    return out;
  }
  void pass(base::Duration span) {
    bool due = false;
    sys.loop.after(span, [&] { due = true; });
    REQUIRE(world.loop().run_until([&] { return due; }));
  }

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  std::unique_ptr<store::Store> store;
  registry::Registry registry{sys, *store, test_scheme()};
  Options options;
  std::unique_ptr<ApiServer> api;
};

inline const std::string notes = "/api/v1/namespaces/default/notes";
inline const std::string widgets = "/apis/example.com/v2/namespaces/default/widgets";
inline const std::string old_widgets = "/apis/example.com/v1/namespaces/default/widgets";

// With the namespace "default".
struct Place : Fixture {
  explicit Place(std::unique_ptr<store::Engine> engine = nullptr, store::Limits limits = {})
      : Fixture(std::move(engine), limits) {
    post("/api/v1/namespaces", R"({"metadata":{"name":"default"}})");
  }
  Json note(const std::string& name, const std::string& more = "") {
    return post(notes, R"({"metadata":{"name":")" + name + R"("})" + more + "}");
  }
};

}  // namespace server
