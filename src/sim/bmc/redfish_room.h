// For tests of the Redfish front: a world with one simulated server's BMC and a manager that talks to it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/text.h"
#include "metal/bmc/bmc.h"
#include "net/http.h"
#include "sim/bmc/instant_server.h"
#include "sim/bmc/redfish_front.h"
#include "sys/fiber.h"
#include "sys/sim/run_in_fiber.h"
#include "sys/sim/sim.h"

namespace sim {

inline constexpr const char* bmc_host = "192.168.1.11";
inline constexpr const char* system_path = "/redfish/v1/Systems/1";
inline constexpr const char* media_path = "/redfish/v1/Managers/1/VirtualMedia/CD";
inline constexpr const char* reset_path = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
inline constexpr const char* sessions_path = "/redfish/v1/SessionService/Sessions";
inline constexpr const char* iso = "https://10.0.0.1:6443/boot/server-1.iso";

struct RedfishRoom {
  explicit RedfishRoom(uint64_t seed = 1, RedfishFrontOptions options = {})
      : world(seed),
        manager(world.process("10.0.0.1", "manager")),
        rack(world.process(bmc_host, "rack")),
        tls(options.tls),
        front(rack, rack.net, server, with_address(std::move(options))) {}

  static RedfishFrontOptions with_address(RedfishFrontOptions options) {
    options.listen = {bmc_host, uint16_t(options.tls ? 443 : 80)};
    return options;
  }
  std::unique_ptr<metal::Bmc> bmc(const std::string& user = "admin", const std::string& password = "rack-secret-01",
                                  const std::string& path = "") {
    const std::string scheme = tls ? "redfish-virtualmedia+https://" : "redfish-virtualmedia+http://";
    auto address = metal::parse_bmc_address(scheme + bmc_host + path);
    REQUIRE(address.ok());
    return *metal::make_bmc(manager, manager.net, *address, {user, password}, false);
  }
  net::Response send(net::Request request) {
    net::ClientOptions options;
    options.server = {bmc_host, uint16_t(tls ? 443 : 80)};
    options.tls = tls;
    options.tls_options.verify = false;
    net::HttpClient client(manager.loop, manager.net, options);
    auto response = client.send(std::move(request));
    REQUIRE_MESSAGE(response.ok(), response.error().text());
    return *response;
  }
  // As the administrator, with Basic authentication.
  net::Response ask(const std::string& method, const std::string& target, const std::string& body = "",
                    net::Headers headers = {}) {
    if (!headers.has("Authorization")) headers.set("Authorization", basic("admin", "rack-secret-01"));
    if (!body.empty() && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    return send({method, target, headers, body});
  }
  static std::string basic(const std::string& user, const std::string& password) {
    return "Basic " + base::base64(user + ":" + password);
  }
  void run(const std::function<void()>& body) {
    REQUIRE(front.start().ok());
    REQUIRE(sys::run_in_fiber(world, manager, body));
  }
  void wait(base::Duration span) { REQUIRE(sys::sleep(manager.loop, span).ok()); }

  sys::SimWorld world;
  sys::Sys& manager;
  sys::Sys& rack;
  bool tls;
  InstantServer server;
  RedfishFront front;
};

}  // namespace sim
