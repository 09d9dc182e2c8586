#include <doctest/doctest.h>

#include "server/server.h"
#include "wire/yaml.h"

TEST_CASE("a kubeconfig says where, as whom and trusting what") {
  const auto parsed = wire::parse_yaml(server::kubeconfig("prod", "https://10.0.0.1:6443", "CA", "CERT", "KEY"));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->size() == 1);
  const auto& doc = parsed->at(0);
  CHECK(doc["kind"].string() == "Config");
  CHECK(doc["clusters"].at(0).dump() ==
        R"({"cluster":{"certificate-authority-data":"Q0E=","server":"https://10.0.0.1:6443"},"name":"prod"})");
  CHECK(doc["users"].at(0).dump() ==
        R"({"name":"prod-admin","user":{"client-certificate-data":"Q0VSVA==","client-key-data":"S0VZ"}})");
  CHECK(doc["contexts"].at(0).dump() ==
        R"({"context":{"cluster":"prod","user":"prod-admin"},"name":"prod-admin@prod"})");
  CHECK(doc["current-context"].string() == "prod-admin@prod");
}
