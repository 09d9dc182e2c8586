// For tests against the rack in virtual time: two servers, their rack, and the manager's place on the network.
#pragma once

#include <doctest/doctest.h>

#include "crypto/x509.h"
#include "sim/rack.h"
#include "sys/sim/sim.h"
#include "wire/yaml.h"

namespace {

using base::Json;

constexpr const char* manager_host = "192.168.99.1";
constexpr const char* image_url = "http://images.example.com/node.qcow2";

// One server with a virtual CD and one that can only boot from the network.
constexpr const char* two_servers = R"(
kind: Secret
metadata: {name: one-bmc, namespace: metal}
stringData: {username: admin, password: first-secret}
---
kind: BareMetalHost
metadata: {name: one, namespace: metal}
spec:
  bootMACAddress: "52:54:00:00:00:01"
  bmc: {address: "redfish-virtualmedia+https://192.168.1.21/redfish/v1/Systems/System.1", credentialsName: one-bmc}
---
kind: Secret
metadata: {name: two-bmc, namespace: metal}
data: {username: YWRtaW4=, password: c2Vjb25kLXNlY3JldA==}
---
kind: BareMetalHost
metadata: {name: two, namespace: metal}
spec:
  bootMACAddress: "52:54:00:00:00:02"
  bmc: {address: "ipmi://192.168.1.22", credentialsName: two-bmc}
)";

std::vector<Json> documents(const std::string& yaml) {
  auto parsed = wire::parse_yaml(yaml);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error().text());
  return *parsed;
}

// A rack that is powered, and a CA for the manager.
class RackRoom {
 public:
  explicit RackRoom(uint64_t seed, std::vector<Json> inventory = documents(two_servers), double speed = 1)
      : world(seed), rack_sys(world.process("10.0.0.1", "rack")) {
    sim::RackOptions options;
    options.inventory = std::move(inventory);
    options.seed = seed;
    options.speed = speed;
    options.dhcp_server = {manager_host, 67};
    rack = std::make_unique<sim::Rack>(rack_sys, std::move(options));
    const auto started = rack->start();
    REQUIRE_MESSAGE(started.ok(), started.error().text());
    make_ca();
  }

  sim::Server& server(std::string_view name) {
    auto* found = rack->server(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  bool comes(const std::function<bool()>& what, base::Duration limit = base::minutes(30)) {
    const auto end = world.loop().now() + limit;
    world.loop().after(limit, [] {});  // time passes even when nothing happens
    world.loop().run_until([&] { return what() || world.loop().now() >= end; });
    return what();
  }
  void pass(base::Duration span) {
    comes([] { return false; }, span);
  }

  sys::SimWorld world;
  sys::Sys& rack_sys;
  std::unique_ptr<sim::Rack> rack;
  std::string ca, ca_key;  // PEM

 private:
  void make_ca() {
    crypto::CertificateRequest wanted;
    wanted.common_name = "manager CA";
    wanted.is_ca = true;
    wanted.not_before = world.loop().now() - base::hours(1);
    wanted.not_after = world.loop().now() + base::hours(10'000);
    ca_key = rack_sys.keys.ec_p256_pem();
    ca = crypto::issue_certificate(wanted, ca_key, "", ca_key).value();
  }
};

}  // namespace
