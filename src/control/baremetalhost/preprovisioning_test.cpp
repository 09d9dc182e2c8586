// A host whose ramdisk another controller provides.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {

constexpr const char* images = "preprovisioningimages.metal3.io";
constexpr const char* network_boot = R"({"bmc":{"address":"redfish://10.0.0.1/redfish/v1/Systems/1"}})";

struct ImageWorld : HostWorld {
  ImageWorld() : HostWorld(base::milliseconds(5), false, true) {}
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

TEST_CASE("a host that boots from virtual media keeps the manager's own image") {
  ImageWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  CHECK(w.image().is_null());
  CHECK_FALSE(w.machine.booted_image.has_value());
}

}  // namespace control::baremetalhost
