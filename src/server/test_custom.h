// A server with users' kinds, for tests.
#pragma once

#include <doctest/doctest.h>

#include "api/kinds.h"
#include "registry/custom_resources.h"
#include "registry/housekeeping.h"
#include "server/test_server.h"

namespace server {

inline const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

struct Custom {
  explicit Custom(std::shared_ptr<store::SimDisk> disk = nullptr) {
    auto engine =
        disk ? store::make_sim_engine(sys.loop, disk, base::milliseconds(1)) : store::make_memory_engine(sys.loop);
    store = std::move(*store::Store::open(sys.loop, std::move(engine)));
    registry = std::make_unique<registry::Registry>(sys, *store, scheme);
    custom = std::make_unique<registry::CustomResources>(sys.loop, *registry, scheme, [this] {
      if (api) api->kinds_changed();
    });
    housekeeping = std::make_unique<registry::Housekeeping>(sys, *registry);
    Options options;
    options.tokens = [](std::string_view) { return User{"root", {"system:masters"}}; };
    api = std::make_unique<ApiServer>(sys, *registry, options);
    pass(base::milliseconds(10));
  }
  ~Custom() { sys.loop.shut(); }

  void pass(base::Duration span) {
    bool due = false;
    sys.loop.after(span, [&] { due = true; });
    REQUIRE(world.loop().run_until([&] { return due; }));
  }
  Json send(const std::string& method, const std::string& target, const std::string& body, int status,
            const std::string& type = "application/json", const std::string& accept = "application/json") {
    TestExchange exchange(sys.loop,
                          {.method = method,
                           .target = target,
                           .headers = {{"Content-Type", type}, {"Accept", accept}, {"Authorization", "Bearer x"}},
                           .body = body});
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    pass(base::milliseconds(10));
    CHECK_MESSAGE(exchange.response.status == status, exchange.response.body);
    warnings = exchange.response.headers.get("Warning");
    auto parsed = base::parse_json(exchange.response.body);
    return parsed ? *parsed : Json(exchange.response.body);
  }
  Json get(const std::string& target, int status = 200) { return send("GET", target, "", status); }
  Json post(const std::string& target, const std::string& body, int status = 201) {
    return send("POST", target, body, status);
  }
  Json table(const std::string& target) {
    return send("GET", target, "", 200, "", "application/json;as=Table;v=v1;g=meta.k8s.io");
  }
  // "NamesAccepted=True Established=True"
  std::string conditions(const std::string& name = "crontabs.stable.example.com") {
    std::string out;
    const Json crd = get(crds + "/" + name);
    for (const auto& one : crd["status"]["conditions"].items()) {
      out += (out.empty() ? "" : " ") + one["type"].string() + "=" + one["status"].string();
    }
    return out;
  }
  TestWatch watch(const std::string& target) {
    TestWatch out;
    out.exchange = std::make_unique<TestExchange>(
        sys.loop, net::Request{.target = target, .headers = {{"Authorization", "Bearer x"}}});
    out.fiber = sys::spawn(sys.loop, "watch", [this, exchange = out.exchange.get()] { api->handle(*exchange); });
    pass(base::milliseconds(1));
    return out;
  }

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  meta::Scheme scheme = api::management_scheme();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<registry::CustomResources> custom;
  std::unique_ptr<registry::Housekeeping> housekeeping;
  std::unique_ptr<ApiServer> api;
  std::string warnings;
};

}  // namespace server
