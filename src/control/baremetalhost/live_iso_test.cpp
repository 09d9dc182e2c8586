// A live ISO runs from the virtual CD: no agent, no config drive, nothing written.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

TEST_CASE("a live ISO is inserted and started, and taken out after deprovisioning") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.machine.log.clear();
  w.patch_spec(R"({"image":{"url":"http://images/live.iso","format":"live-iso"}})");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.log() == "insert http://images/live.iso, boot live");
  CHECK(w.status("provisioning.image.url") == "http://images/live.iso");
  w.run_for(base::hours(1));
  CHECK(w.log() == "insert http://images/live.iso, boot live");
  CHECK(w.machine.media == "http://images/live.iso");

  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.media.empty());
  CHECK(w.machine.count("wipe") == 1);
  CHECK(w.machine.count("eject") == 1);
  CHECK(w.refused.empty());

  // The disk's turn: nothing of the live ISO is left in the way.
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.count("write http://images/a.raw") == 1);
  CHECK(w.machine.count("boot disk") == 1);
}

TEST_CASE("a live ISO with cleaning disabled touches no disk, coming or going") {
  HostWorld w;
  w.add_host(R"({"automatedCleaningMode":"disabled"})");
  REQUIRE(w.wait_state("available"));
  w.patch_spec(R"({"image":{"url":"http://images/live.iso","format":"live-iso"}})");
  REQUIRE(w.wait_state("provisioned"));
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.count("wipe") == 0);
  CHECK(w.machine.count("write") == 0);
  CHECK(w.machine.media.empty());
}

TEST_CASE("a live ISO is refused, with the reason, on a server without virtual media; nothing is tried") {
  HostWorld w;
  w.add_host(R"({"bmc":{"address":"ipmi://10.0.0.1","credentialsName":"bmc"}})");
  REQUIRE(w.wait_state("available"));
  const std::string log = w.log();
  w.patch_spec(R"({"image":{"url":"http://images/a.iso","format":"live-iso"}})");
  REQUIRE(w.wait_until(
      [&] { return w.condition("Provisioned").find("live-iso needs virtual media") != std::string::npos; }));
  w.run_for(base::hours(3));
  CHECK(w.log() == log);
  CHECK(w.state() == "available");
}

}  // namespace control::baremetalhost
