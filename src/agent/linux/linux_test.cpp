// What a Linux machine tells of itself: sysfs, modules, devices' own descriptions, DHCP and static settings.
#include <doctest/doctest.h>

#include "agent/linux/erase.h"
#include "agent/linux/linux_hardware.h"
#include "agent/linux/modules.h"
#include "sys/sim/sim.h"

namespace agent {

TEST_CASE("modules: a device's alias finds its module, with what must be loaded before") {
  const auto index = ModuleIndex::parse(
      "# comment\nalias pci:v00001AF4d00001000sv*sd*bc*sc*i* virtio_pci\nalias virtio:d00000001v* virtio-net\n"
      "alias acpi*:PNP0A08:* pci_root\n",
      "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n"
      "kernel/net/core/failover.ko:\n");
  CHECK(index.matching("pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00\n") ==
        std::vector<std::string>{"virtio_pci"});
  CHECK(index.matching("virtio:d00000001v00001AF4") == std::vector<std::string>{"virtio_net"});
  CHECK(index.matching("acpi:PNP0A08:PNP0A03:") == std::vector<std::string>{"pci_root"});
  CHECK(index.matching("usb:v1").empty());
  CHECK(index.paths_for("virtio-net") == std::vector<std::string>{"kernel/net/core/failover.ko",
                                                                  "kernel/drivers/net/net_failover.ko",
                                                                  "kernel/drivers/net/virtio_net.ko"});
  CHECK(index.paths_for("ext4").empty());
}

TEST_CASE("disks: the path names as udev makes them") {
  CHECK(by_path_of("../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda") ==
        "pci-0000:00:1f.2-ata-1");
  CHECK(by_path_of("../devices/pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1") == "pci-0000:01:00.0-nvme-1");
  CHECK(by_path_of("../devices/pci0000:00/0000:00:05.0/virtio1/host2/target2:0:0/2:0:0:1/block/sdb") ==
        "pci-0000:00:05.0-scsi-2:0:0:1");
  CHECK(by_path_of("../devices/virtual/block/loop0").empty());
}

TEST_CASE("erase: what a drive says that it can do") {
  std::string identify(4096, '\0');
  identify[328] = 3;
  identify[256] = 2;
  identify[524] = 4;
  const auto nvme = nvme_abilities(identify);
  CHECK(nvme.sanitize_crypto);
  CHECK(nvme.sanitize_block);
  CHECK(nvme.format);
  CHECK(nvme.format_crypto);
  CHECK_FALSE(nvme_abilities("").format);

  std::string ata(512, '\0');
  ata[164] = 2;         // word 82: security feature set
  ata[256] = 0b101000;  // word 128: frozen, enhanced erase
  ata[178] = 30;        // word 89
  const auto security = ata_security(ata);
  CHECK(security.supported);
  CHECK(security.frozen);
  CHECK(security.enhanced);
  CHECK_FALSE(security.locked);
  CHECK(security.erase_time == base::minutes(60));
  CHECK(security.enhanced_erase_time == base::hours(12));  // not told
}

TEST_CASE("LLDP: values of a frame, and nothing of a broken one") {
  std::string frame(14, '\0');
  frame += std::string(
      "\x02\x04\x07"
      "abc",
      6);  // chassis id, 4 bytes
  frame += std::string(
      "\x04\x03\x05"
      "p1",
      5);  // port id, 3 bytes
  CHECK(lldp_values(frame + std::string(2, '\0') + "rest").dump() == R"([[1,"07616263"],[2,"057031"]])");
  CHECK(lldp_values(frame.substr(0, 18)).dump() == "[]");
  CHECK(lldp_values("").dump() == "[]");
}

TEST_CASE("static network: the first network with an address on a NIC that is there") {
  const std::vector<LinuxNic> nics = {{.name = "eth0", .mac = "52:54:00:aa:00:01"}};
  const auto parse = [](const char* text) { return base::parse_json(text).value(); };
  const auto found = static_network(parse(R"({
    "links":[{"id":"l0","type":"phy","ethernet_mac_address":"52:54:00:AA:00:01"}],
    "networks":[{"id":"n0","type":"ipv4_dhcp","link":"l0"},
                {"id":"n1","type":"ipv4","link":"l0","ip_address":"10.0.0.5","netmask":"255.255.255.0",
                 "routes":[{"network":"0.0.0.0","netmask":"0.0.0.0","gateway":"10.0.0.1"}]}],
    "services":[{"type":"dns","address":"10.0.0.2"}]})"),
                                    nics);
  REQUIRE(found.ok());
  CHECK(found->interface == "eth0");
  CHECK(found->address == "10.0.0.5");
  CHECK(found->prefix_length == 24);
  CHECK(found->gateway == "10.0.0.1");
  CHECK(found->dns == std::vector<std::string>{"10.0.0.2"});

  const auto none =
      static_network(parse(R"({"links":[{"id":"l0","type":"phy","ethernet_mac_address":"02:00:00:00:00:01"}],
    "networks":[{"id":"n1","type":"ipv4","link":"l0","ip_address":"10.0.0.5","netmask":"255.255.255.0"}]})"),
                     nics);
  CHECK(none.error().message.find("no NIC has MAC address 02:00:00:00:00:01") != std::string::npos);
  CHECK_FALSE(static_network(parse("{}"), nics).ok());
}

}  // namespace agent
