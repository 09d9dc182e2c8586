// A server with every kind of the manager, and webhook servers beside it in the simulated network, for tests.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/kinds.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "registry/custom_resources.h"
#include "registry/housekeeping.h"
#include "server/admission/conversion.h"
#include "server/test_server.h"

namespace server {

using Answers = std::function<Json(const Json& request)>;  // the response of a review, without its uid

inline Json allowed() { return Json::object({{"allowed", true}}); }
inline Json refused(const std::string& message) {
  return Json::object({{"allowed", false}, {"status", Json::object({{"message", message}})}});
}
inline Json patched(const std::string& operations) {
  return Json::object({{"allowed", true}, {"patchType", "JSONPatch"}, {"patch", base::base64(operations)}});
}

// HTTPS at hooks.example.com; what it says is set per path. Counts what it was asked.
class WebhookServer {
 public:
  WebhookServer(sys::SimWorld& world, const std::string& host, const std::string& name)
      : sys_(world.process(host, "disk of " + host)), loop_(world.loop()) {
    const std::string key = sys_.keys.ec_p256_pem(), own = sys_.keys.ec_p256_pem();
    crypto::CertificateRequest request;
    request.common_name = "authority";
    request.is_ca = true;
    request.not_before = sys_.loop.now() - base::hours(1);
    request.not_after = sys_.loop.now() + base::hours(240);
    ca_pem = *crypto::issue_certificate(request, key, "", key);
    request.is_ca = false;
    request.server_auth = true;
    request.common_name = name;
    request.dns_names = {name};
    request.ip_addresses = {host};
    net::ServerOptions options;
    options.listen = {{host, 443}, {name, 443}};
    options.tls_options.certificate_pem = *crypto::issue_certificate(request, own, ca_pem, key);
    options.tls_options.key_pem = own;
    http_ = std::make_unique<net::HttpServer>(sys_.loop, sys_.net, std::move(options),
                                              [this](net::Exchange& exchange) { serve(exchange); });
    REQUIRE(http_->start());
  }

  std::map<std::string, Answers> on;                                          // by path, for AdmissionReviews
  std::map<std::string, std::function<net::Response(const Json& body)>> raw;  // by path, whole answers
  base::Duration pause = base::Duration::zero();
  std::deque<Json> asked;            // the requests inside the reviews
  std::vector<std::string> targets;  // path and query
  std::string ca_pem;

 private:
  void serve(net::Exchange& exchange) {
    const auto& request = exchange.request();
    targets.push_back(request.target);
    if (pause > base::Duration::zero() && !sys::sleep(loop_, pause)) return;
    const std::string path = request.target.substr(0, request.target.find('?'));
    const Json body = base::parse_json(request.body).value_or(Json());
    if (const auto found = raw.find(path); found != raw.end()) return exchange.respond(found->second(body));
    const auto found = on.find(path);
    if (found == on.end()) return exchange.respond(net::Response::text(404, "no such webhook"));
    asked.push_back(body["request"]);
    Json response = found->second(body["request"]);
    if (!response.has("uid")) response.set("uid", body["request"]["uid"]);
    exchange.respond(net::Response::json(200, Json::object({{"apiVersion", body["apiVersion"]},
                                                            {"kind", "AdmissionReview"},
                                                            {"response", std::move(response)}})));
  }

  sys::Sys& sys_;
  sys::Loop& loop_;
  std::unique_ptr<net::HttpServer> http_;
};

inline const std::string maps = "/api/v1/namespaces/default/configmaps";
inline const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

struct Admitted {
  Admitted() {
    store = std::move(*store::Store::open(sys.loop, store::make_memory_engine(sys.loop)));
    registry = std::make_unique<registry::Registry>(sys, *store, scheme);
    conversions = std::make_unique<Conversions>(sys, *registry, ServiceAddresses{});
    const auto changed = [this] {
      if (api) api->kinds_changed();
    };
    custom = std::make_unique<registry::CustomResources>(sys.loop, *registry, scheme, changed, conversions->hooks());
    housekeeping = std::make_unique<registry::Housekeeping>(sys, *registry);
    Options options;
    options.tokens = [](std::string_view token) -> std::optional<User> {
      return User{std::string(token), {"system:masters"}};
    };
    options.watch_default_limit = base::minutes(45);
    options.services = {{"hooks/svc", {"10.0.0.2", 443}}};
    api = std::make_unique<ApiServer>(sys, *registry, options);
    pass(base::milliseconds(10));
    send("PATCH", "/api/v1/namespaces/default", R"({"metadata":{"labels":{"env":"prod"}}})", 200,
         "application/merge-patch+json");
  }
  ~Admitted() { sys.loop.shut(); }

