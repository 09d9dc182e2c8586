// What goes wrong, how it is told, when it is tried again.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Layer, cause and next step, and when it goes on.
void check_told(HostWorld& w, const std::string& type, const std::string& layer,
                std::string_view on = "tried again at ") {
  CAPTURE(w.status("errorMessage"));
  CHECK(w.status("errorType") == type);
  CHECK(w.status("operationalStatus") == "error");
  CHECK(w.status("errorMessage").starts_with(layer + ": "));
  CHECK(contains(w.status("errorMessage"), "; next: "));
  CHECK(w.condition("Ready").starts_with("False Error: " + layer));
  CHECK(contains(w.condition("Progressing"), on));
}

void check_well(HostWorld& w) {
  CHECK(w.status("errorType") == "null");
  CHECK(w.status("errorMessage") == "");
  CHECK(w.status("errorCount") == "0");
  CHECK(w.status("operationalStatus") == "OK");
  CHECK(w.refused.empty());
}

bool wait_errors(HostWorld& w, int count) {
  return w.wait_until([&] { return w.status("errorCount") == std::to_string(count); });
}

}  // namespace

TEST_CASE("a missing Secret, one without password, the wrong password, the right one") {
  HostWorld w;
  w.add_host(R"({"bmc":{"credentialsName":"other"}})");
  REQUIRE(wait_errors(w, 1));
  check_told(w, "registration error", "BMC", "goes on by itself");
  CHECK_FALSE(contains(w.condition("Progressing"), "tried again at "));  // nobody waits for a time
  CHECK(contains(w.status("errorMessage"), "metal/other does not exist"));
  CHECK(w.condition("Manageable").starts_with("False RegistrationFailed"));
  CHECK(w.has_event("BMCCredentialError"));
  CHECK_FALSE(w.has_event("RegistrationError"));  // one event for one failure
  w.run_for(base::hours(1));
  CHECK(w.status("errorCount") == "1");  // the same thing still missing is not another failure

  w.make("secrets", R"({"metadata":{"name":"other","namespace":"metal"},"data":{"username":"YWRtaW4="}})");
  REQUIRE(w.wait_until([&] { return contains(w.status("errorMessage"), "lacks username or password"); },
                       base::seconds(30)));
  w.change("secrets", "other", [](Json& doc) { doc.child("data").set("password", base::base64("wrong")); });
  REQUIRE(w.wait_until([&] { return contains(w.status("errorMessage"), "refused the password"); }, base::seconds(30)));
  check_told(w, "registration error", "BMC");
  CHECK(contains(w.status("errorMessage"), "credentials Secret metal/other"));
  w.change("secrets", "other", [](Json& doc) { doc.child("data").set("password", base::base64("secret")); });
  REQUIRE(w.wait_state("inspecting", base::seconds(30)));
  check_well(w);
  CHECK(w.has_event("BMCAccessValidated"));
  CHECK(w.status("goodCredentials.credentials.name") == "other");
  CHECK(w.status("goodCredentials.credentialsVersion") == w.status("triedCredentials.credentialsVersion"));
}

TEST_CASE("an unreachable BMC is tried again with growing patience") {
  HostWorld w;
  w.fail("register", 3);
  w.add_host();
  REQUIRE(wait_errors(w, 1));
  check_told(w, "registration error", "BMC");
  CHECK(w.has_event("RegistrationError"));
  base::Time last = w.world.loop().now();
  for (int count = 2; count <= 3; ++count) {
    REQUIRE(wait_errors(w, count));
    const auto waited = w.world.loop().now() - last;
    last = w.world.loop().now();
    const base::Duration longest = base::minutes(int64_t{1} << (count - 1));
    CHECK(waited >= longest / 2);
    CHECK(waited <= longest + base::seconds(5));
  }
  REQUIRE(w.wait_state("available"));
  check_well(w);
}

TEST_CASE("a BMC that was away for a day is noticed within a quarter of an hour") {
  HostWorld w;
  constexpr int failures = 12;
  w.fail("register", failures);
  w.add_host();
  REQUIRE(wait_errors(w, failures - 1));
  const base::Time last = w.world.loop().now();
  REQUIRE(wait_errors(w, failures));
  CHECK(w.world.loop().now() - last > base::minutes(7));
  CHECK(w.world.loop().now() - last < base::minutes(17));
  REQUIRE(w.wait_state("available"));
}

TEST_CASE("new credentials of a deployed host are checked where it is") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  const std::string before = w.log();
  w.set_password("wrong");
  REQUIRE(wait_errors(w, 1));
  CHECK(w.status("errorType") == "provisioned registration error");
  CHECK(w.state() == "provisioned");
  w.set_password("secret");
  REQUIRE(w.wait_until([&] { return w.status("errorCount") == "0"; }, base::seconds(30)));
  check_well(w);
  CHECK(w.state() == "provisioned");
  CHECK(w.log() == before);
}

