// Firmware kinds from what users ask of the API to what the rack's BMC does, with faults on the way.
#include <doctest/doctest.h>

#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* name = "server-rack1-u03";  // Redfish with virtual media
constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* settings = "hostfirmwaresettings.metal3.io";
constexpr const char* components = "hostfirmwarecomponents.metal3.io";
const std::string metal3 = "/apis/metal3.io/v1alpha1/namespaces/clusters/";
constexpr base::Duration patience = base::hours(6);

Json named(const char* kind, Json spec) {
  Json doc = Json::object({{"apiVersion", "metal3.io/v1alpha1"}, {"kind", kind}});
  doc.set("metadata", Json::object({{"name", name}, {"namespace", "clusters"}}));
  return doc.set("spec", std::move(spec));
}

struct FirmwareWorld : World {
  FirmwareWorld() : World(71, Size{.clusters = {}, .only = name}) {
    start_manager();
    apply_inventory();
    REQUIRE_MESSAGE(run_until([&] { return is_at("available") && setting("BootRetries") == "3"; }, patience),
                    trouble());
  }
  sim::Server& server() { return *rack().server(name); }
  bool is_at(const char* state) { return host_state(name) == state; }
  std::string error() { return object(hosts, name).path("status.errorMessage").string(); }
  std::string setting(const char* key) { return object(settings, name).path("status.settings")[key].string(); }
  std::string version(const std::string& component) {
    for (const auto& one : object(components, name).path("status.components").items()) {
      if (one["component"].string() == component) return one["currentVersion"].string();
    }
    return {};
  }
  void want(Json wanted) {
    patch(metal3 + "hostfirmwaresettings/" + name,
          Json::object({{"spec", Json::object({{"settings", std::move(wanted)}})}}));
  }
  void update(const char* component, const char* file) {
    Json one = Json::object({{"component", component}, {"url", std::string("http://images.example.com/") + file}});
    patch(metal3 + "hostfirmwarecomponents/" + name,
          Json::object({{"spec", Json::object({{"updates", Json::array({std::move(one)})}})}}));
  }
  void deploy() {
    const std::string url = "http://images.example.com/node.qcow2";
    Json image = Json::object({{"url", url}, {"checksum", url + ".sha256sum"}, {"format", "qcow2"}});
    patch(metal3 + "baremetalhosts/" + name, Json::object({{"spec", Json::object({{"image", std::move(image)}})}}));
    REQUIRE_MESSAGE(run_until([&] { return is_at("provisioned") && runs(); }, patience), trouble());
  }
  bool runs() { return server().state() == "running, not a node"; }
  void reboot() {
    patch(metal3 + "baremetalhosts/" + name,
          Json::object({{"metadata", Json::object({{"annotations", Json::object({{"reboot.metal3.io", ""}})}})}}));
  }
  bool well() { return is_at("available") && error().empty(); }
};

TEST_CASE("BIOS settings of a free host are in force after one restart, whatever fails on the way") {
  FirmwareWorld world;
  const auto wipes = world.server().counters().disks.metadata_wipes;
  const auto in_force = [&] { return world.setting("ProcVirtualization") == "Disabled" && world.well(); };
  SUBCASE("nothing fails") {
    const auto boots = world.server().counters().agent_boots;
    world.want(Json::object({{"ProcVirtualization", "Disabled"}, {"BootRetries", 5}}));
    CHECK_MESSAGE(world.run_until(in_force, patience), world.trouble());
    CHECK(world.setting("BootRetries") == "5");
    CHECK(world.server().counters().agent_boots == boots + 1);
  }
  SUBCASE("the power goes before the restart, in it, and after it") {
    for (const base::Duration delay :
         std::initializer_list<base::Duration>{base::seconds(1), base::seconds(40), base::minutes(5)}) {
      const char* const on = delay == base::seconds(40) ? "true" : "false";
      world.want(Json::object({{"ProcVirtualization", "Disabled"}, {"NumLock", on}}));
      world.at(delay, [&] { world.server().cut_power(base::minutes(1)); });
      CHECK_MESSAGE(world.run_until(in_force, patience), world.trouble());
      world.want(Json::object({{"ProcVirtualization", "Enabled"}}));
      const auto back = [&] { return world.setting("ProcVirtualization") == "Enabled" && world.well(); };
      CHECK_MESSAGE(world.run_until(back, patience), world.trouble());
    }
  }
  SUBCASE("the BMC reboots itself and answers 503") {
    world.want(Json::object({{"ProcVirtualization", "Disabled"}}));
    world.at(base::seconds(1), [&] { world.server().crash_bmc(base::seconds(90)); });
    world.at(base::minutes(4), [&] { world.server().bmc_faults().http_unavailable = 1; });
    world.at(base::minutes(20), [&] { world.server().bmc_faults() = {}; });
    CHECK_MESSAGE(world.run_until(in_force, patience), world.trouble());
  }
  CHECK(world.server().counters().disks.metadata_wipes == wipes);  // its disks were clean
}

