// Firmware of a host from what users ask for to what its BMC and power do.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {

constexpr const char* settings_kind = "hostfirmwaresettings.metal3.io";
constexpr const char* components_kind = "hostfirmwarecomponents.metal3.io";

struct FirmwareWorld : HostWorld {
  FirmwareWorld() : HostWorld(base::milliseconds(5), true) {
    metal::BiosSetting turbo{.name = "ProcTurbo", .value = "Enabled", .type = "Enumeration"};
    turbo.allowed = {"Enabled", "Disabled"};
    machine.bios = {turbo, {.name = "BootDelay", .value = "5", .type = "Integer"}};
    machine.components = {{"bios", "1.0", ""}, {"bmc", "2.0", ""}, {"nic:1", "3.0", ""}};
  }
  Json settings() { return document(settings_kind, "host-1"); }
  Json components() { return document(components_kind, "host-1"); }
  bool read() {
    return wait_until([&] { return !settings().path("status.schema").is_null(); });
  }
  void want(const char* wanted) {
    change(settings_kind, "host-1", [&](Json& doc) { doc.child("spec").set("settings", parse(wanted)); });
  }
  void update(const char* component, const char* url) {
    change(components_kind, "host-1", [&](Json& doc) {
      const Json one = Json::object({{"component", component}, {"url", url}});
      doc.child("spec").set("updates", Json::array({one}));
    });
  }
  void policy(const char* spec) {
    make("hostupdatepolicies.metal3.io",
         R"({"metadata":{"name":"host-1","namespace":"metal"},"spec":)" + std::string(spec) + "}");
  }
  bool settled() {
    return wait_until([&] { return condition_of(settings(), "ChangeDetected").starts_with("False"); });
  }
  bool provisioned() {
    set_image("a.raw");
    return wait_state("provisioned") && wait_until([&] { return machine.on; });
  }
};

}  // namespace

TEST_CASE("firmware is read once a host is registered, and nothing is written while it stays as it is") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.read());
  const Json settings = w.settings();
  CHECK(settings.path("status.settings").dump() == R"({"BootDelay":"5","ProcTurbo":"Enabled"})");
  CHECK(settings.path("metadata.ownerReferences").at(0)["name"].string() == "host-1");
  CHECK(w.condition_of(settings, "Valid").starts_with("True Success"));
  CHECK(w.condition_of(settings, "ChangeDetected").starts_with("False Success"));
  const std::string schema = settings.path("status.schema.name").string();
  const Json rules = w.document("firmwareschemas.metal3.io", schema);
  CHECK(rules.path("spec.hardwareVendor").string() == "Acme");
  CHECK(rules.path("spec.schema.ProcTurbo.allowable_values").dump() == R"(["Enabled","Disabled"])");
  CHECK(rules.path("metadata.ownerReferences").at(0)["kind"].string() == "HostFirmwareSettings");
  CHECK(w.components().path("status.components").size() == 3);
  CHECK(w.components().path("status.components").at(0)["initialVersion"].string() == "1.0");
  REQUIRE(w.wait_state("available"));
  w.run_for(base::minutes(6));
  const auto revision = w.store().revision();
  w.run_for(base::hours(2));
  CHECK(w.store().revision() == revision);
  w.machine.bios[0].value = "Disabled";  // somebody at the console
  REQUIRE(w.wait_until([&] { return w.settings().path("status.settings.ProcTurbo").string() == "Disabled"; },
                       base::minutes(6)));
  CHECK(w.refused.empty());
}

TEST_CASE("settings of an available host are changed with one restart and verified") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.read());
  w.machine.log.clear();
  w.want(R"({"ProcTurbo":"Disabled","BootDelay":5})");
  REQUIRE(w.wait_state("preparing"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.log() == R"(stage {"ProcTurbo":"Disabled"}, boot agent, in force)");
  CHECK(w.settings().path("status.settings.ProcTurbo").string() == "Disabled");
  CHECK(w.condition_of(w.settings(), "ChangeDetected").starts_with("False"));
  CHECK(w.has_event("FirmwareChanged"));
  w.run_for(base::hours(1));
  CHECK(w.machine.count("stage") == 1);
  CHECK(w.refused.empty());
}

TEST_CASE("a setting that the schema does not allow is refused with words, and the host goes on without it") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.read());
  w.machine.log.clear();
  w.want(R"({"ProcTurbo":"Perhaps"})");
  REQUIRE(w.wait_until([&] { return w.condition_of(w.settings(), "Valid").starts_with("False ConfigurationError"); }));
  CHECK(w.condition_of(w.settings(), "Valid").find("next: correct spec.settings") != std::string::npos);
  CHECK(w.has_event("ValidationFailed"));
  w.run_for(base::hours(1));
  CHECK(w.state() == "available");
  CHECK(w.machine.count("stage") == 0);
  w.want(R"({"ProcTurbo":"Disabled"})");
  REQUIRE(w.wait_until([&] { return w.settings().path("status.settings.ProcTurbo").string() == "Disabled"; }));
}

TEST_CASE("a manager that is killed at any moment of a change of settings completes it") {
  for (int step = 0; step < 24; ++step) {
    CAPTURE(step);
    FirmwareWorld w;
    w.add_host();
    REQUIRE(w.wait_state("available"));
    REQUIRE(w.read());
    w.want(R"({"ProcTurbo":"Disabled"})");
    w.wait_durable();
    w.run_for(base::milliseconds(2500) * step);
    w.crash_manager();
    REQUIRE(w.wait_until([&] {
      return w.state() == "available" && w.settings().path("status.settings.ProcTurbo").string() == "Disabled";
    }));
    CHECK(w.machine.count("stage") <= 2);
    CHECK(w.refused.empty());
  }
}