TEST_CASE("credentials in another Secret: the old one is let go once the new one works") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const auto claimed = [&](const char* name) {
    return contains(w.document("secrets", name)["metadata"]["finalizers"].dump(), "baremetalhost");
  };
  CHECK(claimed("bmc"));
  w.make("secrets", R"({"metadata":{"name":"new","namespace":"metal"},"data":{"username":"YWRtaW4=",
    "password":"d3Jvbmc="}})");
  w.patch_spec(R"({"bmc":{"credentialsName":"new"}})");
  REQUIRE(wait_errors(w, 1));
  CHECK(claimed("bmc"));
  w.change("secrets", "new", [](Json& doc) { doc.child("data").set("password", base::base64("secret")); });
  REQUIRE(w.wait_until([&] { return w.status("goodCredentials.credentials.name") == "new"; }));
  w.run_for(base::minutes(1));
  CHECK_FALSE(claimed("bmc"));
  CHECK(claimed("new"));
  CHECK(w.state() == "available");
}

TEST_CASE("each operation of the way to available may fail twice") {
  struct Case {
    const char* operation;
    const char* state;
    const char* type;
  };
  for (const auto& one :
       {Case{"inspect", "inspecting", "inspection error"}, Case{"clean", "preparing", "preparation error"}}) {
    CAPTURE(one.operation);
    HostWorld w;
    w.fail(one.operation, 2, base::Layer::agent);
    w.add_host();
    REQUIRE(wait_errors(w, 1));
    CHECK(w.state() == one.state);
    check_told(w, one.type, "agent");
    const auto first = w.world.loop().now();
    REQUIRE(wait_errors(w, 2));
    // One backoff and one attempt, although the attempt records things on its way.
    CHECK(w.world.loop().now() - first <= base::minutes(2) + base::minutes(1));
    CHECK(w.state() == one.state);
    REQUIRE(w.wait_state("available"));
    check_well(w);
  }
}

TEST_CASE("while an attempt is running after a failure, the error and the attempt are both shown") {
  HostWorld w;
  w.fail("inspect", 1, base::Layer::agent);
  w.add_host();
  REQUIRE(wait_errors(w, 1));
  REQUIRE(w.wait_until([&] { return contains(w.condition("Progressing"), "busy with inspect"); }));
  CHECK(w.status("errorType") == "inspection error");
  CHECK(contains(w.condition("Progressing"), "inspect does not work"));
  CHECK_FALSE(contains(w.condition("Progressing"), "tried again at "));
}

TEST_CASE("a failed provisioning is undone and made again") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.fail("provision", 1, base::Layer::agent);
  w.set_image("a.raw");
  REQUIRE(wait_errors(w, 1));
  CHECK(w.state() == "provisioning");
  check_told(w, "provisioning error", "agent");
  REQUIRE(w.wait_state("deprovisioning"));
  CHECK(w.status("provisioningFailCount") == "1");
  CHECK(contains(w.condition("Provisioned"), "does not work"));
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.status("provisioningFailCount") == "0");
  check_well(w);
}

TEST_CASE(
    "a provisioning that fails before it writes erases nothing, is tried again for as long as it takes, and heals") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const int wipes = w.machine.count("wipe");
  w.fail("get ready", 7, base::Layer::agent);
  w.set_image("a.raw");
  REQUIRE(wait_errors(w, 7));
  CHECK(w.state() == "provisioning");
  check_told(w, "provisioning error", "agent");
  CHECK(w.status("provisioningFailCount") != "1");

  SUBCASE("by itself") { REQUIRE(w.wait_state("provisioned")); }
  SUBCASE("by another checksum") {
    w.patch_spec(R"({"image":{"checksum":"http://images/OTHER"}})");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.engine().request()->image.checksum == "http://images/OTHER");
    CHECK(w.status("provisioning.image.checksum") == "http://images/OTHER");
  }
  SUBCASE("by another image") {
    w.set_image("b.raw");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.status("provisioning.image.url") == "http://images/b.raw");
  }
  SUBCASE("by none") {
    w.patch_spec(R"({"image":null})");
    REQUIRE(w.wait_state("available"));
    CHECK(w.machine.count("write") == 0);
  }
  SUBCASE("by other root device hints") {
    w.patch_spec(R"({"rootDeviceHints":{"serialNumber":"S-2"}})");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.engine().request()->root_device.serial_number == "S-2");
  }
  SUBCASE("by a live ISO") {
    w.patch_spec(R"({"image":{"url":"http://images/a.raw","format":"live-iso","checksum":null,"checksumType":null}})");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.machine.media == "http://images/a.raw");
  }
  CHECK(w.machine.count("wipe") == wipes);
  CHECK(w.status("provisioningFailCount") == "0");
  check_well(w);
}