  void pass(base::Duration span) {
    bool due = false;
    sys.loop.after(span, [&] { due = true; });
    REQUIRE(world.loop().run_until([&] { return due; }));
  }
  struct Pending {
    std::unique_ptr<TestExchange> exchange;
    sys::Fiber fiber;
  };
  Pending begin(const std::string& method, const std::string& target, const std::string& body,
                const std::string& type = "application/json") {
    Pending out;
    out.exchange = std::make_unique<TestExchange>(sys.loop, net::Request{.method = method,
                                                                         .target = target,
                                                                         .headers = {{"Content-Type", type},
                                                                                     {"Accept", "application/json"},
                                                                                     {"Authorization", "Bearer ann"}},
                                                                         .body = body});
    out.fiber = sys::spawn(sys.loop, "request", [this, exchange = out.exchange.get()] { api->handle(*exchange); });
    return out;
  }
  int wait(Pending& pending) {
    REQUIRE(world.loop().run_until([&] { return pending.fiber.done(); }));
    return pending.exchange->response.status;
  }
  // The statuses of two, the lower one first: which of them is faster is not said.
  std::pair<int, int> both(Pending a, Pending b) {
    const int first = wait(a), second = wait(b);
    return {std::min(first, second), std::max(first, second)};
  }
  Json end(Pending& pending, int status) {
    wait(pending);
    const auto& response = pending.exchange->response;
    CHECK_MESSAGE(response.status == status, response.body);
    warnings.clear();
    for (const auto& [name, value] : response.headers.all()) {
      if (name == "Warning") warnings.push_back(value);
    }
    const auto parsed = base::parse_json(response.body);
    return parsed ? *parsed : Json(response.body);
  }
  Json send(const std::string& method, const std::string& target, const std::string& body, int status,
            const std::string& type = "application/json") {
    auto pending = begin(method, target, body, type);
    Json out = end(pending, status);
    pass(base::milliseconds(10));
    return out;
  }
  Json get(const std::string& target, int status = 200) { return send("GET", target, "", status); }
  Json post(const std::string& target, const std::string& body, int status = 201) {
    return send("POST", target, body, status);
  }
  Json map(const std::string& name, int status = 201, const std::string& more = "") {
    return post(maps, R"({"metadata":{"name":")" + name + "\"" + more + "},\"data\":{\"a\":\"1\"}}", status);
  }

  // A configuration with one webhook at `path`; `more` changes members of the webhook.
  Json configure(const std::string& sort, const std::string& name, const std::string& path, const Json& more = {},
                 int status = 201) {
    const Json rule =
        *base::parse_json(R"({"operations":["*"],"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"]})");
    Json client = Json::object({{"url", "https://hooks.example.com" + path}, {"caBundle", base::base64(hooks.ca_pem)}});
    Json hook = Json::object({{"name", name + ".hooks.example.com"},
                              {"admissionReviewVersions", Json::array({"v1"})},
                              {"sideEffects", "None"},
                              {"clientConfig", client},
                              {"rules", Json::array({rule})}});
    hook = base::merge_patch(hook, more.is_null() ? Json::object() : more);
    const Json doc = Json::object({{"metadata", Json::object({{"name", name}})}, {"webhooks", Json::array({hook})}});
    return post("/apis/admissionregistration.k8s.io/v1/" + sort + "webhookconfigurations", doc.dump(), status);
  }
  Json mutating(const std::string& name, const std::string& path, const Json& more = {}) {
    return configure("mutating", name, path, more);
  }
  Json validating(const std::string& name, const std::string& path, const Json& more = {}) {
    return configure("validating", name, path, more);
  }
  static Json json(const std::string& text) {
    auto doc = base::parse_json(text);
    REQUIRE_MESSAGE(doc.ok(), text);
    return *doc;
  }

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  WebhookServer hooks{world, "10.0.0.2", "hooks.example.com"};
  meta::Scheme scheme = api::management_scheme();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<Conversions> conversions;
  std::unique_ptr<registry::CustomResources> custom;
  std::unique_ptr<registry::Housekeeping> housekeeping;
  std::unique_ptr<ApiServer> api;
  std::vector<std::string> warnings;
};

}  // namespace server
