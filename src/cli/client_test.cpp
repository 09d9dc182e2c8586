#include "cli/client.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "cli/test_world.h"
#include "sys/fiber.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::World;

// What `connect` and a question come to, "" when both are good.
std::string asked(World& world, const std::string& kubeconfig) {
  std::string problem = "not ended";
  bool over = false;
  auto& sys = world.user_sys();
  sys::spawn(sys.loop, "user", [&] {
    auto client = cli::connect(sys, kubeconfig);
    if (client) {
      const auto answer = (*client)->get("/api/v1/namespaces");
      problem = answer ? "" : answer.error().text();
    } else {
      problem = client.error().text();
    }
    over = true;
  });
  world.loop().run_until([&] { return over; });
  return problem;
}

TEST_CASE("commands take kubeconfigs whose certificates are in files beside them") {
  World world(1, {.control_plane = 1, .worker = 0, .spare = 0, .clusters = {}});
  world.start_manager();
  auto& disk = world.user_sys().disk;
  REQUIRE(disk.make_directories("people").ok());
  auto& manager = world.sim().process("192.168.99.5", "manager");
  Json config = wire::parse_yaml(*manager.disk.read("ingot-data/admin.kubeconfig"))->front();
  const auto to_file = [&](Json& holder, const std::string& key) {
    REQUIRE(disk.write("people/" + key + ".pem", *base::unbase64(holder[key + "-data"].string())).ok());
    holder.erase(key + "-data");
    holder.set(key, key + ".pem");
  };
  Json cluster = config["clusters"].at(0), user = config["users"].at(0);
  to_file(cluster.child("cluster"), "certificate-authority");
  to_file(user.child("user"), "client-certificate");
  to_file(user.child("user"), "client-key");
  config.set("clusters", Json::array({cluster})).set("users", Json::array({user}));
  REQUIRE(disk.write("people/config", config.dump()).ok());
  CHECK(asked(world, "people/config") == "");
  CHECK(disk.remove("people/client-key.pem").ok());
  CHECK(asked(world, "people/config").find("client-key") != std::string::npos);
  cluster.child("cluster").set("proxy-url", "http://10.0.0.9:3128");
  user.child("user").erase("client-certificate");
  user.child("user").erase("client-key");
  config.set("clusters", Json::array({cluster})).set("users", Json::array({user}));
  REQUIRE(disk.write("people/config", config.dump()).ok());
  CHECK(asked(world, "people/config").find("proxy") != std::string::npos);
}

}  // namespace
