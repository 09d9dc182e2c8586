// Every wait says why, and what cannot be done is said instead of being tried at the cost of disks.
#include <set>

#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A cause and what comes next, from whichever layer.
bool has_reason(const std::string& condition) { return contains(condition, ": ") && contains(condition, "; next: "); }

}  // namespace

TEST_CASE("whatever a host waits for is in a condition, from the first to the last second of its life") {
  HostWorld w;
  w.fail("register", 1);
  w.fail("inspect", 1, base::Layer::agent);
  w.fail("clean", 2, base::Layer::agent);
  w.fail("provision", 1, base::Layer::agent);
  std::set<std::string> silent;
  // One look each second; a state that was only just entered may still be without words.
  const auto watch = [&](const std::function<bool()>& done) {
    std::string last_state;
    for (int second = 0; second < 4 * 3600 && !done(); ++second) {
      w.run_for(base::seconds(1));
      const bool working = w.condition("Progressing").starts_with("True");
      if (working && w.state() == last_state && !has_reason(w.condition("Progressing"))) {
        silent.insert(w.state() + ": " + w.condition("Progressing"));
      }
      last_state = w.state();
    }
    return done();
  };
  w.add_host();
  REQUIRE(watch([&] { return w.state() == "available"; }));
  w.set_image("a.raw");
  REQUIRE(watch([&] { return w.state() == "provisioned"; }));
  w.fail("power", 2);
  w.remove_host();
  REQUIRE(watch([&] { return w.gone(); }));
  for (const auto& one : silent) CHECK_MESSAGE(false, one);
}

TEST_CASE("a host without BMC says what it needs") {
  HostWorld w;
  w.add_host(R"({"bmc":null})");
  REQUIRE(w.wait_state("unmanaged"));
  CHECK(contains(w.condition("Manageable"), "next: set spec.bmc"));
}

TEST_CASE("an image that waits for power says so") {
  HostWorld w;
  w.add_host(R"({"online":false})");
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return contains(w.condition("Provisioned"), "next: set spec.online to true"); }));
}

TEST_CASE("an external server that is to be managed says that nobody knows what is on it") {
  HostWorld w;
  w.machine.on = true;
  w.add_host(R"({"externallyProvisioned":true})");
  REQUIRE(w.wait_state("externally provisioned"));
  w.patch_spec(R"({"externallyProvisioned":false})");
  REQUIRE(w.wait_until([&] { return contains(w.condition("Progressing"), "next: set spec.image"); }));
  CHECK(w.log().empty());
}

TEST_CASE("what cannot be deployed is said, and nothing is tried") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const std::string log = w.log();
  SUBCASE("customDeploy") {
    w.patch_spec(R"({"customDeploy":{"method":"install"}})");
    REQUIRE(w.wait_until([&] { return contains(w.condition("Provisioned"), "customDeploy is not supported"); }));
  }
  SUBCASE("customDeploy with an image") {
    w.patch_spec(R"({"customDeploy":{"method":"install"}})");
    w.set_image("a.raw");
    REQUIRE(w.wait_until([&] { return contains(w.condition("Provisioned"), "customDeploy is not supported"); }));
  }
  CHECK(has_reason(w.condition("Provisioned")));
  w.run_for(base::hours(3));
  CHECK(w.log() == log);
  CHECK(w.state() == "available");
  w.patch_spec(R"({"customDeploy":null,"image":{"url":"http://images/a.raw","checksum":"http://images/SUMS",
    "checksumType":"sha256","format":"raw"}})");
  REQUIRE(w.wait_state("provisioned"));
}

TEST_CASE("RAID that cannot be had is not passed over in silence") {
  HostWorld w;
  w.add_host(R"({"raid":{"softwareRAIDVolumes":[{"level":"1"}]}})");
  REQUIRE(w.wait_until([&] { return contains(w.status("errorMessage"), "RAID"); }));
  CHECK(w.state() == "preparing");
  CHECK(w.status("errorType") == "preparation error");
  CHECK(contains(w.status("errorMessage"), "; next: "));
  CHECK(w.machine.count("wipe") == 0);
  w.patch_spec(R"({"raid":null})");
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.count("wipe") == 1);
}

TEST_CASE("a server that another host stands for is not taken a second time") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  const std::string log = w.log();
  const auto intruder = [&] { return w.document(api::BareMetalHost::resource, "intruder"); };
  const auto message = [&] { return intruder().path("status.errorMessage").string(); };
  SUBCASE("by boot MAC address") {
    w.make(api::BareMetalHost::resource, R"({"metadata":{"name":"intruder","namespace":"metal"},"spec":{"online":true,
      "bootMACAddress":"52:54:00:00:00:01","bmc":{"address":"ipmi://10.0.0.9","credentialsName":"bmc"}}})");
    REQUIRE(w.wait_until([&] { return contains(message(), "boot MAC address 52:54:00:00:00:01"); }));
  }
  SUBCASE("by BMC address") {
    w.make(api::BareMetalHost::resource, R"({"metadata":{"name":"intruder","namespace":"metal"},"spec":{"online":true,
      "bootMACAddress":"52:54:00:00:00:77","bmc":{"credentialsName":"bmc",
      "address":"redfish-virtualmedia+https://10.0.0.1:443/redfish/v1/Systems/1"}}})");
    REQUIRE(w.wait_until([&] { return contains(message(), "BMC"); }));
  }
  CHECK(contains(message(), "metal/host-1"));
  CHECK(contains(message(), "; next: "));
  CHECK(intruder().path("status.errorType").string() == "registration error");
  w.run_for(base::hours(3));
  CHECK(intruder().path("status.provisioning.state").string() == "registering");
  CHECK(intruder().path("status.errorCount").integer() == 1);
  CHECK(w.log() == log);
  CHECK(w.state() == "provisioned");
  CHECK(w.status("errorMessage") == "");
}

TEST_CASE("a BMC that refuses in the middle of a provisioning is no failed provisioning") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return w.machine.count("write") == 1; }));
  w.set_password("wrong");
  REQUIRE(w.wait_until([&] { return w.status("errorType") == "registration error"; }));
  w.run_for(base::hours(1));
  CHECK(w.state() == "provisioning");
  w.set_password("secret");
  REQUIRE(w.wait_state("provisioned", base::minutes(2)));
  CHECK(w.machine.count("write") == 1);
  CHECK(w.machine.count("wipe") == 1);
  CHECK(w.status("errorCount") == "0");
}

}  // namespace control::baremetalhost