TEST_CASE("settings that the BMC does not have or take are refused with words, and the host stays free") {
  FirmwareWorld world;
  const auto refused = [&] { return world.condition(settings, name, "Valid") == "False"; };
  for (const Json& wanted : std::initializer_list<Json>{
           Json::object({{"ProcVirtualization", "Perhaps"}}), Json::object({{"BootRetries", 11}}),
           Json::object({{"SystemModelName", "Other"}}), Json::object({{"NoSuchThing", "1"}})}) {
    const std::string text = wanted.dump();
    CAPTURE(text);
    world.want(wanted);
    CHECK_MESSAGE(world.run_until(refused, base::minutes(10)), world.trouble());
    CHECK(world.condition(settings, name, "Valid", "message").find("; next: ") != std::string::npos);
    world.run_for(base::minutes(30));
    CHECK(world.well());
    for (const char* key : {"ProcVirtualization", "BootRetries", "SystemModelName", "NoSuchThing"}) {
      world.want(Json::object({{key, Json()}}));
    }
    CHECK(world.run_until([&] { return !refused(); }, base::minutes(10)));
  }
  CHECK(world.server().counters().agent_boots == 1);
}

TEST_CASE("firmware of BIOS and BMC is updated, also when the BMC reboots in the middle of it") {
  FirmwareWorld world;
  for (const bool fails : {false, true}) {
    CAPTURE(fails);
    for (const std::string component : {"bios", "bmc"}) {
      CAPTURE(component);
      const std::string wanted = fails ? "4.5.6" : "3.2.1";
      const std::string file = component + "-" + wanted + ".bin";
      world.update(component.c_str(), file.c_str());
      if (fails) world.at(base::seconds(15), [&] { world.server().crash_bmc(base::seconds(60)); });
      const auto done = [&] { return world.version(component) == wanted && world.well(); };
      CHECK_MESSAGE(world.run_until(done, patience), world.trouble());
      world.run_for(base::minutes(10));
      CHECK_MESSAGE(done(), world.trouble());
    }
  }
}

TEST_CASE("a deployed host gets firmware at its next reboot if its policy says so, and keeps its image") {
  FirmwareWorld world;
  world.deploy();
  world.want(Json::object({{"ProcVirtualization", "Disabled"}}));
  world.run_for(base::hours(1));
  world.reboot();
  world.run_for(base::hours(1));
  CHECK(world.setting("ProcVirtualization") == "Enabled");  // no policy
  world.apply(
      named("HostUpdatePolicy", Json::object({{"firmwareSettings", "onReboot"}, {"firmwareUpdates", "onReboot"}})));
  world.update("bios", "bios-7.8.9.bin");
  world.run_for(base::hours(1));
  CHECK(world.setting("ProcVirtualization") == "Enabled");  // nobody has asked for a reboot
  const auto wipes = world.server().counters().disks.metadata_wipes;
  const bool faulty = [] {
    bool out = false;
    SUBCASE("and nothing fails") {}
    SUBCASE("although the power goes in the middle of it") { out = true; }
    return out;
  }();
  world.reboot();
  if (faulty) world.at(base::minutes(2), [&] { world.server().cut_power(base::minutes(3)); });
  const auto done = [&] {
    return world.setting("ProcVirtualization") == "Disabled" && world.version("bios") == "7.8.9" && world.runs() &&
           world.is_at("provisioned") && world.error().empty();
  };
  CHECK_MESSAGE(world.run_until(done, patience), world.trouble());
  CHECK(world.server().counters().disks.image_writes_started == 1);
  CHECK(world.server().counters().disks.metadata_wipes == wipes);
}

TEST_CASE("a data image is in the drive of a deployed host after a reboot, and out of it after another") {
  FirmwareWorld world;
  world.deploy();
  const std::string url = "http://images.example.com/data.iso";
  world.apply(named("DataImage", Json::object({{"url", url}})));
  world.run_for(base::minutes(30));
  CHECK_FALSE(world.server().media().inserted);
  world.server().bmc_faults().http_unavailable = 0.3;
  world.reboot();
  const auto inside = [&] { return world.server().media().image == url && world.runs(); };
  CHECK_MESSAGE(world.run_until(inside, patience), world.trouble());
  world.server().bmc_faults() = {};
  CHECK(world.run_until(
      [&] { return world.object("dataimages.metal3.io", name).path("status.attachedImage.url").string() == url; },
      base::hours(1)));
  world.remove(metal3 + "dataimages/" + name);
  world.reboot();
  const auto out = [&] {
    return !world.server().media().inserted && world.runs() && world.object("dataimages.metal3.io", name).is_null();
  };
  CHECK_MESSAGE(world.run_until(out, patience), world.trouble());
}

TEST_CASE("a subscription to events is made, or says why it cannot be, and goes when it is deleted") {
  FirmwareWorld world;
  Json spec = Json::object({{"hostName", name}, {"destination", "https://192.168.99.2/events"}});
  world.apply(named("BMCEventSubscription", std::move(spec)));
  const auto status = [&] { return world.object("bmceventsubscriptions.metal3.io", name).path("status"); };
  CHECK(world.run_until(
      [&] { return !status()["subscriptionID"].string().empty() || !status()["error"].string().empty(); },
      base::hours(1)));
  if (const std::string why = status()["error"].string(); !why.empty()) {
    CHECK_MESSAGE(why.find("; next: ") != std::string::npos, why);
  }
  world.remove(metal3 + "bmceventsubscriptions/" + name);
  CHECK(
      world.run_until([&] { return world.object("bmceventsubscriptions.metal3.io", name).is_null(); }, base::hours(1)));
}

}  // namespace
