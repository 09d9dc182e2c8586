// The ramdisk's way to a network, on a machine with one NIC.
#include "agent/linux/ramdisk.h"

#include <doctest/doctest.h>

#include "agent/linux/test_machine.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace agent {
namespace {

class OneNic : public TestMachine {
 public:
  Result<void> mount(const std::string& source, const std::string&, const std::string&, bool,
                     const std::string&) override {
    mounted.push_back(source);
    return {};
  }
  Result<void> set_link(const std::string& interface, bool up) override {
    done.push_back(interface + (up ? " up" : " down"));
    return {};
  }
  Result<void> add_address(const std::string& interface, const std::string& address, int prefix) override {
    done.push_back(interface + " " + address + "/" + std::to_string(prefix));
    return {};
  }
  Result<void> add_default_route(const std::string& interface, const std::string& gateway) override {
    done.push_back(interface + " by " + gateway);
    return {};
  }
  Result<std::string> link_target(const std::string& path) override {
    if (path == "/sys/class/net/eth0/device") return std::string("../../../0000:00:03.0");
    return none();
  }
  std::vector<std::string> mounted, done;
};

struct Room {
  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.10", "ramdisk");
  OneNic machine;

  explicit Room(const std::string& command_line) {
    put("/proc/cmdline", command_line);
    put("/sys/class/net/eth0/address", "52:54:00:00:00:01\n");
    put("/sys/class/net/eth0/carrier", "1\n");
  }
  ~Room() { sys.loop.shut(); }
  void put(const std::string& path, const std::string& text) {
    REQUIRE(sys.disk.make_directories(path.substr(0, path.rfind('/'))).ok());
    REQUIRE(sys.disk.write(path, text).ok());
  }
  base::Result<Booted> boot() {
    std::optional<base::Result<Booted>> out;
    sys::spawn(sys.loop, "boot", [&] { out.emplace(boot_ramdisk(sys, machine)); });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return std::move(*out);
  }
};

}  // namespace

TEST_CASE("ramdisk: static settings that came in the initramfs need neither a medium nor DHCP") {
  Room room("boot_method=pxe ipa-api-url=https://10.0.0.1:6385 BOOTIF=01-52-54-00-00-00-01\n");
  room.put(carried_network_data, R"({
    "links":[{"id":"l0","type":"phy","ethernet_mac_address":"52:54:00:00:00:01"}],
    "networks":[{"id":"n0","type":"ipv4","link":"l0","ip_address":"10.0.0.10","netmask":"255.255.255.0",
                 "gateway":"10.0.0.1"}]})");
  const auto booted = room.boot();
  REQUIRE(booted.ok());
  CHECK(booted->network.address == "10.0.0.10");
  CHECK(room.machine.done == std::vector<std::string>{"lo up", "eth0 up", "eth0 10.0.0.10/24", "eth0 by 10.0.0.1"});
  CHECK(booted->parameters.at("ipa-api-url") == "https://10.0.0.1:6385");

  Room wrong("boot_method=pxe");
  wrong.put(carried_network_data, "{");
  CHECK(wrong.boot().error().text().find("network_data.json") != std::string::npos);
}

}  // namespace agent
