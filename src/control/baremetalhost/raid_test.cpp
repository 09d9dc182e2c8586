// RAID volumes from what users ask for to the orders that the engine gets.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {
const std::string mirror = R"([{"level":"1","name":"system"}])";
std::string spec(const std::string& volumes) { return R"({"raid":{"hardwareRAIDVolumes":)" + volumes + "}}"; }
int changes(const HostWorld& w) { return w.machine.count("volumes"); }
}  // namespace

TEST_CASE("RAID volumes are made before the disks are cleaned, once, and status says what was applied") {
  HostWorld w;
  w.add_host(spec(mirror));
  REQUIRE(w.wait_state("preparing"));
  CHECK(w.status("provisioning.raid") == "null");  // not done yet
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.volumes.dump() == mirror);
  CHECK(changes(w) == 1);
  CHECK(w.machine.count("wipe") == 1);
  CHECK(w.status("provisioning.raid") == R"({"hardwareRAIDVolumes":)" + mirror + "}");
  CHECK(w.host().path("status.hardware.storage").size() == 2);
  CHECK(w.has_event("RAIDConfigured"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.patch_spec(spec("[]"));  // never while something is deployed
  w.run_for(base::hours(3));
  CHECK(w.state() == "provisioned");
  CHECK(changes(w) == 1);
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_until([&] { return changes(w) == 2; }));
  CHECK(w.state() == "preparing");
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.volumes.dump() == "[]");
  CHECK(w.machine.count("wipe") == 3);  // deprovisioning, and once more for the changed disks
  CHECK(w.refused.empty());
}

TEST_CASE("RAID volumes are left alone where nobody asks, and where the wish is taken back") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(changes(w) == 0);
  for (const char* said : {R"({"raid":{"hardwareRAIDVolumes":null}})", R"({"raid":{}})", R"({"raid":null})"}) {
    w.patch_spec(said);
    w.run_for(base::minutes(5));
    CHECK(w.state() == "available");
  }
  CHECK(changes(w) == 0);
  w.patch_spec(spec(mirror));
  REQUIRE(w.wait_until([&] { return changes(w) == 1; }));
  REQUIRE(w.wait_state("available"));
  w.patch_spec(R"({"raid":null})");
  w.run_for(base::hours(1));
  CHECK(w.state() == "available");
  CHECK(changes(w) == 1);
  CHECK(w.status("provisioning.raid") == "null");
}

TEST_CASE("a RAID change that fails is tried again after a restart of the server, and a restarted manager goes on") {
  HostWorld w;
  const metal::RaidOrder order{*base::parse_json(mirror), {}};
  w.faults["raid" + order.digest()].push_back({base::Code::unavailable, "the controller is busy", base::Layer::bmc});
  w.add_host(spec(mirror));
  REQUIRE(w.wait_until([&] { return w.status("errorType") == "preparation error"; }));
  CHECK(w.status("errorMessage").find("busy") != std::string::npos);
  CHECK(w.status("provisioning.raid") == "null");
  const int boots = w.machine.count("boot agent");
  REQUIRE(w.wait_until([&] { return changes(w) == 1; }));
  CHECK(w.machine.count("boot agent") == boots + 1);
  w.restart_manager();
  REQUIRE(w.wait_state("available"));
  CHECK(changes(w) == 1);
  CHECK(w.machine.volumes.dump() == mirror);
}

TEST_CASE("a wish for other volumes in the middle of a change is what is done in the end") {
  HostWorld w;
  w.add_host(spec(mirror));
  REQUIRE(w.wait_until([&] { return changes(w) == 1; }));
  w.patch_spec(spec(R"([{"level":"5"}])"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.volumes.dump() == R"([{"level":"5"}])");
  CHECK(w.status("provisioning.raid") == R"({"hardwareRAIDVolumes":[{"level":"5"}]})");
}

TEST_CASE("a change of volumes that is taken back in its middle ends with a restart before anything else is done") {
  HostWorld w;
  w.add_host(spec(mirror));
  REQUIRE(w.wait_until([&] { return changes(w) == 1; }));
  const int boots = w.machine.count("boot agent");
  w.patch_spec(R"({"raid":null})");
  w.restart_manager();
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.count("boot agent") == boots + 1);
  CHECK(changes(w) == 1);
  CHECK(w.condition("Operation").find("volumes") == std::string::npos);
}

}  // namespace control::baremetalhost
