#include "sys/sim/sim_disk.h"

#include <doctest/doctest.h>

#include "sys/sim/sim_driver.h"

using base::Code;

TEST_CASE("sim disk: files, directories and errors as on a real one") {
  sys::SimDisk made(std::make_shared<sys::SimPlatter>());
  sys::Disk& disk = made;
  CHECK(disk.read("/d/a").error().code == Code::not_found);
  CHECK(disk.write("/d/a", "x").error().code == Code::not_found);
  CHECK(disk.make_directories("/d/e"));
  CHECK(disk.write("/d/a", "one"));
  CHECK(disk.append("/d/a", " two"));
  CHECK(*disk.read("/d//./a") == "one two");
  CHECK(*disk.read("d/e/../a") == "one two");
  CHECK(disk.read("/d/a", 3).error().code == Code::too_large);
  CHECK(disk.write("/d/e", "x").error().code == Code::invalid);
  CHECK(disk.make_directories("/d/a/b").error().code == Code::invalid);
  CHECK(disk.write("/d/e/deep", "x"));
  CHECK(*disk.list("/d") == std::vector<std::string>{"a", "e"});
  CHECK(disk.list("/nowhere").error().code == Code::not_found);
  CHECK(disk.remove("/d"));
  CHECK(disk.remove("/d"));
  CHECK(!disk.exists("/d/e/deep"));
  CHECK(!disk.exists("/d"));
}

TEST_CASE("sim disk: a sparse file holds what was written, zeros elsewhere") {
  sys::SimDisk made(std::make_shared<sys::SimPlatter>());
  sys::Disk& disk = made;
  CHECK(disk.open("/image", false).error().code == Code::not_found);
  auto file = *disk.open("/image", true);
  CHECK(file->resize(uint64_t{20} << 30));
  CHECK(file->write_at(4090, "0123456789"));
  CHECK(*file->read_at(4088, 14) == std::string("\0\0"
                                                "0123456789"
                                                "\0\0",
                                                14));
  CHECK(*file->read_at((uint64_t{20} << 30) - 2, 10) == std::string(2, '\0'));
  CHECK(file->read_at(uint64_t{20} << 30, 10)->empty());
  CHECK(file->zero(4092, 2));
  CHECK(*file->read_at(4090, 10) == std::string("01\0\0"
                                                "456789",
                                                10));
  CHECK(file->zero(0, uint64_t{20} << 30));
  CHECK(*file->read_at(4090, 10) == std::string(10, '\0'));
  CHECK(file->write_at(0, "abcdef"));
  CHECK(file->resize(3));
  CHECK(file->resize(6));
  CHECK(*file->read_at(0, 9) == std::string("abc\0\0\0", 6));
  CHECK(file->size() == 6);
}

TEST_CASE("sim disk: a crash keeps what was durable and loses, keeps or tears the rest") {
  int kept = 0, lost = 0, torn = 0, vanished = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    sys::SeededRandom random(seed);
    auto platter = std::make_shared<sys::SimPlatter>();
    sys::SimDisk made(platter);
    sys::Disk& disk = made;
    CHECK(disk.write("/whole", "durable"));
    CHECK(disk.write("/log", "first,"));
    CHECK(disk.append("/log", "second"));
    auto file = *disk.open("/pages", true);
    CHECK(file->write_at(0, std::string(2 * 4096, 'a')));
    CHECK(file->sync());
    CHECK(file->write_at(0, std::string(2 * 4096, 'b')));
    auto fresh = *disk.open("/fresh", true);
    CHECK(fresh->write_at(0, "x"));
    platter->crash(random);

    CHECK(*disk.read("/whole") == "durable");
    CHECK(disk.read("/log")->starts_with("first,"));
    const std::string pages = *disk.read("/pages");
    REQUIRE(pages.size() == 2 * 4096);
    kept += pages == std::string(2 * 4096, 'b') ? 1 : 0;
    lost += pages == std::string(2 * 4096, 'a') ? 1 : 0;
    torn += pages[0] != pages[4096] ? 1 : 0;
    vanished += disk.exists("/fresh") ? 0 : 1;
    CHECK(file->write_at(0, "late"));  // a handle from before the crash writes into nothing
    CHECK(*disk.read("/pages") == pages);
  }
  CHECK(kept > 0);
  CHECK(lost > 0);
  CHECK(torn > 0);
  CHECK(kept + lost + torn == 200);
  CHECK((vanished > 0 && vanished < 200));
}
