#include "agent/linux/bmc_address.h"

#include <doctest/doctest.h>

#include <map>

#include "agent/linux/test_machine.h"

namespace agent {
namespace {

// A BMC whose channel 1 is a serial line and whose channel 8 is its LAN.
class Bmc : public TestMachine {
 public:
  Result<std::string> ipmi(const sys::IpmiCommand& command) override {
    ++asked;
    if (gone) return base::not_found("/dev/ipmi0: no such file");
    if (silent) return base::timeout("the BMC does not answer");
    const int channel = command.data.at(0);
    if (command.function == 0x06 && command.command == 0x42) {
      if (channel == 1) return std::string("\x01\x05\x01", 3);
      if (channel == 8) return std::string("\x08\x04\x01", 3);
      return none_here();
    }
    REQUIRE(command.function == 0x0c);
    REQUIRE(channel == 8);
    const auto found = parameters.find(command.data.at(1));
    if (found == parameters.end()) return none_here();
    return "\x11" + found->second;
  }
  static base::Error none_here() { return base::Error{base::Code::unsupported, "refused"}; }

  std::map<int, std::string> parameters = {{3, std::string("\xc0\xa8\x63\x15", 4)},
                                           {5, std::string("\x52\x54\x00\x0a\x0b\x0c", 6)}};
  int asked = 0;
  bool gone = false, silent = false;
};

}  // namespace

TEST_CASE("BMC address: of the first channel that is a network, with its MAC") {
  Bmc bmc;
  const BmcLan lan = read_bmc_lan(bmc);
  CHECK(lan.address == "192.168.99.21");
  CHECK(lan.mac == "52:54:00:0a:0b:0c");
  CHECK(lan.address6.empty());
}

TEST_CASE("BMC address: IPv6, static before dynamic; an address of zeros is none") {
  Bmc bmc;
  bmc.parameters[3] = std::string(4, '\0');
  const std::string six("\xfd\x00\x00\x12\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x15", 16);
  bmc.parameters[56] = std::string(2, '\0') + std::string(16, '\0') + std::string("\x40\x00", 2);
  bmc.parameters[59] = std::string(2, '\0') + six + std::string("\x40\x00", 2);
  const BmcLan lan = read_bmc_lan(bmc);
  CHECK(lan.address.empty());
  CHECK(lan.address6 == "fd00:12:0:0:0:0:0:15");
}

TEST_CASE("BMC address: a server without a BMC, or with a silent one, is asked once and has none") {
  Bmc none, silent;
  none.gone = silent.silent = true;
  CHECK(read_bmc_lan(none).address.empty());
  CHECK(read_bmc_lan(silent).address.empty());
  CHECK(none.asked == 1);
  CHECK(silent.asked == 1);
}

}  // namespace agent
