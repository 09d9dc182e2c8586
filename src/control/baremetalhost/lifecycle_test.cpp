// The ordinary life of a host: every transition, and that nothing is written when nothing changes.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

TEST_CASE("a host without BMC is unmanaged until it gets one") {
  HostWorld w;
  w.add_host(R"({"bmc":null})");
  REQUIRE(w.wait_state("unmanaged"));
  CHECK(w.status("operationalStatus") == "discovered");
  CHECK(w.condition("Manageable").starts_with("False NotManaged"));
  CHECK(w.has_event("Discovered"));
  w.patch_spec(R"({"bmc":{"address":"ipmi://10.0.0.1","credentialsName":"bmc"}})");
  REQUIRE(w.wait_state("available"));
  CHECK(w.refused.empty());
}

TEST_CASE("registered, inspected, wiped once, available; then nothing more is written") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("registering"));
  REQUIRE(w.wait_state("inspecting"));
  REQUIRE(w.wait_state("preparing"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.log() == "boot agent, inspected, wipe");
  CHECK(w.status("operationalStatus") == "OK");
  CHECK(w.status("provisioning.bootMode") == "UEFI");
  CHECK(w.status("hardware.ramMebibytes") == "4096");
  CHECK(w.document("hardwaredata.metal3.io", "host-1").path("spec.hardware.cpu.arch").string() == "x86_64");
  CHECK(w.condition("Ready").starts_with("True"));
  CHECK(w.condition("AvailableForProvisioning").starts_with("True"));
  for (const char* reason : {"Registered", "BMCAccessValidated", "InspectionStarted", "InspectionComplete"}) {
    CHECK_MESSAGE(w.has_event(reason), reason);
  }
  for (const char* step : {"register", "inspect"}) {
    CHECK(w.host()["status"]["operationHistory"][step]["end"].is_string());
  }

  w.run_for(base::minutes(5));
  const auto revision = w.store().revision();
  w.run_for(base::hours(1));
  CHECK(w.store().revision() == revision);
  w.restart_manager();
  w.run_for(base::hours(1));
  CHECK(w.store().revision() == revision);
  CHECK(w.log() == "boot agent, inspected, wipe");
  CHECK(w.refused.empty());
}

TEST_CASE("provisioned with an image, deprovisioned without, and steady between") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.machine.log.clear();
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioning"));
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.log() == "write http://images/a.raw, boot disk");
  CHECK(w.status("provisioning.image.url") == "http://images/a.raw");
  CHECK(w.condition("Provisioned").starts_with("True Provisioned"));
  CHECK(w.has_event("ProvisioningStarted"));
  CHECK(w.has_event("ProvisioningComplete"));

  w.run_for(base::minutes(5));
  const auto revision = w.store().revision();
  w.run_for(base::hours(1));
  CHECK(w.store().revision() == revision);

  w.machine.log.clear();
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("deprovisioning"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.log().starts_with("boot agent, wipe, power off"));
  CHECK(w.status("provisioning.image.url") == "null");
  CHECK(w.has_event("DeprovisioningComplete"));
  CHECK(w.refused.empty());
}

}  // namespace control::baremetalhost
