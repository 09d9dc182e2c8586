#include "ramdisk/firmware.h"

#include <doctest/doctest.h>

#include "sys/sim/sim.h"

namespace ramdisk {

TEST_CASE("firmware: a module's names, and none that leads out of the folder") {
  const std::string module("ELF\0license=GPL\0firmware=qed/a.bin\0firmware=../../etc/x\0firmware=/b\0firmware=c.fw\0x",
                           82);
  CHECK(firmware_of(module) == std::set<std::string>{"c.fw", "qed/a.bin"});
  CHECK(firmware_of("firmware=not-a-description").empty());
  CHECK(firmware_of(std::string("\0firmware=", 10)).empty());
}

TEST_CASE("firmware: what is there and fits, the smallest first, in the form that is there") {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("10.0.0.1", "builder");
  std::string noise(20'000, '\0');
  for (char& c : noise) c = static_cast<char>(sys.random.next());
  for (const auto& [name, bytes] : std::map<std::string, std::string>{
           {"large.bin", noise}, {"small.bin", "s"}, {"packed.bin.zst", noise.substr(0, 5000)}}) {
    REQUIRE(sys.disk.make_directories("fw").ok());
    REQUIRE(sys.disk.write("fw/" + name, bytes).ok());
  }
  const std::set<std::string> names = {"absent.bin", "large.bin", "packed.bin", "small.bin"};
  const auto some = choose_firmware(sys.disk, "fw", names, 10'000);
  REQUIRE(some.ok());
  CHECK(some->files.size() == 2);
  CHECK(some->files.at("small.bin") == "s");
  CHECK(some->files.count("packed.bin.zst") == 1);
  CHECK(some->no_room == std::vector<std::string>{"large.bin"});
  const auto all = choose_firmware(sys.disk, "fw", names, 100'000);
  CHECK(all->files.size() == 3);
  CHECK(all->no_room.empty());
  CHECK(choose_firmware(sys.disk, "nowhere", names, 100'000)->files.empty());
  world.loop().shut();
}

}  // namespace ramdisk
