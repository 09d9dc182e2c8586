#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {

struct MediaWorld : HostWorld {
  MediaWorld() : HostWorld(base::milliseconds(5), true) {}
  Json image() { return document(api::DataImage::resource, "host-1"); }
  void add_image(const std::string& url) {
    make(api::DataImage::resource,
         R"({"metadata":{"name":"host-1","namespace":"metal"},"spec":{"url":")" + url + "\"}}");
  }
  void remove_image() {
    const auto& kind = *api::management_scheme().by_resource(api::DataImage::resource);
    REQUIRE(registry().remove(kind, "metal", "host-1").ok());
  }
  bool provisioned() {
    add_host();
    if (!wait_state("available")) return false;
    set_image("a.raw");
    return wait_state("provisioned") && wait_until([&] { return machine.on; });
  }
  bool restart() {
    machine.log.clear();
    annotate("reboot.metal3.io", "");
    return wait_until([&] { return machine.count("power on") > 0; });
  }
};

}  // namespace

TEST_CASE("a data image is put in and taken out while the host restarts, and never restarts it") {
  MediaWorld w;
  REQUIRE(w.provisioned());
  w.machine.log.clear();
  w.add_image("http://images/data.iso");
  REQUIRE(w.wait_until(
      [&] { return w.condition("Progressing").find("DataImage host-1 is attached when") != std::string::npos; }));
  CHECK(w.image().path("metadata.finalizers").dump() == R"(["dataimage.metal3.io"])");
  CHECK(w.image().path("metadata.ownerReferences").at(0)["kind"].string() == "BareMetalHost");
  w.run_for(base::hours(1));
  CHECK(w.log().empty());
  REQUIRE(w.restart());
  CHECK(w.log() == "power off softly, attach http://images/data.iso, power on");
  CHECK(w.image().path("status.attachedImage.url").string() == "http://images/data.iso");
  w.run_for(base::minutes(5));
  CHECK(w.condition("Progressing").find("DataImage") == std::string::npos);
  REQUIRE(w.restart());
  CHECK(w.log() == "power off softly, power on");

  w.remove_image();
  w.run_for(base::hours(1));
  REQUIRE_FALSE(w.image().is_null());
  REQUIRE(w.restart());
  CHECK(w.log() == "power off softly, eject, power on");
  CHECK(w.wait_until([&] { return w.image().is_null(); }));
  CHECK(w.refused.empty());
}

TEST_CASE("an image that cannot be attached is counted, and does not keep the server down") {
  MediaWorld w;
  REQUIRE(w.provisioned());
  w.add_image("http://images/lost.iso");
  w.fail("aside", 3);
  REQUIRE(w.restart());
  CHECK(w.image().path("status.error.count").integer() == 3);
  CHECK(w.image().path("status.error.message").string().find("aside does not work") != std::string::npos);
  CHECK(w.image().path("status.attachedImage").is_null());
  w.run_for(base::minutes(15));
  REQUIRE(w.restart());
  CHECK(w.image().path("status.attachedImage.url").string() == "http://images/lost.iso");
  CHECK(w.image().path("status.error").is_null());
}

TEST_CASE("a data image goes with its host's deployment, and without a host at once") {
  MediaWorld w;
  w.add_image("http://images/data.iso");
  REQUIRE(w.wait_until(
      [&] { return w.image().path("status.error.message").string().find("no BareMetalHost") != std::string::npos; }));
  REQUIRE(w.provisioned());
  REQUIRE(w.restart());
  w.patch_spec(R"({"image":null})");
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.wait_until([&] { return w.image().path("status.attachedImage").is_null(); }));
  w.remove_image();
  CHECK(w.wait_until([&] { return w.image().is_null(); }, base::minutes(1)));
}

}  // namespace control::baremetalhost