TEST_CASE("a change that fails is a preparation error and is tried again") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.read());
  w.fail("stage", 1);
  w.want(R"({"ProcTurbo":"Disabled"})");
  REQUIRE(w.wait_until([&] { return w.status("errorType") == "preparation error"; }));
  CHECK(w.condition("Progressing").find("stage does not work") != std::string::npos);
  REQUIRE(w.wait_until([&] { return w.state() == "available" && w.status("errorType") == "null"; }));
  CHECK(w.settings().path("status.settings.ProcTurbo").string() == "Disabled");
}

TEST_CASE("a provisioned host's settings change at a restart, and only if its policy says so") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.read());
  REQUIRE(w.provisioned());
  w.machine.log.clear();
  w.want(R"({"ProcTurbo":"Disabled"})");
  REQUIRE(w.wait_until([&] { return w.condition_of(w.settings(), "ChangeDetected").starts_with("True"); }));
  CHECK(w.condition_of(w.settings(), "ChangeDetected").find("HostUpdatePolicy host-1") != std::string::npos);
  w.run_for(base::hours(1));
  CHECK(w.log().empty());
  w.annotate("reboot.metal3.io", "");
  REQUIRE(w.wait_until([&] { return w.machine.count("power on") == 1; }));
  CHECK(w.log() == "power off softly, power on");

  w.machine.log.clear();
  w.policy(R"({"firmwareSettings":"onReboot"})");
  w.run_for(base::hours(1));
  CHECK(w.log().empty());  // a policy restarts nothing
  CHECK(w.condition_of(w.settings(), "ChangeDetected").find("reboot.metal3.io") != std::string::npos);
  w.annotate("reboot.metal3.io", "");
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "servicing"; }));
  CHECK(w.condition("Ready").starts_with("False Servicing"));
  REQUIRE(w.settled());
  REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "OK"; }));
  CHECK(w.log() == R"(power off softly, stage {"ProcTurbo":"Disabled"}, power on, in force)");
  CHECK(w.state() == "provisioned");
  CHECK(w.machine.holds_system);
  CHECK(w.refused.empty());
}

TEST_CASE("a servicing that fails is shown and tried again; whoever takes the wish back gets the server up") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.read());
  REQUIRE(w.provisioned());
  w.policy(R"({"firmwareSettings":"onReboot"})");
  w.fail("stage", 100);
  w.want(R"({"ProcTurbo":"Disabled"})");
  REQUIRE(w.wait_until([&] { return w.condition_of(w.settings(), "ChangeDetected").starts_with("True"); }));
  w.annotate("reboot.metal3.io", "");
  REQUIRE(w.wait_until([&] { return w.status("errorType") == "servicing error"; }));
  REQUIRE(w.wait_until([&] { return w.host().path("status.errorCount").integer() > 1; }));
  CHECK_FALSE(w.machine.on);
  w.want("{}");
  REQUIRE(w.wait_until([&] { return w.machine.on; }, base::minutes(1)));
  CHECK(w.wait_until([&] { return w.status("errorType") == "null" && w.status("operationalStatus") == "OK"; }));
}

TEST_CASE("a manager that is killed at any moment of a servicing completes it and leaves the server on") {
  for (int step = 0; step < 24; ++step) {
    CAPTURE(step);
    FirmwareWorld w;
    w.add_host();
    REQUIRE(w.wait_state("available"));
    REQUIRE(w.read());
    REQUIRE(w.provisioned());
    w.policy(R"({"firmwareSettings":"onReboot"})");
    w.want(R"({"ProcTurbo":"Disabled"})");
    w.annotate("reboot.metal3.io", "");
    w.wait_durable();
    w.run_for(base::milliseconds(2500) * step);
    w.crash_manager();
    REQUIRE(w.wait_until([&] {
      return w.machine.on && w.status("operationalStatus") == "OK" &&
             w.settings().path("status.settings.ProcTurbo").string() == "Disabled";
    }));
    CHECK(w.state() == "provisioned");
    CHECK(w.machine.holds_system);
    CHECK(w.refused.empty());
  }
}

TEST_CASE("a firmware update is done once per URL and its version is shown") {
  FirmwareWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.wait_until([&] { return !w.components().is_null(); }));
  w.machine.log.clear();
  w.update("bios", "http://images/1.1");
  REQUIRE(w.wait_state("preparing"));
  REQUIRE(w.wait_state("available"));
  CHECK(w.log() == "stage {} bios, boot agent, in force");
  const Json bios = w.components().path("status.components").at(0);
  CHECK(bios["currentVersion"].string() == "1.1");
  CHECK(bios["initialVersion"].string() == "1.0");
  CHECK(bios["lastVersionFlashed"].string() == "1.1");
  CHECK(bios["updatedAt"].is_string());
  CHECK(w.components().path("status.updates").at(0)["url"].string() == "http://images/1.1");
  w.run_for(base::hours(1));
  CHECK(w.machine.count("stage") == 1);
  w.update("nic:7", "http://images/2");
  REQUIRE(w.wait_until([&] { return w.condition_of(w.components(), "Valid").starts_with("False InvalidComponent"); }));
  w.run_for(base::hours(1));
  CHECK(w.machine.count("stage") == 1);
  CHECK(w.refused.empty());
}

TEST_CASE("settings that are asked for before the host exists are applied before it becomes available") {
  FirmwareWorld w;
  w.make(settings_kind,
         R"({"metadata":{"name":"host-1","namespace":"metal"},"spec":{"settings":{"ProcTurbo":"Disabled"}}})");
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(w.settings().path("status.settings.ProcTurbo").string() == "Disabled");
  CHECK(w.machine.count("wipe") == 1);
}

}  // namespace control::baremetalhost
