// Nothing is wiped, written or rebooted without an order that is recorded, durable and still wanted.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

void provision(HostWorld& w) {
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a slow disk under the store delays orders, and none goes out before it is durable") {
  HostWorld w(base::seconds(30));
  w.add_host();
  REQUIRE(w.wait_state("preparing"));
  CHECK(w.machine.count("wipe") == 0);
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.gone(); }));
  CHECK(w.machine.count("wipe") == 2);
  CHECK(w.machine.count("write") == 1);
  CHECK(w.refused.empty());
}

// A whole life, with the manager killed once in the moment in which change number `kill_at` is made, so that this
// change and those before it that are not durable yet are lost.
TEST_CASE("a manager killed at any change goes on where it was: one wipe, one write, one wipe") {
  uint64_t changes = 0;
  for (uint64_t kill_at = 1; kill_at == 1 || kill_at <= changes; ++kill_at) {
    CAPTURE(kill_at);
    HostWorld w;
    bool killed = false;
    const auto reach = [&](const std::function<bool()>& done) {
      const auto due = [&] { return !killed && w.store().revision() >= kill_at; };
      if (!w.wait_until([&] { return done() || due(); })) return false;
      if (!done()) {
        killed = true;
        w.crash_manager();
      }
      return w.wait_until(done);
    };
    w.add_host();
    w.wait_durable();
    REQUIRE(reach([&] { return w.state() == "available"; }));
    CHECK(w.machine.count("wipe") == 1);
    w.set_image("a.raw");
    w.wait_durable();
    REQUIRE(reach([&] { return w.state() == "provisioned"; }));
    CHECK(w.machine.count("write") == 1);
    CHECK(w.machine.count("wipe") == 1);
    CHECK(w.machine.holds_system);
    w.patch_spec(R"({"image":null})");
    w.wait_durable();
    REQUIRE(reach([&] { return w.state() == "available"; }));
    CHECK(w.machine.count("wipe") == 2);
    w.remove_host();
    w.wait_durable();
    REQUIRE(reach([&] { return w.gone(); }));
    CHECK(w.machine.count("wipe") == 2);
    CHECK(w.machine.count("write") == 1);
    CHECK_FALSE(w.machine.on);
    CHECK(w.refused.empty());
    changes = std::max(changes, w.store().revision());
  }
  CHECK(changes > 40);
}

TEST_CASE("a manager restarted in the middle of any work starts none of it again") {
  for (const std::string where : {"inspecting", "preparing", "provisioning", "deprovisioning"}) {
    for (int seconds = 0; seconds <= 40; seconds += 5) {
      CAPTURE(where);
      CAPTURE(seconds);
      HostWorld w;
      w.add_host();
      const auto pass = [&](const std::string& state) {
        if (state != where) return w.wait_state(state);
        REQUIRE(w.wait_state(state));
        w.run_for(base::seconds(seconds));
        w.crash_manager();
        return true;
      };
      REQUIRE(pass("inspecting"));
      REQUIRE(w.wait_until([&] { return w.state() != "inspecting"; }));
      if (w.state() == "preparing") REQUIRE(pass("preparing"));
      REQUIRE(w.wait_state("available"));
      w.set_image("a.raw");
      REQUIRE(pass("provisioning"));
      REQUIRE(w.wait_state("provisioned"));
      w.patch_spec(R"({"image":null})");
      REQUIRE(pass("deprovisioning"));
      REQUIRE(w.wait_state("available"));
      CHECK(w.machine.count("wipe") == 2);
      CHECK(w.machine.count("write") == 1);
      CHECK(w.refused.empty());
    }
  }
}

