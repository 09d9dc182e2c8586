// The ramdisk's DHCPv6 client against the manager's server, over an Ethernet that this test is.
#include <doctest/doctest.h>

#include "agent/linux/network6.h"
#include "agent/linux/test_machine.h"
#include "metal/boot/dhcp6_service.h"
#include "metal/boot/test_ether.h"
#include "sys/sim/sim.h"

namespace {

constexpr const char* nic_address = "fe80::5054:ff:fe00:1";

class Computer : public agent::TestMachine {
 public:
  explicit Computer(std::shared_ptr<metal::Ether> ether) : ether_(std::move(ether)) {}
  Result<std::unique_ptr<sys::Datagram>> open_multicast(const std::string& interface, const std::string& group,
                                                        uint16_t port) override {
    CHECK(interface == "eth0");
    CHECK(group.empty());
    CHECK(port == 546);
    ether_->closed = false;
    return std::unique_ptr<sys::Datagram>(std::make_unique<metal::EtherSocket>(ether_));
  }

 private:
  std::shared_ptr<metal::Ether> ether_;
};

struct Link {
  sys::SimWorld world{5};
  sys::Sys& sys = world.process("fd00:1::1", "manager");
  sys::Sys& ramdisk = world.process("ramdisk", "ramdisk");
  metal::ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  metal::BootPlace place{"https://[fd00:1::1]:6385", "http://[fd00:1::1]:6180", "", "digest"};
  std::shared_ptr<metal::Ether> server = std::make_shared<metal::Ether>(world.loop());
  std::shared_ptr<metal::Ether> client = std::make_shared<metal::Ether>(world.loop());
  std::unique_ptr<metal::Dhcp6Service> service;
  Computer computer{client};
  agent::LinuxNic nic{.name = "eth0", .mac = "52:54:00:00:00:01"};
  int packets_lost = 0;

  Link() {
    auto options = metal::parse_dhcp6_range("fd00:1::100-fd00:1::103/64").value();
    options.interface = "eth1";
    options.open_multicast = [this](const std::string&, const std::string&, uint16_t) {
      return base::Result<std::unique_ptr<sys::Datagram>>(std::make_unique<metal::EtherSocket>(server));
    };
    service = std::make_unique<metal::Dhcp6Service>(sys, boots, place, options);
    REQUIRE(service->start().ok());
    REQUIRE(ramdisk.disk.make_directories("/proc/net").ok());
    kernel_says("fe80000000000000505400fffe000001 02 40 20 80     eth0\n");
    carry();
  }
  ~Link() {
    service->stop();
    ramdisk.loop.shut();
    sys.loop.shut();
  }
  void kernel_says(const std::string& lines) { REQUIRE(ramdisk.disk.write("/proc/net/if_inet6", lines).ok()); }
  // What one end has sent comes to the other, every few milliseconds.
  void carry() {
    for (auto& [to, bytes] : std::exchange(client->sent, {})) {
      if (packets_lost-- > 0) continue;
      CHECK(to == sys::Address{"ff02::1:2", 547});
      server->put({{nic_address, 546}, bytes});
    }
    for (auto& [to, bytes] : std::exchange(server->sent, {})) {
      CHECK(to == sys::Address{nic_address, 546});
      client->put({{"fe80::1", 547}, bytes});
    }
    world.loop().after(base::milliseconds(5), [this] { carry(); });
  }
  base::Result<agent::NetworkSettings> settings(base::Duration limit = base::seconds(30)) {
    std::optional<base::Result<agent::NetworkSettings>> out;
    sys::spawn(ramdisk.loop, "network", [&] { out.emplace(agent::ipv6_settings(ramdisk, computer, nic, limit)); });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return std::move(*out);
  }
};

}  // namespace

TEST_CASE("IPv6 in the ramdisk: a lease from the manager, also when packets are lost, and renewed in time") {
  Link link;
  auto& boot = link.boots.expect("uid-1", "boot", "host", link.nic.mac, metal::BmcBootMethod::ipxe);
  link.packets_lost = 2;
  const auto leased = link.settings();
  REQUIRE(leased.ok());
  CHECK(leased->interface == "eth0");
  CHECK(leased->address == boot.address);
  CHECK(leased->prefix_length == 64);
  CHECK(leased->lease == base::hours(1));
  const auto before = boot.dhcp_packets;
  sys::spawn(link.ramdisk.loop, "lease", [&] { agent::keep_lease6(link.ramdisk, link.computer, link.nic, *leased); });
  const base::Time until = link.world.loop().now() + base::hours(3);
  link.world.loop().run_until([&] { return link.world.loop().now() > until; });
  CHECK(boot.dhcp_packets >= before + 5);
  CHECK(boot.address == leased->address);
}

TEST_CASE("IPv6 in the ramdisk: what a router has advertised is taken, and without either there is a clear error") {
  Link link;
  const auto none = link.settings();
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().message.find("DHCPv6") != std::string::npos);
  CHECK(link.boots.refused.dhcp6_unexpected > 0);
  // A temporary look of the kernel: tentative and duplicate addresses are not used, nor are those of other NICs.
  link.kernel_says(
      "fe80000000000000505400fffe000001 02 40 20 80     eth0\n"
      "fd000001000000000000000000000077 03 40 00 80     eth1\n"
      "fd000001000000000000000000000078 02 40 00 48     eth0\n"
      "fd000001000000000000000000000079 02 40 00 40     eth0\n");
  CHECK(agent::kernel_addresses(link.ramdisk.disk, "eth0").size() == 2);
  CHECK_FALSE(link.settings().ok());
  link.kernel_says(
      "fe80000000000000505400fffe000001 02 40 20 80     eth0\n"
      "fd00000100000000505400fffe000001 02 40 00 00     eth0\n");
  const auto made = link.settings();
  REQUIRE(made.ok());
  CHECK(made->address == "fd00:1::5054:ff:fe00:1");
  CHECK(made->lease == base::Duration::zero());
}
