// A server of the management kinds with RBAC, and people who come with a token "name" or "name:group,group".
#pragma once

#include "api/kinds.h"
#include "base/text.h"
#include "registry/housekeeping.h"
#include "server/rbac.h"
#include "server/service_tokens.h"
#include "server/test_server.h"

namespace server {

struct People {
  // Writes are durable at once, or `disk_delay` after.
  explicit People(Options more = {}, base::Duration disk_delay = {})
      : store(Fixture::open(sys,
                            disk_delay > base::Duration{}
                                ? store::make_sim_engine(sys.loop, store::make_sim_disk(), disk_delay)
                                : nullptr,
                            {})),
        options(std::move(more)) {
    options.tokens = [](std::string_view token) -> std::optional<User> {
      if (token.find('.') != std::string_view::npos) return std::nullopt;
      const size_t colon = token.find(':');
      User user{std::string(token.substr(0, colon)), {}};
      if (colon == std::string_view::npos) return user;
      for (const auto group : base::split(token.substr(colon + 1), ',')) user.groups.emplace_back(group);
      return user;
    };
    registry::HousekeepingOptions house;
    house.service_accounts.emplace();
    house.service_accounts->root_ca_pem = "ROOT CA";
    if (!options.service_account_key_pem.empty()) {
      auto tokens = ServiceTokens::make(options.service_account_key_pem, options.service_account_issuer);
      REQUIRE(tokens.ok());
      house.service_accounts->sign = [tokens = *tokens](const std::string& ns, const std::string& account,
                                                        const std::string& uid, const std::string& secret) {
        return tokens.issue_for_secret(ns, account, uid, secret);
      };
    }
    housekeeping = std::make_unique<registry::Housekeeping>(sys, registry, std::move(house));
    make_bootstrap_roles(registry);
    api = std::make_unique<ApiServer>(sys, registry, options);
    settle();
  }
  ~People() { sys.loop.shut(); }

  void settle() { pass(base::milliseconds(50)); }
  void pass(base::Duration span) {
    bool due = false;
    sys.loop.after(span, [&] { due = true; });
    REQUIRE(world.loop().run_until([&] { return due; }));
  }
  // `who` as bearer token; empty: none.
  net::Response as(const std::string& who, const std::string& method, const std::string& target,
                   const std::string& body = "", const net::Headers& headers = {}) {
    net::Request request{.method = method, .target = target, .headers = headers, .body = body};
    request.headers.set("Content-Type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    if (!who.empty()) request.headers.set("Authorization", "Bearer " + who);
    TestExchange exchange(sys.loop, std::move(request));
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return std::move(exchange.response);
  }
  Json made(const std::string& target, const std::string& body) {
    return Fixture::doc(as(root, "POST", target, body), 201);
  }
  void removed(const std::string& target) { CHECK(as(root, "DELETE", target).status == 200); }
  static std::string message(const net::Response& response) {
    const auto parsed = base::parse_json(response.body);
    return parsed ? (*parsed)["message"].string() : response.body;
  }

  inline static const std::string root = "root:system:masters";

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  std::unique_ptr<store::Store> store;
  registry::Registry registry{sys, *store, api::management_scheme()};
  std::unique_ptr<registry::Housekeeping> housekeeping;
  Options options;
  std::unique_ptr<ApiServer> api;
};

inline const std::string rbac_api = "/apis/rbac.authorization.k8s.io/v1";

}  // namespace server