TEST_CASE("a paused host is left alone in every state, and goes on afterwards") {
  for (const std::string where :
       {"registering", "inspecting", "preparing", "available", "provisioning", "provisioned", "deprovisioning"}) {
    CAPTURE(where);
    HostWorld w;
    w.add_host();
    const auto pass = [&](const std::string& state) {
      REQUIRE(w.wait_state(state));
      if (state != where) return;
      w.annotate("baremetalhost.metal3.io/paused", "metal3.io/capm3");
      const std::string log = w.log();
      w.run_for(base::hours(1));
      CHECK(w.state() == where);
      // Work that an agent had begun may end; nothing is begun.
      for (const char* begun : {"wipe", "write", "boot", "power"}) {
        CHECK_MESSAGE(w.machine.count(begun) ==
                          static_cast<int>(std::count_if(
                              w.machine.log.begin(), w.machine.log.end(),
                              [&](const auto& line) { return line.starts_with(begun) && contains(log, line); })),
                      begun);
      }
      w.remove_annotation("baremetalhost.metal3.io/paused");
    };
    for (const char* state : {"registering", "inspecting", "preparing", "available"}) pass(state);
    w.set_image("a.raw");
    for (const char* state : {"provisioning", "provisioned"}) pass(state);
    w.patch_spec(R"({"image":null})");
    pass("deprovisioning");
    REQUIRE(w.wait_state("available"));
    CHECK(w.machine.count("wipe") == 2);
    CHECK(w.machine.count("write") == 1);
    CHECK(w.refused.empty());
  }
}

TEST_CASE("paused and deleted: nothing happens until the pause ends") {
  HostWorld w;
  provision(w);
  const std::string log = w.log();
  w.annotate("baremetalhost.metal3.io/paused", "");
  w.remove_host();
  w.run_for(base::hours(5));
  CHECK(w.state() == "provisioned");
  CHECK(w.log() == log);
  w.remove_annotation("baremetalhost.metal3.io/paused");
  REQUIRE(w.wait_until([&] { return w.gone(); }));
}

TEST_CASE("detached: known no more, touched no more, its BMC address may change; then taken back as it is") {
  HostWorld w;
  provision(w);
  w.run_for(base::minutes(5));
  const std::string log = w.log();
  w.annotate("baremetalhost.metal3.io/detached", "");
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }));
  CHECK(w.engine().forgotten == 1);
  CHECK(w.state() == "provisioned");
  CHECK(w.condition("Progressing").starts_with("False Detached"));
  w.patch_spec(R"({"online":false,"bmc":{"address":"redfish-virtualmedia://10.0.0.2/redfish/v1/Systems/1"}})");
  w.annotate("reboot.metal3.io", "");
  w.restart_manager();
  w.run_for(base::minutes(30));
  const auto revision = w.store().revision();
  w.run_for(base::hours(3));
  CHECK(w.store().revision() == revision);
  CHECK(w.log() == log);
  w.remove_annotation("reboot.metal3.io");
  w.patch_spec(R"({"online":true})");
  w.remove_annotation("baremetalhost.metal3.io/detached");
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "OK"; }));
  w.run_for(base::hours(1));
  CHECK(w.state() == "provisioned");
  CHECK(w.log() == log);
  CHECK(w.refused.empty());
}

TEST_CASE("a host in the middle of something is detached when that is over, and says that it waits") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("inspecting"));
  w.annotate("baremetalhost.metal3.io/detached", "");
  REQUIRE(w.wait_until([&] { return contains(w.condition("Progressing"), "detach"); }));
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }));
  CHECK(w.state() == "available");
}

TEST_CASE("detached by force in the middle of something: the work ends, and starts over when it is taken back") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return w.machine.count("write") == 1; }));
  w.annotate("baremetalhost.metal3.io/detached", R"({"force":true})");
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }, base::seconds(10)));
  CHECK(w.state() == "provisioning");
  const std::string log = w.log();
  w.restart_manager();
  w.run_for(base::hours(3));
  CHECK(w.state() == "provisioning");
  CHECK(w.log() == log);
  w.remove_annotation("baremetalhost.metal3.io/detached");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.log.back() == "boot disk");
  CHECK(w.machine.count("wipe") == 1);
  CHECK(w.refused.empty());
}

TEST_CASE("detached by force once the image is written: it is not written again when the host is taken back") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return contains(w.condition("Operation"), "milestone=written"); }));
  REQUIRE(w.state() == "provisioning");
  w.annotate("baremetalhost.metal3.io/detached", R"({"force":true})");
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }, base::seconds(10)));
  w.run_for(base::hours(1));
  w.remove_annotation("baremetalhost.metal3.io/detached");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.count("write") == 1);
  CHECK(w.machine.count("wipe") == 1);
}

