// Inspection on request, reboots, power, and a status that comes along from elsewhere.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

void provision(HostWorld& w) {
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.run_for(base::minutes(3));
  w.machine.log.clear();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
bool annotated(HostWorld& w, const char* key) { return w.host()["metadata"]["annotations"].has(key); }

}  // namespace

TEST_CASE("inspection: skipped when disabled, repeated when asked for") {
  HostWorld w;
  SUBCASE("by annotation") { w.add_host("{}", R"({"inspect.metal3.io":"disabled"})"); }
  SUBCASE("by spec") { w.add_host(R"({"inspectionMode":"disabled"})"); }
  REQUIRE(w.wait_state("available"));
  CHECK(w.log() == "boot agent, wipe");
  CHECK(w.has_event("InspectionSkipped"));
  CHECK(w.document("hardwaredata.metal3.io", "host-1").is_null());

  w.patch_spec(R"({"inspectionMode":null})");
  w.annotate("inspect.metal3.io", "");
  REQUIRE(w.wait_state("inspecting"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.count("inspected") == 1);
  CHECK_FALSE(annotated(w, "inspect.metal3.io"));
  CHECK_FALSE(w.document("hardwaredata.metal3.io", "host-1").is_null());
  w.run_for(base::hours(1));
  CHECK(w.machine.count("inspected") == 1);
}

TEST_CASE("inspection: an order is not lost when the manager dies over it, whenever that is") {
  for (uint64_t after = 0; after <= 12; ++after) {
    CAPTURE(after);
    HostWorld w;
    w.add_host();
    REQUIRE(w.wait_state("available"));
    w.run_for(base::minutes(3));
    w.annotate("inspect.metal3.io", "");
    const uint64_t kill_at = w.store().revision() + after;
    // Kill between two commits: what is durable then is a prefix of what was written.
    w.wait_until([&] { return w.store().durable_revision() >= kill_at; }, base::minutes(30));
    w.crash_manager();
    REQUIRE(w.wait_until([&] { return w.machine.count("inspected") >= 2; }));
    REQUIRE(w.wait_state("available"));
    CHECK_FALSE(annotated(w, "inspect.metal3.io"));
    CHECK(w.machine.count("wipe") <= 2);
  }
}

TEST_CASE("inspection: hardware given by hand is taken when nothing is inspected") {
  HostWorld w;
  w.add_host(R"({"inspectionMode":"disabled"})",
             R"({"inspect.metal3.io/hardwaredetails":"{\"ramMebibytes\":7,\"cpu\":{\"arch\":\"aarch64\"}}"})");
  REQUIRE(w.wait_state("available"));
  CHECK(w.status("hardware.ramMebibytes") == "7");
  CHECK(w.document("hardwaredata.metal3.io", "host-1").path("spec.hardware.cpu.arch").string() == "aarch64");
  CHECK_FALSE(annotated(w, "inspect.metal3.io/hardwaredetails"));
}

TEST_CASE("power follows spec.online, with events") {
  HostWorld w;
  provision(w);
  w.patch_spec(R"({"online":false})");
  REQUIRE(w.wait_until([&] { return w.status("poweredOn") == "false"; }));
  CHECK(w.log() == "power off softly");
  CHECK(w.has_event("PowerOff"));
  w.run_for(base::minutes(5));
  const auto revision = w.store().revision();
  w.run_for(base::hours(1));
  CHECK(w.store().revision() == revision);
  w.patch_spec(R"({"online":true})");
  REQUIRE(w.wait_until([&] { return w.status("poweredOn") == "true"; }));
  CHECK(w.log() == "power off softly, power on");
  CHECK(w.has_event("PowerOn"));
  // Somebody pulls the plug.
  w.machine.on = false;
  REQUIRE(w.wait_until([&] { return w.machine.on; }, base::minutes(3)));
}

TEST_CASE("an agent that is kept for the next deployment is forgotten when its server is switched off") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(contains(w.condition("Operation"), "boot="));
  w.patch_spec(R"({"online":false})");
  REQUIRE(w.wait_until([&] { return w.status("poweredOn") == "false"; }));
  CHECK(w.condition("Operation").empty());
  w.patch_spec(R"({"online":true})");
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.count("boot agent") == 2);
}

