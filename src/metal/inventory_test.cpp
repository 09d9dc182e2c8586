#include "metal/inventory.h"

#include <doctest/doctest.h>

#include <functional>

namespace metal {
namespace {

constexpr int64_t gib = int64_t{1} << 30;

std::vector<InventoryDisk> disks() {
  InventoryDisk small{
      .name = "/dev/sda", .model = "Boot Stick", .vendor = "ACME", .serial = "S0", .size_bytes = 2 * gib};
  InventoryDisk spinning{.name = "/dev/sdb",
                         .model = "Big Spinner 9000",
                         .vendor = "ACME",
                         .serial = "S1",
                         .wwn = "0x5000c500a0000001",
                         .hctl = "0:0:1:0",
                         .by_path = "/dev/disk/by-path/pci-0000:00:1f.2-ata-2",
                         .size_bytes = 4000 * gib,
                         .rotational = true};
  InventoryDisk fast{.name = "/dev/nvme0n1", .model = "Quick 1", .serial = "S2", .size_bytes = 960 * gib};
  InventoryDisk twin = fast;
  twin.name = "/dev/nvme1n1";
  twin.serial = "S3";
  return {small, spinning, twin, fast};
}

}  // namespace

TEST_CASE("root disk: hints are all to be met; without any it is the smallest that is large enough") {
  using Hints = api::RootDeviceHints;
  struct Case {
    std::function<void(Hints&)> set;
    const char* chosen;  // "": none
  };
  const Case cases[] = {
      {[](Hints&) {}, "/dev/nvme0n1"},
      {[](Hints& h) { h.device_name = "/dev/sdb"; }, "/dev/sdb"},
      {[](Hints& h) { h.device_name = "/dev/disk/by-path/pci-0000:00:1f.2-ata-2"; }, "/dev/sdb"},
      {[](Hints& h) { h.device_name = "/dev/sdz"; }, ""},
      {[](Hints& h) { h.hctl = "0:0:1:0"; }, "/dev/sdb"},
      {[](Hints& h) { h.model = "spinner"; }, "/dev/sdb"},  // a part, in any case
      {[](Hints& h) { h.vendor = "acme"; }, "/dev/sda"},    // the first that fits
      {[](Hints& h) { h.serial_number = "S3"; }, "/dev/nvme1n1"},
      {[](Hints& h) { h.serial_number = "S"; }, ""},  // the whole
      {[](Hints& h) { h.wwn = "0x5000C500A0000001"; }, "/dev/sdb"},
      {[](Hints& h) { h.min_size_gigabytes = 961; }, "/dev/sdb"},
      {[](Hints& h) { h.min_size_gigabytes = 5000; }, ""},
      {[](Hints& h) { h.rotational = true; }, "/dev/sdb"},
      {[](Hints& h) { h.rotational = false; }, "/dev/sda"},
      {[](Hints& h) {
         h.rotational = false;
         h.min_size_gigabytes = 100;
       },
       "/dev/nvme1n1"},
      {[](Hints& h) {
         h.model = "Quick";
         h.rotational = true;
       },
       ""},
  };
  for (const auto& one : cases) {
    Hints hints;
    one.set(hints);
    CAPTURE(one.chosen);
    const auto chosen = choose_root_disk(disks(), hints);
    REQUIRE(chosen.ok() == (*one.chosen != '\0'));
    if (chosen) {
      CHECK(chosen->name == one.chosen);
    } else {
      CHECK(chosen.error().layer == base::Layer::agent);
      CHECK(chosen.error().message.find("/dev/sdb") != std::string::npos);  // why not
    }
  }
  CHECK_FALSE(choose_root_disk({}, {}).ok());
  CHECK_FALSE(choose_root_disk({disks()[0]}, {}).ok());
}

TEST_CASE("inventory: what the agent says becomes the hardware that the API shows") {
  const auto doc = base::parse_json(R"({
    "system_vendor":{"manufacturer":"ACME","product_name":"X1","serial_number":"SN-1",
      "firmware":{"vendor":"ACME","version":"2.1","build_date":"01/01/2026"}},
    "memory":{"physical_mb":65536},"hostname":"one",
    "cpu":{"architecture":"x86_64","model_name":"Chip","count":64,"frequency":"2600.0000","flags":["vmx","aes"]},
    "boot":{"pxe_interface":"01-52-54-00-00-00-02"},
    "interfaces":[
      {"name":"eno1","mac_address":"52:54:00:AA:00:01","ipv4_address":"10.0.0.1","ipv6_address":"fd00::1",
       "vendor":"0x8086","product":"0x1593","speed_mbps":25000},
      {"name":"eno2","mac_address":"52:54:00:00:00:02"}],
    "disks":[{"name":"/dev/nvme0n1","size":1000,"serial":"S2"},
             {"name":"/dev/sda","size":2000,"rotational":true,"by_path":"/dev/disk/by-path/a"}]})");
  REQUIRE(doc.ok());
  const auto read = read_inventory(*doc, "52:54:00:aa:00:01");
  REQUIRE(read.ok());
  CHECK(read->system_serial == "SN-1");
  CHECK(read->macs == std::vector<std::string>{"52:54:00:aa:00:01", "52:54:00:00:00:02"});
  const auto& hardware = read->hardware;
  CHECK(hardware.ram_mebibytes == 65536);
  CHECK(hardware.cpu.clock_megahertz == 2600);
  CHECK(hardware.cpu.flags == std::vector<std::string>{"aes", "vmx"});
  REQUIRE(hardware.nics.size() == 3);  // one entry for each address
  CHECK(hardware.nics[0].ip == "10.0.0.1");
  CHECK(hardware.nics[1].ip == "fd00::1");
  CHECK(hardware.nics[0].speed_gbps == 25);
  CHECK(hardware.nics[0].pxe);
  CHECK(hardware.nics[2].pxe);
  REQUIRE(hardware.storage.size() == 2);
  CHECK(hardware.storage[0].type == "NVME");
  CHECK(hardware.storage[1].type == "HDD");
  CHECK(hardware.storage[1].name == "/dev/disk/by-path/a");

  CHECK_FALSE(read_inventory(base::Json::object(), "").ok());
  CHECK_FALSE(read_inventory(base::Json(), "").ok());
  base::Json flood = *doc;
  for (int i = 0; i < 2000; ++i) flood.child("disks").push(base::Json::object());
  CHECK(read_inventory(flood, "").error().code == base::Code::too_large);
}

}  // namespace metal
