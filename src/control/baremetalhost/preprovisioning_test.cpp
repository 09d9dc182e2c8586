// A host whose ramdisk another controller provides.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {

constexpr const char* images = "preprovisioningimages.metal3.io";
constexpr const char* network_boot = R"({"bmc":{"address":"redfish://10.0.0.1/redfish/v1/Systems/1"}})";

struct ImageWorld : HostWorld {
  explicit ImageWorld(bool isos = false) : HostWorld(base::milliseconds(5), false, {true, isos}) {}
  Json image() { return document(images, "host-1"); }
  bool asked() {
    return wait_until([&] { return !image().is_null(); });
  }
  void answer(const std::string& status) {
    change(
        images, "host-1", [&](Json& doc) { doc.set("status", parse(status)); }, true);
  }
  void build(const std::string& extra = "") {
    answer(R"({"format":"initrd","kernelUrl":"http://images/vmlinuz","imageUrl":"http://images/initrd",
      "extraKernelParams":"console=ttyS1","architecture":"x86_64",)" +
           extra + R"("conditions":[{"type":"Ready","status":"True","reason":"ImageSuccess","message":"",
      "lastTransitionTime":"2026-01-01T00:00:00Z"}]})");
  }
};

}  // namespace

TEST_CASE("a network-booted host asks for its image, waits for it with a reason, and boots it") {
  ImageWorld w;
  w.add_host(network_boot);
  REQUIRE(w.asked());
  const Json asked = w.image();
  CHECK(asked.path("spec.acceptFormats").dump() == R"(["initrd"])");
  CHECK(asked.path("spec.architecture").string() == "x86_64");
  CHECK(asked.path("metadata.ownerReferences").at(0)["name"].string() == "host-1");
  CHECK(asked.path("metadata.ownerReferences").at(0)["controller"].boolean());
  w.run_for(base::hours(1));
  CHECK(w.state() == "inspecting");
  CHECK(w.machine.count("boot agent") == 0);
  CHECK(w.condition("Progressing").find("PreprovisioningImage host-1 is not ready; next: ") != std::string::npos);
  w.build();
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.machine.booted_image.has_value());
  CHECK(w.machine.booted_image->kernel_url == "http://images/vmlinuz");
  CHECK(w.machine.booted_image->initrd_url == "http://images/initrd");
  CHECK(w.machine.booted_image->arguments == "console=ttyS1");
  CHECK(w.refused.empty());
}

TEST_CASE("an image that cannot be built, or that nobody could boot, is an error that heals with it") {
  ImageWorld w;
  w.add_host(network_boot);
  REQUIRE(w.asked());
  std::string status, said;
  SUBCASE("its builder says so") {
    said = "no such architecture";
    status = R"({"conditions":[{"type":"Error","status":"True","reason":"BuildFailed","message":"no such architecture",
      "lastTransitionTime":"2026-01-01T00:00:00Z"}]})";
  }
  SUBCASE("kernel arguments that take ours away") {
    said = "ipa-agent-token";
    status = R"({"format":"initrd","kernelUrl":"http://images/k","imageUrl":"http://images/i",
      "extraKernelParams":"ipa-agent-token=mine","conditions":[{"type":"Ready","status":"True","reason":"R",
      "message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]})";
  }
  SUBCASE("a URL that ends the line of a boot script") {
    said = "no http or https URL";
    status = R"({"format":"initrd","kernelUrl":"http://images/k\nshell","imageUrl":"http://images/i",
      "conditions":[{"type":"Ready","status":"True","reason":"R","message":"",
      "lastTransitionTime":"2026-01-01T00:00:00Z"}]})";
  }
  w.answer(status);
  REQUIRE(w.wait_until([&] { return w.status("errorMessage").find(said) != std::string::npos; }));
  CHECK(w.status("errorMessage").starts_with("controller: PreprovisioningImage host-1"));
  CHECK(w.machine.count("boot agent") == 0);
  w.build();
  REQUIRE(w.wait_state("available"));
  CHECK(w.status("errorMessage").empty());
}

TEST_CASE("an image with older network settings is waited for") {
  ImageWorld w;
  w.make("secrets", R"({"metadata":{"name":"net","namespace":"metal"},"stringData":{"networkData":"{}"}})");
  const std::string version = w.document("secrets", "net").path("metadata.resourceVersion").string();
  w.add_host(R"({"bmc":{"address":"redfish://10.0.0.1/redfish/v1/Systems/1"},"preprovisioningNetworkDataName":"net"})");
  REQUIRE(w.asked());
  CHECK(w.image().path("spec.networkDataName").string() == "net");
  w.build(R"("networkData":{"name":"net","version":"0"},)");
  w.run_for(base::minutes(20));
  CHECK(w.machine.count("boot agent") == 0);
  CHECK(w.condition("Progressing").find("other network settings") != std::string::npos);
  w.build(R"("networkData":{"name":"net","version":")" + version + "\"},");
  REQUIRE(w.wait_state("available"));
}