TEST_CASE("reboot: once, softly unless told, and the annotation goes") {
  HostWorld w;
  provision(w);
  const auto reboot = [&](const std::string& value) {
    w.machine.log.clear();
    w.force([&](Json& doc) { doc.child("metadata").set("annotations", Json::object({{"reboot.metal3.io", value}})); });
    REQUIRE(w.wait_until([&] { return !annotated(w, "reboot.metal3.io") && w.machine.on; }));
    w.run_for(base::minutes(10));
    return w.log();
  };
  CHECK(reboot("") == "power off softly, power on");
  CHECK(reboot(R"({"mode":"hard"})") == "power off, power on");
  CHECK(reboot("what") == "power off softly, power on");
  CHECK(w.has_event("InvalidAnnotationValue"));
  CHECK(w.state() == "provisioned");
  CHECK(w.refused.empty());
}

TEST_CASE("reboot: with a key the host stays off until its owner takes the annotation away") {
  HostWorld w;
  provision(w);
  w.annotate("reboot.metal3.io/update", R"({"mode":"hard"})");
  REQUIRE(w.wait_until([&] { return !w.machine.on; }));
  w.restart_manager();
  w.run_for(base::hours(2));
  CHECK_FALSE(w.machine.on);
  CHECK(annotated(w, "reboot.metal3.io/update"));
  w.remove_annotation("reboot.metal3.io/update");
  REQUIRE(w.wait_until([&] { return w.machine.on; }));
  CHECK(w.log() == "power off, power on");
}

TEST_CASE("reboot: not in available, unless forced; not while power-off is forbidden") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.run_for(base::minutes(3));
  w.machine.log.clear();
  w.annotate("reboot.metal3.io", "");
  w.run_for(base::hours(1));
  CHECK(w.log().empty());
  w.annotate("reboot.metal3.io", R"({"force":true})");
  REQUIRE(w.wait_until([&] { return !annotated(w, "reboot.metal3.io") && w.machine.on; }));
  CHECK(w.log() == "power off, power on");

  HostWorld forbidden;
  provision(forbidden);
  forbidden.patch_spec(R"({"disablePowerOff":true})");
  forbidden.annotate("reboot.metal3.io/update", "");
  REQUIRE(forbidden.wait_until([&] { return contains(forbidden.condition("Progressing"), "disablePowerOff"); }));
  forbidden.run_for(base::hours(1));
  CHECK(forbidden.log().empty());
  forbidden.remove_annotation("reboot.metal3.io/update");
  // Once is another matter: the server is restarted without being off.
  forbidden.annotate("reboot.metal3.io", "");
  REQUIRE(forbidden.wait_until([&] { return !annotated(forbidden, "reboot.metal3.io"); }));
  forbidden.run_for(base::hours(1));
  CHECK(forbidden.log() == "restart");
  CHECK(forbidden.refused.empty());
}

TEST_CASE("a status that came along is restored: a moved host is not treated as new") {
  HostWorld source;
  provision(source);
  Json status = source.host()["status"];
  status.erase("hardware");

  HostWorld w;
  w.machine.on = w.machine.holds_system = true;
  Json annotations = Json::object({{"baremetalhost.metal3.io/status", status.dump()}});
  w.add_host(R"({"image":{"url":"http://images/a.raw","checksum":"http://images/SUMS","checksumType":"sha256",
              "format":"raw"}})",
             annotations.dump());
  REQUIRE(w.wait_state("provisioned"));
  REQUIRE(w.wait_until([&] { return !annotated(w, "baremetalhost.metal3.io/status"); }));
  w.run_for(base::hours(1));
  CHECK(w.state() == "provisioned");
  CHECK(w.log().empty());
  CHECK(w.refused.empty());

  // One that is there once the host has a status of its own is out of date, and goes.
  w.annotate("baremetalhost.metal3.io/status", R"({"provisioning":{"state":"available"}})");
  REQUIRE(w.wait_until([&] { return !annotated(w, "baremetalhost.metal3.io/status"); }));
  CHECK(w.state() == "provisioned");
}

TEST_CASE("a status that came along and cannot be read stops everything") {
  HostWorld w;
  w.machine.on = w.machine.holds_system = true;
  w.add_host("{}", R"({"baremetalhost.metal3.io/paused":"x"})");
  w.run_for(base::minutes(1));
  w.force([](Json& doc) {
    doc.child("metadata").set("annotations", Json::object({{"baremetalhost.metal3.io/status", "{not json"}}));
  });
  w.run_for(base::hours(1));
  CHECK(w.state().empty());
  CHECK(w.log().empty());
  CHECK(w.has_event("InvalidAnnotationValue"));
}

}  // namespace control::baremetalhost