TEST_CASE("an externally provisioned server keeps its disks and is only switched") {
  HostWorld w;
  w.machine.on = true;
  w.machine.holds_system = true;
  w.add_host(R"({"externallyProvisioned":true})");
  REQUIRE(w.wait_state("externally provisioned"));
  CHECK(w.condition("Provisioned").starts_with("True ExternallyProvisioned"));
  w.annotate("inspect.metal3.io", "");
  w.run_for(base::hours(1));
  CHECK(w.log().empty());
  w.remove_annotation("inspect.metal3.io");

  SUBCASE("power") {
    w.patch_spec(R"({"online":false})");
    REQUIRE(w.wait_until([&] { return !w.machine.on; }));
    CHECK(w.log() == "power off softly");
  }
  SUBCASE("no longer external, nothing said about what is on it: not wiped") {
    w.patch_spec(R"({"externallyProvisioned":false})");
    w.run_for(base::hours(1));
    CHECK(w.state() == "externally provisioned");
    CHECK(w.log().empty());
    w.set_image("a.raw");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.log().empty());
    CHECK(w.status("provisioning.image.url") == "http://images/a.raw");
  }
  SUBCASE("deleted") {
    w.remove_host();
    REQUIRE(w.wait_until([&] { return w.gone(); }));
    CHECK(w.log() == "power off");
    CHECK(w.machine.holds_system);
  }
  CHECK(w.refused.empty());
}

TEST_CASE("an available host becomes external when told, and is deployed only when online") {
  HostWorld w;
  w.add_host(R"({"online":false})");
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.wait_until([&] { return w.status("poweredOn") == "false"; }));
  CHECK(w.condition("Operation").empty());  // the agent that was kept is gone, and its boot with it
  w.set_image("a.raw");
  w.run_for(base::hours(1));
  CHECK(w.state() == "available");
  CHECK(w.machine.count("write") == 0);
  w.patch_spec(R"({"externallyProvisioned":true})");
  REQUIRE(w.wait_state("externally provisioned"));
  CHECK(w.machine.count("write") == 0);
}

TEST_CASE("another image in the middle of a provisioning starts over; what is recorded is what was written") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return w.machine.count("write http://images/a.raw") == 1; }));
  w.set_image("b.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.run_for(base::minutes(5));
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.status("provisioning.image.url") == "http://images/b.raw");
  CHECK(w.machine.count("write http://images/a.raw") == 1);
  CHECK(w.machine.count("write http://images/b.raw") == 1);
  CHECK(w.machine.log.back() == "boot disk");
  CHECK(w.refused.empty());
}

TEST_CASE("another checksum in the middle of a provisioning changes neither what is written nor what is recorded") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return w.machine.count("write") == 1; }));
  w.patch_spec(R"({"image":{"checksum":"http://images/OTHER"}})");
  w.restart_manager();
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.engine().request()->image.checksum == "http://images/SUMS");
  CHECK(w.status("provisioning.image.checksum") == "http://images/SUMS");
  CHECK(w.machine.count("write") == 1);
}

TEST_CASE("another image means deprovisioning, another checksum or user data does not") {
  HostWorld w;
  provision(w);
  w.run_for(base::minutes(3));
  const std::string log = w.log();
  w.patch_spec(R"({"image":{"checksum":"http://images/OTHER"},"userData":{"name":"none"}})");
  w.run_for(base::hours(1));
  CHECK(w.state() == "provisioned");
  CHECK(w.log() == log);
  w.patch_spec(R"({"userData":null})");
  w.set_image("b.raw");
  REQUIRE(w.wait_state("deprovisioning"));
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.count("write http://images/b.raw") == 1);
  CHECK(w.machine.count("wipe") == 2);
}

TEST_CASE("cleaning may be switched off: then nothing is ever wiped") {
  HostWorld w;
  w.add_host(R"({"automatedCleaningMode":"disabled"})");
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("available"));
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.gone(); }));
  CHECK(w.machine.count("wipe") == 0);
  CHECK_FALSE(w.machine.on);
}

TEST_CASE("root device hints change what is recorded without a wipe") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.patch_spec(R"({"rootDeviceHints":{"deviceName":"/dev/sdb"}})");
  REQUIRE(w.wait_until([&] { return w.status("provisioning.rootDeviceHints.deviceName") == "/dev/sdb"; }));
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.count("wipe") == 1);
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.engine().request()->root_device.device_name == "/dev/sdb");
}

}  // namespace control::baremetalhost