TEST_CASE("a host that boots from virtual media boots the ISO image of another controller, where that is asked for") {
  ImageWorld w(true);
  w.add_host();
  REQUIRE(w.asked());
  CHECK(w.image().path("spec.acceptFormats").dump() == R"(["iso"])");
  w.build();  // a kernel and an initrd are of no use to it
  w.run_for(base::minutes(20));
  CHECK(w.machine.count("boot agent") == 0);
  const auto iso = [&](const std::string& url) {
    w.answer(R"({"format":"iso","imageUrl":")" + url + R"(","conditions":[{"type":"Ready","status":"True",
      "reason":"ImageSuccess","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]})");
  };
  iso("ftp://images/agent.iso");
  REQUIRE(w.wait_until([&] { return w.status("errorMessage").find("no http or https URL") != std::string::npos; }));
  iso("http://images/agent.iso");
  REQUIRE(w.wait_state("available"));
  CHECK(w.machine.booted_image->iso_url == "http://images/agent.iso");
  CHECK(w.machine.booted_image->kernel_url.empty());
}

TEST_CASE("what the manager showed of its own images is not what another controller has made") {
  ImageWorld w;
  w.add_host(network_boot);
  REQUIRE(w.asked());
  w.answer(R"({"format":"initrd","kernelUrl":"http://own/******/k","imageUrl":"http://own/******/i",
    "conditions":[{"type":"Ready","status":"True","reason":"OwnImage","message":"",
    "lastTransitionTime":"2026-01-01T00:00:00Z"}]})");
  w.run_for(base::minutes(20));
  CHECK(w.machine.count("boot agent") == 0);
  CHECK(w.condition("Progressing").find("still shows the manager's own image") != std::string::npos);
}

namespace {

// With the controller that shows the manager's own images.
struct OwnWorld : HostWorld {
  explicit OwnWorld(OutsideImages outside = {}) : HostWorld(base::milliseconds(5), true, outside) {}
  Json image() { return document(images, "host-1"); }
  bool shows(const std::string& path, const std::string& value) {
    return wait_until([&] { return image().path(path).string() == value; });
  }
  std::string ready() {
    const auto all = image().path("status.conditions");
    for (const auto& one : all.items()) {
      if (one["type"].string() == "Ready") return one["status"].string() + " " + one["reason"].string();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("the manager's own images are shown, without what would open them") {
  OwnWorld w;
  w.make("secrets", R"({"metadata":{"name":"net","namespace":"metal"},"stringData":{"networkData":"{}"}})");
  std::string boot;
  SUBCASE("network boot") { boot = R"("bmc":{"address":"redfish://10.0.0.1/redfish/v1/Systems/1"},)"; }
  SUBCASE("virtual media") {}
  w.add_host("{" + boot + R"("preprovisioningNetworkDataName":"net"})");
  REQUIRE(w.wait_state("available"));
  REQUIRE(w.shows("status.architecture", "x86_64"));
  const std::string folder = "http://10.0.0.1:6180/boot/******/";
  CHECK(w.image().path("status.extraKernelParams").string() == "console=ttyS1");
  CHECK(w.image().path("metadata.ownerReferences").at(0)["kind"].string() == "BareMetalHost");
  CHECK(w.ready() == "True OwnImage");
  if (!boot.empty()) {
    CHECK(w.image().path("status.kernelUrl").string() == folder + "vmlinuz");
    CHECK(w.image().path("status.imageUrl").string() == folder + "initrd");
    CHECK(w.image().path("status.networkData").is_null());
    return;
  }
  CHECK(w.image().path("status.format").string() == "iso");
  CHECK(w.image().path("status.imageUrl").string() == folder + "host-1.iso");
  const auto version = [&] { return w.document("secrets", "net").path("metadata.resourceVersion").string(); };
  CHECK(w.image().path("status.networkData.version").string() == version());
  w.change("secrets", "net", [](Json& doc) { doc.set_path("data.networkData", "e30K"); });
  CHECK(w.shows("status.networkData.version", version()));
  w.run_for(base::hours(1));
  const uint64_t before = w.store().revision();
  w.run_for(base::hours(1));
  CHECK(w.image().path("metadata.resourceVersion").string() <= std::to_string(before));
}

TEST_CASE("what the manager's own ramdisk cannot be is an error of the image") {
  OwnWorld w;
  SUBCASE("another architecture") {
    w.add_host(R"({"architecture":"aarch64"})");
    CHECK(w.wait_until([&] { return w.ready() == "False OwnImageConfigurationError"; }));
  }
  SUBCASE("no Secret") {
    w.add_host(R"({"preprovisioningNetworkDataName":"net"})");
    CHECK(w.wait_until([&] { return w.ready() == "False OwnImageMissingNetworkData"; }));
    CHECK(w.image().path("status.imageUrl").string().empty());
    w.make("secrets", R"({"metadata":{"name":"net","namespace":"metal"},"stringData":{"networkData":"{}"}})");
    CHECK(w.wait_until([&] { return w.ready() == "True OwnImage"; }));
  }
}

TEST_CASE("an image that another controller has filled is not the manager's to change") {
  OwnWorld w;
  const char* theirs = R"({"format":"iso","imageUrl":"http://images/a.iso","conditions":[{"type":"Ready",
    "status":"True","reason":"ImageSuccess","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]})";
  w.make(images, R"({"metadata":{"name":"host-1","namespace":"metal"},"spec":{"acceptFormats":["iso"]}})");
  w.change(
      images, "host-1", [&](Json& doc) { doc.set("status", HostWorld::parse(theirs)); }, true);
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(w.ready() == "True ImageSuccess");
  CHECK_FALSE(w.machine.booted_image.has_value());
}

TEST_CASE("a host that boots from virtual media keeps the manager's own image") {
  ImageWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(w.image().is_null());
  CHECK_FALSE(w.machine.booted_image.has_value());
}

}  // namespace control::baremetalhost
