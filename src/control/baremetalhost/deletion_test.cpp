// The way out, from every state.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void check_released(HostWorld& w) {
  CHECK(w.gone());
  CHECK_FALSE(contains(w.document("secrets", "bmc")["metadata"]["finalizers"].dump(), "baremetalhost"));
  CHECK_FALSE(contains(w.document("hardwaredata.metal3.io", "host-1")["metadata"]["finalizers"].dump(), "metal3"));
}

void reach(HostWorld& w, const std::string& where) {
  w.add_host();
  for (const char* state : {"registering", "inspecting", "preparing", "available"}) {
    REQUIRE(w.wait_state(state));
    if (where == state) return;
  }
  w.set_image("a.raw");
  for (const char* state : {"provisioning", "provisioned"}) {
    REQUIRE(w.wait_state(state));
    if (where == state) return;
  }
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("deprovisioning"));
}

}  // namespace

TEST_CASE("deletion from every state: disks that were written to are erased, the server is off, everything is released") {
  for (const std::string where :
       {"registering", "inspecting", "preparing", "available", "provisioning", "provisioned", "deprovisioning"}) {
    for (const int seconds : {0, 10}) {
      CAPTURE(where);
      CAPTURE(seconds);
      HostWorld w;
      reach(w, where);
      w.run_for(base::seconds(seconds));
      const int wipes = w.machine.count("wipe");
      const bool begun = w.condition("Operation").find("milestone=writing") != std::string::npos;
      const bool written = w.state() == "provisioned" || (w.state() == "provisioning" && begun);
      w.remove_host();
      REQUIRE(w.wait_until([&] { return w.gone(); }));
      check_released(w);
      CHECK_FALSE(w.machine.on);
      CHECK_FALSE(w.machine.holds_system);
      if (written) CHECK(w.machine.count("wipe") == wipes + 1);
      if (where == "provisioning") CHECK(written == (seconds > 0));
      CHECK(w.engine().forgotten == 1);
      CHECK(w.refused.empty());
    }
  }
}

TEST_CASE("deletion of an unmanaged host needs no server") {
  HostWorld w;
  w.add_host(R"({"bmc":null})");
  REQUIRE(w.wait_state("unmanaged"));
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.gone(); }, base::seconds(10)));
  CHECK(w.log().empty());
}

TEST_CASE("deletion goes on without a server that fails too often, with a reason meanwhile") {
  HostWorld w;
  reach(w, "provisioned");
  w.fail("clean", 100, base::Layer::agent);
  w.fail("power", 100);
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.status("errorCount") == "3"; }));
  CHECK(w.state() == "deprovisioning");
  CHECK(contains(w.condition("Progressing"), "clean does not work"));
  REQUIRE(w.wait_state("powering off before delete"));
  REQUIRE(w.wait_until([&] { return w.gone(); }, base::hours(3)));
  check_released(w);
  CHECK(w.refused.empty());
}

TEST_CASE("deletion goes on without credentials after some patience") {
  HostWorld w;
  reach(w, "provisioned");
  w.change("secrets", "bmc", [](Json& doc) { doc.child("metadata").erase("finalizers"); });
  const auto& kind = *api::management_scheme().by_resource("secrets");
  w.annotate("baremetalhost.metal3.io/paused", "");  // else the Secret is claimed again at once
  w.change("secrets", "bmc", [](Json& doc) { doc.child("metadata").erase("finalizers"); });
  REQUIRE(w.registry().remove(kind, "metal", "bmc").ok());
  w.remove_annotation("baremetalhost.metal3.io/paused");
  const std::string log = w.log();
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.status("errorCount") == "1"; }));
  CHECK(w.status("errorType") == "registration error");
  CHECK(contains(w.status("errorMessage"), "does not exist"));
  // Each failure is followed by its backoff; none is counted twice.
  base::Time last = w.world.loop().now();
  for (int count = 2; count <= 4; ++count) {
    REQUIRE(w.wait_until([&] { return w.status("errorCount") == std::to_string(count); }));
    CHECK(w.world.loop().now() - last >= base::minutes(int64_t{1} << (count - 1)) / 2);
    last = w.world.loop().now();
  }
  REQUIRE(w.wait_until([&] { return w.gone(); }));
  CHECK(w.log() == log);  // and nothing was done with empty credentials
  CHECK(w.refused.empty());
}

TEST_CASE("deletion of a detached host touches nothing; with delay it waits for the attachment") {
  HostWorld w;
  reach(w, "provisioned");
  const std::string log = w.log();
  SUBCASE("at once") {
    w.annotate("baremetalhost.metal3.io/detached", "");
    REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }));
    w.remove_host();
    REQUIRE(w.wait_until([&] { return w.gone(); }, base::minutes(1)));
    CHECK(w.log() == log);
    check_released(w);
  }
  SUBCASE("delayed") {
    w.annotate("baremetalhost.metal3.io/detached", R"({"deleteAction":"delay"})");
    REQUIRE(w.wait_until([&] { return w.status("operationalStatus") == "detached"; }));
    w.remove_host();
    w.run_for(base::hours(2));
    CHECK_FALSE(w.gone());
    CHECK(w.log() == log);
    CHECK(contains(w.condition("Progressing"), "deleteAction"));
    w.remove_annotation("baremetalhost.metal3.io/detached");
    REQUIRE(w.wait_until([&] { return w.gone(); }));
  }
}

TEST_CASE("deletion leaves the power alone where power-off is forbidden") {
  HostWorld w;
  reach(w, "provisioned");
  w.patch_spec(R"({"disablePowerOff":true})");
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.gone(); }));
  CHECK(w.machine.on);
  CHECK(w.machine.count("power off") == 0);
  CHECK(w.machine.count("wipe") == 2);
  check_released(w);
}

TEST_CASE("a Secret that another host uses stays claimed") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.make(api::BareMetalHost::resource, R"({"metadata":{"name":"host-2","namespace":"metal"},
    "spec":{"online":false,"bmc":{"address":"ipmi://10.0.0.9","credentialsName":"bmc"}}})");
  w.remove_host();
  REQUIRE(w.wait_until([&] { return w.gone(); }));
  CHECK(contains(w.document("secrets", "bmc")["metadata"]["finalizers"].dump(), "baremetalhost"));
}

}  // namespace control::baremetalhost
