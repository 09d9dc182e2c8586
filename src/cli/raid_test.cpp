// RAID volumes and Secure Boot from the API to a simulated BMC, in virtual time; the invariants watch every change of a
// volume.
#include <doctest/doctest.h>

#include "agent/disk_layout.h"
#include "cli/test_world.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::World;

constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* name = "server-rack1-u01";
constexpr const char* path = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/server-rack1-u01";

Json document(std::string_view yaml) {
  const auto docs = wire::parse_yaml(yaml);
  REQUIRE(docs.ok());
  return docs->front();
}

struct RaidWorld : World {
  explicit RaidWorld(uint64_t seed, bool on_reset = false)
      : World(seed, {.control_plane = 1, .worker = 0, .spare = 0, .clusters = {}}) {
    raid().on_reset = on_reset;
    start_manager();
    apply_inventory();
  }
  sim::Server& server() { return *rack().server(name); }
  sim::RaidController& raid() { return *server().raid(); }
  // A volume from before anybody watched.
  void had(sim::RaidVolume volume) {
    const auto told = std::exchange(raid().on_change, nullptr);
    const auto takes = std::exchange(raid().job_takes, base::Duration::zero());
    REQUIRE(raid().create(std::move(volume)).ok());
    raid().booted();
    REQUIRE_FALSE(raid().volumes().empty());
    raid().on_change = told;
    raid().job_takes = takes;
  }
  void spec(const char* yaml) { patch(path, Json::object({{"spec", document(yaml)}})); }
  std::string status(const char* field) {
    const Json& found = object(hosts, name)["status"].path(field);
    return found.is_string() ? found.string() : found.dump();
  }
  bool reaches(const std::string& state) {
    return run_until([&] { return host_state(name) == state; }, base::hours(3));
  }
  // "RAID1 system, RAID5 data"
  std::string volumes() {
    std::string out;
    for (const auto& one : raid().volumes()) out += (out.empty() ? "" : ", ") + one.type + " " + one.name;
    return out;
  }
  std::string deployed_on() {
    for (const auto& disk : server().disks()) {
      auto file = server().open_disk(disk.name);
      REQUIRE(file.ok());
      if (const auto record = agent::read_install_record(**file); record && !record->is_null()) return disk.model;
    }
    return "";
  }
};

constexpr const char* image = R"(
image:
  url: "https://images.example.com/ubuntu-22.04-k8s.qcow2"
  checksum: "https://images.example.com/ubuntu-22.04-k8s.qcow2.sha256sum"
  checksumType: sha256
  format: qcow2)";

}  // namespace

TEST_CASE("RAID from the API to the BMC: volumes are made, an image goes onto one, a changed wish waits for its end") {
  for (const bool on_reset : {false, true}) {
    CAPTURE(on_reset);
    RaidWorld world(61, on_reset);
    // Foreign volumes of an earlier owner go, since the spec asks for others.
    world.had({.name = "foreign", .type = "RAID0", .drives = {"Disk.1"}});
    world.spec(R"(
rootDeviceHints: {deviceName: null, model: "Ingot RAID"}
raid: {hardwareRAIDVolumes: [{level: "1", name: system, sizeGibibytes: 200}, {level: "0", name: data, numberOfPhysicalDisks: 1}]})");
    REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
    CHECK(world.volumes() == "RAID1 system, RAID0 data");
    CHECK(world.raid().removals() == 1);
    CHECK(world.object(hosts, name).path("status.hardware.storage").size() == 4);
    CHECK(world.status("provisioning.raid").find("system") != std::string::npos);

    world.spec(image);
    REQUIRE_MESSAGE(world.reaches("provisioned"), world.status("errorMessage"));
    CHECK(world.deployed_on() == "Ingot RAID");
    world.spec("raid: {hardwareRAIDVolumes: []}");
    world.run_for(base::hours(2));
    CHECK(world.host_state(name) == "provisioned");
    CHECK(world.volumes() == "RAID1 system, RAID0 data");
    CHECK(world.deployed_on() == "Ingot RAID");
    world.spec("{image: null, rootDeviceHints: null}");
    REQUIRE(world.run_until([&] { return world.volumes().empty(); }, base::hours(2)));
    REQUIRE(world.reaches("available"));
    CHECK(world.raid().removals() == 3);
    CHECK(world.object(hosts, name).path("status.hardware.storage").size() == 2);
  }
}

