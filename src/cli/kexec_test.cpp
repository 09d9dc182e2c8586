// From the written image to the running system without another pass through the firmware, and every way back to it.
#include <doctest/doctest.h>

#include "cli/test_world.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::World;

constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* name = "server-rack1-u01";
constexpr const char* path = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/server-rack1-u01";

struct KexecWorld : World {
  explicit KexecWorld(uint64_t seed) : World(seed, {.control_plane = 1, .worker = 0, .spare = 0, .clusters = {}}) {
    start_manager();
    apply_inventory();
    on_event([this](const sim::RackEvent& event) {
      if (event.subject == name && event.what == "booted from disk") booted = loop().now();
      if (event.subject != name || !event.what.starts_with("agent ")) return;
      left = loop().now();
      if (event.what == "agent starts the disk's kernel" && on_kexec) std::exchange(on_kexec, nullptr)();
    });
  }
  std::function<void()> on_kexec;  // once
  base::Time left{}, booted{};     // when the agent last gave the server away, and its disk was booted
  sim::Server& server() { return *rack().server(name); }
  const sim::ServerCounters& counters() { return server().counters(); }
  void change(const char* yaml) {
    const auto docs = wire::parse_yaml(yaml);
    REQUIRE(docs.ok());
    patch(path, docs->front());
  }
  void wish(const char* kexec) {
    change((std::string("metadata: {annotations: {ingot.io/kexec: ") + kexec + "}}").c_str());
  }
  void reach(const std::string& state) {
    const bool reached = run_until([&] { return host_state(name) == state; }, base::hours(3));
    REQUIRE_MESSAGE(reached, object(hosts, name)["status"]["errorMessage"].string());
  }
  // From available; gives the time from the agent's end to the start of the system.
  base::Duration provision() {
    const auto boots = counters().disk_boots;
    change(R"({spec: {image: {url: "https://images.example.com/ubuntu-22.04-k8s.qcow2", checksumType: sha256,
      checksum: "https://images.example.com/ubuntu-22.04-k8s.qcow2.sha256sum", format: qcow2}}})");
    reach("provisioned");
    const auto runs = [&] { return server().state().find("running, not a node") != std::string::npos; };
    REQUIRE_MESSAGE(run_until(runs, base::hours(1)), server().state());
    CHECK(counters().disk_boots == boots + 1);
    CHECK(counters().disks.image_writes > 0);
    return booted - left;
  }
};

}  // namespace

TEST_CASE("kexec: the system starts without another POST, boots from its disk ever after, and is taken back") {
  KexecWorld world(81);
  world.wish("'true'");
  world.reach("available");
  const auto before = world.counters();
  const auto quick = world.provision();
  CHECK(world.counters().kexecs == 1);
  CHECK(world.counters().resets == before.resets);
  // The next start goes through the firmware, which has been told to use the disk; the medium is gone.
  CHECK_FALSE(world.server().media().inserted);
  const auto agents = world.counters().agent_boots;
  world.change(R"({metadata: {annotations: {reboot.metal3.io: '{"mode": "hard"}'}}})");
  REQUIRE(world.run_until([&] { return world.counters().disk_boots == before.disk_boots + 2; }, base::hours(1)));
  CHECK(world.counters().agent_boots == agents);

  world.change("{spec: {image: null}}");
  world.reach("available");
  world.wish("'false'");
  const auto slow = world.provision();
  CHECK(world.counters().kexecs == 1);
  CHECK(quick < base::seconds(10));
  CHECK(slow > base::minutes(2));
}

TEST_CASE("kexec: nobody who did not ask for it gets it, nor a host that needs its firmware") {
  const char* asked = nullptr;
  bool secure_boot = false;
  SUBCASE("not asked for") {}
  SUBCASE("not by what is no yes") { asked = "'yes'"; }
  SUBCASE("Secure Boot is in force after a restart only") {
    asked = "'true'";
    secure_boot = true;
  }
  KexecWorld world(82);
  if (asked != nullptr) world.wish(asked);
  if (secure_boot) world.change("{spec: {bootMode: UEFISecureBoot}}");
  world.reach("available");
  world.provision();
  CHECK(world.counters().kexecs == 0);
  CHECK(world.server().secure_boot().in_force == secure_boot);
}

TEST_CASE("kexec: an agent that cannot goes through the firmware") {
  KexecWorld world(83);
  world.wish("'true'");
  world.reach("available");
  world.server().refuse_kexec(true);
  const auto before = world.counters();
  world.provision();
  CHECK(world.counters().kexecs == 0);
  CHECK(world.counters().resets == before.resets + 1);
}

TEST_CASE("kexec: a manager that is killed at any moment of it does not restart the server again") {
  for (int i = 0; i < 8; ++i) {
    CAPTURE(i);
    KexecWorld world(90 + uint64_t(i));
    world.wish("'true'");
    world.reach("available");
    const auto before = world.counters();
    world.on_kexec = [&] { world.kill_in(base::milliseconds(1) + base::milliseconds(900) * i, base::seconds(20)); };
    world.provision();
    CHECK(world.counters().kexecs == 1);
    CHECK(world.counters().resets == before.resets);
    CHECK(world.counters().disk_boots == before.disk_boots + 1);
  }
}