TEST_CASE("before it writes, a failing provisioning gives way to a new inspection and to a host that shall be off") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const int wipes = w.machine.count("wipe");
  w.fail("get ready", 3, base::Layer::agent);
  w.set_image("a.raw");
  REQUIRE(wait_errors(w, 3));
  SUBCASE("inspection, after which the disks are cleaned as for a new host") {
    const int inspections = w.machine.count("inspected");
    w.annotate("inspect.metal3.io", "");
    REQUIRE(w.wait_state("provisioned"));
    CHECK(w.machine.count("inspected") == inspections + 1);
    CHECK(w.machine.count("wipe") == wipes + 1);
  }
  SUBCASE("off") {
    w.patch_spec(R"({"online":false})");
    REQUIRE(w.wait_state("available"));
    w.run_for(base::hours(1));
    CHECK(w.state() == "available");
    CHECK_FALSE(w.machine.on);
    CHECK(w.machine.count("wipe") == wipes);
  }
  check_well(w);
}

TEST_CASE("a written image whose start fails is started again, not erased") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const int wipes = w.machine.count("wipe");
  w.fail("boot_disk", 3, base::Layer::bmc);
  w.set_image("a.raw");
  REQUIRE(wait_errors(w, 3));
  CHECK(w.state() == "provisioning");
  check_told(w, "provisioning error", "BMC");
  REQUIRE(w.wait_until([&] { return w.state() != "provisioning"; }));
  CHECK(w.state() == "provisioned");
  CHECK(w.machine.count("wipe") == wipes);
  CHECK(w.machine.count("write") == 1);
  check_well(w);
}

TEST_CASE("after five failed provisionings the host waits for another image, and a cleared one counts as another") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const auto use_up = [&](const std::string& image) {
    w.fail("provision", 5, base::Layer::agent);
    w.set_image(image);
    REQUIRE(w.wait_until([&] { return contains(w.status("errorMessage"), "failed 5 times"); }));
    CHECK(w.state() == "available");
    CHECK(w.status("errorType") == "provisioning error");
    CHECK(contains(w.status("errorMessage"), "provision does not work"));
    CHECK(contains(w.status("errorMessage"), "; next: "));
  };
  use_up("bad.raw");
  const std::string log = w.log();
  w.run_for(base::minutes(10));
  const auto revision = w.store().revision();
  w.run_for(base::hours(3));
  CHECK(w.log() == log);
  CHECK(w.store().revision() == revision);

  SUBCASE("another image") {
    w.set_image("good.raw");
    REQUIRE(w.wait_state("provisioned"));
  }
  SUBCASE("the same image, given anew") {
    w.patch_spec(R"({"image":null})");
    REQUIRE(w.wait_until([&] { return w.status("errorMessage").empty(); }));
    w.set_image("bad.raw");
    REQUIRE(w.wait_state("provisioned"));
  }
  check_well(w);
}

TEST_CASE("a cleaning that fails on the way out is repeated; the host is not available before") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  w.fail("clean", 6, base::Layer::agent);
  w.patch_spec(R"({"image":null})");
  REQUIRE(wait_errors(w, 6));
  CHECK(w.state() == "deprovisioning");
  check_told(w, "provisioning error", "agent");
  REQUIRE(w.wait_state("available", base::hours(4)));
  CHECK(w.machine.count("wipe") == 2);
  check_well(w);
}

TEST_CASE("power that cannot be read or changed is a power management error") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  for (const std::string operation : {"read_power", "power"}) {
    CAPTURE(operation);
    w.run_for(base::minutes(3));
    w.fail(operation, 1);
    w.patch_spec(R"({"online":false})");
    REQUIRE(wait_errors(w, 1));
    check_told(w, "power management error", "BMC");
    CHECK(w.condition("Manageable").starts_with("False PowerFailure"));
    REQUIRE(w.wait_until([&] { return w.status("errorCount") == "0" && !w.machine.on; }));
    check_well(w);
    CHECK(w.condition("Manageable").starts_with("True"));
    w.patch_spec(R"({"online":true})");
    REQUIRE(w.wait_until([&] { return w.machine.on && w.status("poweredOn") == "true"; }));
  }
}

TEST_CASE("what the config drive needs is missing: bootstrap layer, and going on when it is there") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.force([](Json& doc) {
    doc.child("spec").set("userData", Json::object({{"name", "user"}, {"namespace", "elsewhere"}}));
  });
  w.set_image("a.raw");
  REQUIRE(wait_errors(w, 1));
  check_told(w, "provisioning error", "bootstrap");
  CHECK(contains(w.status("errorMessage"), "metal/user does not exist"));  // never in another namespace
  w.force([](Json& doc) { doc.child("spec").set("userData", Json::object({{"name", "user"}})); });
  w.make("secrets", R"({"metadata":{"name":"user","namespace":"metal"},"data":{"userData":"I2Nsb3Vk"}})");
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.engine().request()->config_drive.user_data == "#cloud");
  CHECK(w.engine().request()->config_drive.meta_data["metal3-name"].string() == "host-1");
  check_well(w);
}

}  // namespace control::baremetalhost
