// For tests of the IPMI front: a world with one simulated server's BMC and a manager that talks to it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "metal/bmc/ipmi.h"
#include "sim/bmc/instant_server.h"
#include "sim/bmc/ipmi_front.h"
#include "sys/fiber.h"
#include "sys/sim/run_in_fiber.h"
#include "sys/sim/sim.h"

namespace sim {

inline constexpr const char* ipmi_host = "192.168.1.12";

struct IpmiRoom {
  explicit IpmiRoom(uint64_t seed = 1, IpmiFrontOptions options = {})
      : world(seed),
        manager(world.process("10.0.0.1", "manager")),
        rack(world.process(ipmi_host, "rack")),
        front(rack, rack.net, server, with_address(std::move(options))) {}

  static IpmiFrontOptions with_address(IpmiFrontOptions options) {
    options.listen = {ipmi_host, 623};
    return options;
  }
  std::unique_ptr<metal::Bmc> bmc(const std::string& user = "admin", const std::string& password = "rack-secret-01",
                                  const std::string& query = "") {
    auto address = metal::parse_bmc_address(std::string("ipmi://") + ipmi_host + query);
    return metal::make_ipmi_bmc(manager, manager.net, *address, {user, password}, {});
  }
  void run(const std::function<void()>& body) {
    REQUIRE(front.start().ok());
    REQUIRE(sys::run_in_fiber(world, manager, body));
  }

  sys::SimWorld world;
  sys::Sys& manager;
  sys::Sys& rack;
  InstantServer server;
  IpmiFront front;
};

}  // namespace sim
