// Formats that firmware and the kernel read at boot: cpio, FAT, the boot record of an ISO image.
#include <doctest/doctest.h>

#include "wire/cpio.h"
#include "wire/fat.h"
#include "wire/iso9660.h"
#include "wire/little_endian.h"

namespace wire {

TEST_CASE("cpio: every entry has its parents before it and starts at a multiple of four") {
  CpioWriter cpio;
  cpio.add_file("lib/modules/a.ko", "module");
  cpio.add_file("lib/b", "x");
  cpio.add_link("bin", "usr/bin");
  const std::string archive = cpio.finish();
  std::vector<std::string> names;
  for (size_t at = 0; at < archive.size();) {
    REQUIRE(archive.substr(at, 6) == "070701");
    const size_t size = std::stoul(archive.substr(at + 54, 8), nullptr, 16);
    const size_t name_size = std::stoul(archive.substr(at + 94, 8), nullptr, 16);
    names.push_back(archive.substr(at + 110, name_size - 1));
    at = (at + 110 + name_size + 3) / 4 * 4;
    at = (at + size + 3) / 4 * 4;
  }
  CHECK(names == std::vector<std::string>{"lib", "lib/modules", "lib/modules/a.ko", "lib/b", "bin", "TRAILER!!!"});
}

TEST_CASE("FAT: a file is found by its folders and clusters") {
  const std::string large(3000, 'L');
  const auto image = build_fat("INGOT", {{"EFI/BOOT/BOOTX64.EFI", large}, {"EFI/BOOT/GRUBX64.EFI", "grub"}});
  REQUIRE(image.ok());
  const size_t cluster = load_le(*image, 13, 1) * 512, table = 512, tables = load_le(*image, 22, 2) * 512;
  const size_t root = table + 2 * tables, data = root + load_le(*image, 17, 2) * 32;
  CHECK(image->substr(510, 2) == "\x55\xaa");
  CHECK((image->size() - data) / cluster >= 4085);  // else it would be FAT12
  const auto entry = [&](size_t folder, const std::string& name) -> size_t {
    for (size_t at = folder; (*image)[at] != '\0'; at += 32) {
      if (image->substr(at, 11) == name) return at;
    }
    FAIL("not there: ", name);
    return 0;
  };
  const auto place = [&](size_t at) { return data + (load_le(*image, at + 26, 2) - 2) * cluster; };
  const size_t efi = place(entry(root, "EFI        "));
  const size_t boot = place(entry(efi, "BOOT       "));
  const size_t file = entry(boot, "BOOTX64 EFI");
  CHECK(load_le(*image, file + 28, 4) == 3000);
  std::string found;
  size_t at = load_le(*image, file + 26, 2);
  for (; at < 0xfff8; at = load_le(*image, table + at * 2, 2))
    found += image->substr(data + (at - 2) * cluster, cluster);
  CHECK(found.substr(0, 3000) == large);
  CHECK(image->substr(table, tables) == image->substr(table + tables, tables));
  CHECK(image->substr(place(entry(boot, "GRUBX64 EFI")), 4) == "grub");

  CHECK_FALSE(build_fat("X", {{"lower.efi", "x"}}).ok());
  CHECK_FALSE(build_fat("X", {{"A", "x"}, {"A", "y"}}).ok());
  CHECK_FALSE(build_fat("X", {{"TOOLONGNAME.EFI", "x"}}).ok());
}

TEST_CASE("ISO: a boot record leads UEFI firmware to the boot image; large files stay where they are") {
  const std::string esp(4096, 'E');
  const auto plan =
      plan_iso("BOOT", {{"esp.img", esp}, {.path = "vmlinuz", .bytes = {}, .source = "/k", .source_bytes = 5000}},
               {.uefi = "esp.img"});
  REQUIRE(plan.ok());
  std::string image(plan->size, '\0');
  uint64_t end = 0;
  for (const auto& piece : plan->pieces) {
    CHECK(piece.offset >= end);
    end = piece.offset + piece.size;
    image.replace(piece.offset, piece.size, piece.source.empty() ? piece.bytes : std::string(piece.size, 'K'));
  }
  CHECK(end <= plan->size);
  const size_t record = 17 * 2048;
  CHECK(image.substr(record, 30) == std::string(1, '\0') +
                                        "CD001\x01"
                                        "EL TORITO SPECIFICATION");
  const size_t catalog = load_le(image, record + 71, 4) * 2048;
  CHECK(load_le(image, catalog, 2) == 0xef01);
  uint16_t sum = 0;
  for (size_t i = 0; i < 32; i += 2) sum = static_cast<uint16_t>(sum + load_le(image, catalog + i, 2));
  CHECK(sum == 0);
  CHECK(load_le(image, catalog + 32, 1) == 0x88);
  CHECK(load_le(image, catalog + 38, 2) == 8);
  CHECK(image.substr(load_le(image, catalog + 40, 4) * 2048, 4096) == esp);
  const auto read = read_iso(image);
  REQUIRE(read.ok());
  CHECK(read->find("vmlinuz")->bytes == std::string(5000, 'K'));
  CHECK_FALSE(plan_iso("BOOT", {{"a", "b"}}, {.uefi = "esp.img"}).ok());
}

TEST_CASE("ISO: BIOS firmware finds ISOLINUX, which is told where it lies, and UEFI firmware its own entry behind it") {
  std::string loader(3001, 'L');
  const auto plan = plan_iso("BOOT", {{"esp.img", std::string(4096, 'E')}, {"isolinux/isolinux.bin", loader}},
                             {.uefi = "esp.img", .bios = "isolinux/isolinux.bin"});
  REQUIRE(plan.ok());
  std::string image(plan->size, '\0');
  for (const auto& piece : plan->pieces) image.replace(piece.offset, piece.size, piece.bytes);
  const size_t catalog = load_le(image, 17 * 2048 + 71, 4) * 2048;
  CHECK(load_le(image, catalog, 2) == 0x0001);  // x86
  uint16_t sum = 0;
  for (size_t i = 0; i < 32; i += 2) sum = static_cast<uint16_t>(sum + load_le(image, catalog + i, 2));
  CHECK(sum == 0);
  CHECK(load_le(image, catalog + 32, 1) == 0x88);
  CHECK(load_le(image, catalog + 38, 2) == 4);
  const size_t bios = load_le(image, catalog + 40, 4);
  CHECK(load_le(image, catalog + 64, 2) == 0xef91);
  CHECK(load_le(image, catalog + 66, 2) == 1);
  CHECK(load_le(image, catalog + 96, 1) == 0x88);
  CHECK(image.substr(load_le(image, catalog + 104, 4) * 2048, 4096) == std::string(4096, 'E'));

  const size_t at = bios * 2048;
  CHECK(load_le(image, at + 8, 4) == 16);
  CHECK(load_le(image, at + 12, 4) == bios);
  CHECK(load_le(image, at + 16, 4) == loader.size());
  uint32_t words = 0;
  for (size_t i = 64; i < loader.size(); i += 4) words += static_cast<uint32_t>(load_le(image, at + i, 4));
  CHECK(load_le(image, at + 20, 4) == words);
  CHECK(image.substr(at, 8) == loader.substr(0, 8));
  CHECK(image.substr(at + 64, loader.size() - 64) == loader.substr(64));
  CHECK_FALSE(plan_iso("BOOT", {{"a", "b"}}, {.bios = "a"}).ok());
}

}  // namespace wire