TEST_CASE("RAID: volumes that are as asked keep what is on them, however the wish came to be") {
  RaidWorld world(62);
  world.had({.name = "system", .type = "RAID1", .drives = {"Disk.0", "Disk.1"}});
  world.spec("{automatedCleaningMode: disabled, raid: {hardwareRAIDVolumes: [{level: '1'}]}}");
  REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
  const auto boots = world.server().counters().agent_boots;
  CHECK(boots == 1);  // that of the inspection serves
  world.spec("{raid: {hardwareRAIDVolumes: [{level: '1', name: system}]}}");
  REQUIRE(world.run_until([&] { return world.status("provisioning.raid").find("name") != std::string::npos; },
                          base::hours(1)));
  REQUIRE(world.reaches("available"));
  CHECK(world.raid().removals() == 0);
  CHECK(world.volumes() == "RAID1 system");
}

TEST_CASE("RAID: what cannot be made is said, and the volumes stay as they are") {
  RaidWorld world(63);
  world.had({.name = "old", .type = "RAID1", .drives = {"Disk.0", "Disk.1"}});
  world.spec("raid: {hardwareRAIDVolumes: [{level: '6', numberOfPhysicalDisks: 5}]}");
  REQUIRE(world.run_until([&] { return world.status("errorType") == "preparation error"; }, base::hours(2)));
  CHECK_MESSAGE(world.status("errorMessage").find("too few free disks") != std::string::npos,
                world.status("errorMessage"));
  world.run_for(base::hours(2));
  CHECK(world.volumes() == "RAID1 old");
  // Hints that no disk would fit any more are told before anything is deployed, too.
  world.spec(
      "{rootDeviceHints: {deviceName: null, model: 'No such disk'}, raid: {hardwareRAIDVolumes: [{level: '1'}]}}");
  REQUIRE(world.run_until(
      [&] { return world.status("errorMessage").find("no disk fits rootDeviceHints") != std::string::npos; },
      base::hours(12)));
  CHECK(world.raid().removals() == 0);
}

TEST_CASE("RAID: a manager killed at any moment of a change ends up with what is asked for") {
  for (int i = 0; i < 12; ++i) {
    CAPTURE(i);
    RaidWorld world(70 + uint64_t(i), i % 2 == 1);
    world.had({.name = "old", .type = "RAID0", .drives = {"Disk.0", "Disk.1"}});
    world.spec("raid: {hardwareRAIDVolumes: [{level: '1', name: a}, {level: '1', name: b}]}");
    REQUIRE(world.run_until([&] { return world.host_state(name) == "preparing"; }, base::hours(1)));
    world.kill_in(base::seconds(7) + base::seconds(23) * i, base::seconds(30));
    REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
    CHECK(world.volumes() == "RAID1 a, RAID1 b");
    CHECK(world.raid().removals() <= 3);
  }
}

TEST_CASE("Secure Boot: off for the agent, on for what is deployed, and told when the firmware does not take it") {
  RaidWorld world(64);
  world.spec("{bootMode: UEFISecureBoot}");
  REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
  CHECK_FALSE(world.server().secure_boot().in_force);
  world.spec(image);
  REQUIRE_MESSAGE(world.reaches("provisioned"), world.status("errorMessage"));
  CHECK(world.server().secure_boot().in_force);
  CHECK(world.condition(hosts, name, "SecureBoot") == "True");
  world.spec("{image: null}");  // the agent cleans without it
  REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
  CHECK_FALSE(world.server().secure_boot().in_force);
  CHECK(world.server().counters().failed_boots == 0);

  // Firmware that goes back to what it was.
  world.on_event([&](const sim::RackEvent& event) {
    if (event.what != "Secure Boot" || !event.detail.starts_with("on")) return;
    world.loop().after(base::milliseconds(1), [&] { world.server().set_secure_boot(false); });
  });
  world.spec(image);
  REQUIRE_MESSAGE(world.reaches("provisioned"), world.status("errorMessage"));
  CHECK(world.condition(hosts, name, "SecureBoot") == "False");
  CHECK(world.condition(hosts, name, "SecureBoot", "message").find("next: ") != std::string::npos);
}

TEST_CASE("Secure Boot: a live ISO is started with it, too") {
  RaidWorld world(65);
  world.spec("{bootMode: UEFISecureBoot}");
  REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
  CHECK_FALSE(world.server().secure_boot().in_force);
  world.spec("image: {url: 'http://images.example.com/live.iso', format: live-iso}");
  REQUIRE_MESSAGE(world.reaches("provisioned"), world.status("errorMessage"));
  CHECK(world.server().secure_boot().in_force);
  CHECK(world.run_until([&] { return world.server().counters().live_boots == 1; }, base::hours(1)));
  CHECK(world.condition(hosts, name, "SecureBoot") == "True");
  world.spec("{image: null}");  // the agent cleans without it
  REQUIRE_MESSAGE(world.reaches("available"), world.status("errorMessage"));
  CHECK_FALSE(world.server().secure_boot().in_force);
  CHECK(world.server().counters().failed_boots == 0);
}
