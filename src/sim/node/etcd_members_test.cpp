#include "sim/node/etcd_members.h"

#include <doctest/doctest.h>

namespace {

TEST_CASE("members are added and removed as etcd's strict reconfiguration allows") {
  sim::EtcdMembers etcd("cluster");
  CHECK(etcd.add("a", "10.0.0.1").ok());
  CHECK(etcd.add("b", "10.0.0.2").ok());
  CHECK(etcd.add("c", "10.0.0.3").ok());
  CHECK_FALSE(etcd.add("c", "10.0.0.3").ok());
  CHECK(etcd.has_quorum());

  etcd.set_up("a", false);
  CHECK(etcd.has_quorum());
  REQUIRE(etcd.leader() != nullptr);
  CHECK(etcd.leader()->name != "a");
  // Two of three run: a fourth would need three.
  CHECK_FALSE(etcd.add("d", "10.0.0.4").ok());
  CHECK(etcd.remove(etcd.find("a")->id).ok());
  CHECK(etcd.add("d", "10.0.0.4").ok());

  etcd.set_up("b", false);
  etcd.set_up("c", false);
  CHECK_FALSE(etcd.has_quorum());
  CHECK(etcd.leader() == nullptr);
  CHECK_FALSE(etcd.remove(etcd.find("b")->id).ok());
}

}  // namespace
