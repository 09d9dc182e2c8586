// What a deployed server finds on its config drive.
#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void add_data(HostWorld& w, const std::string& name, const std::string& key, const std::string& text) {
  Json doc = HostWorld::parse(R"({"metadata":{"namespace":"metal"}})");
  doc.child("metadata").set("name", name);
  doc.set("data", Json::object({{key, base::base64(text)}}));
  w.make("secrets", doc.dump());
}

const metal::ConfigDrive& deployed(HostWorld& w, const char* spec) {
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.patch_spec(spec);
  w.set_image("a.raw");
  REQUIRE(w.wait_state("provisioned"));
  return w.engine().request()->config_drive;
}

}  // namespace

TEST_CASE("config drive: without data, the host's names") {
  HostWorld w;
  const auto& drive = deployed(w, "{}");
  const Json wanted = Json::object({{"uuid", w.host().path("metadata.uid").string()},
                                    {"metal3-namespace", "metal"},
                                    {"metal3-name", "host-1"},
                                    {"local-hostname", "host-1"},
                                    {"local_hostname", "host-1"},
                                    {"name", "host-1"}});
  CHECK_MESSAGE(drive.meta_data == wanted, drive.meta_data.dump());
  CHECK(drive.user_data.empty());
  CHECK(drive.network_data.empty());
}

TEST_CASE("config drive: data of the Secrets, YAML or JSON, metadata over the host's names") {
  HostWorld w;
  const std::string script = "#cloud-config\nruncmd: [a: b]\n";
  add_data(w, "user", "userData", script);
  add_data(w, "meta", "metaData", "name: node-7\nzone: \"a: b\"\nlabels:\n  rack: 4\n");
  add_data(w, "net", "networkData", "links:\n- id: eno1\n  type: phy\n  mtu: 1500\n");
  const auto& drive =
      deployed(w, R"({"userData":{"name":"user"},"metaData":{"name":"meta"},"networkData":{"name":"net"}})");
  CHECK(drive.user_data == script);  // to the letter
  CHECK(drive.meta_data["name"].string() == "node-7");
  CHECK(drive.meta_data["zone"].string() == "a: b");
  CHECK(drive.meta_data.path("labels.rack").integer() == 4);
  CHECK(drive.meta_data["metal3-name"].string() == "host-1");
  const auto network = base::parse_json(drive.network_data);
  REQUIRE(network.ok());
  CHECK((*network)["links"].at(0)["mtu"].integer() == 1500);
}

TEST_CASE("config drive: the key may be called value, and the network data of the preparation stands in") {
  HostWorld w;
  add_data(w, "user", "value", "hello");
  add_data(w, "early", "networkData", R"({"links":[]})");
  const auto& drive = deployed(w, R"({"userData":{"name":"user"},"preprovisioningNetworkDataName":"early"})");
  CHECK(drive.user_data == "hello");
  CHECK(drive.network_data == R"({"links":[]})");
}

TEST_CASE("config drive: data that cannot be read is told with the Secret's purpose, and taken when it is corrected") {
  HostWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  const char* wrong = "";
  SUBCASE("no YAML") { wrong = "a: [b"; }
  SUBCASE("a list") { wrong = "- a\n- b\n"; }
  SUBCASE("several documents") { wrong = "a: 1\n---\nb: 2\n"; }
  add_data(w, "net", "networkData", wrong);
  w.patch_spec(R"({"networkData":{"name":"net"}})");
  w.set_image("a.raw");
  REQUIRE(w.wait_until([&] { return w.status("errorCount") == "1"; }));
  CHECK(w.status("errorMessage").starts_with("bootstrap: networkData "));
  CHECK(contains(w.status("errorMessage"), "; next: "));
  CHECK(w.machine.count("write") == 0);
  w.change("secrets", "net", [](Json& doc) { doc.child("data").set("networkData", base::base64("links: []")); });
  REQUIRE(w.wait_state("provisioned"));
  CHECK(w.machine.count("write") == 1);
}

}  // namespace control::baremetalhost
