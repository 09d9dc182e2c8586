#include "agent/boot_entry.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <map>

#include "base/text.h"
#include "sys/sim/sim.h"
#include "wire/fat.h"
#include "wire/fat_read.h"
#include "wire/little_endian.h"

namespace agent {
namespace {

class Variables : public FirmwareVariables {
 public:
  Result<std::vector<std::string>> names() override {
    std::vector<std::string> out;
    for (const auto& [name, value] : all) out.push_back(name);
    return out;
  }
  Result<std::string> read(const std::string& name) override {
    const auto found = all.find(name);
    if (found == all.end()) return base::not_found(name);
    return found->second;
  }
  Result<void> write(const std::string& name, std::string_view value) override {
    if (full) return base::unavailable("no space left on device");
    ++writes;
    all[name] = value;
    return {};
  }
  Result<void> remove(const std::string& name) override {
    all.erase(name);
    return {};
  }
  std::map<std::string, std::string> all;
  int writes = 0;
  bool full = false;
};

std::string order(std::initializer_list<uint16_t> numbers) {
  std::string out;
  for (const uint16_t number : numbers) wire::append_le(out, number, 2);
  return out;
}

BootLoader some_loader() { return {1, std::string(16, '\x11'), 2048, 65536, "\\EFI\\BOOT\\BOOTX64.EFI"}; }

uint64_t crc(std::string_view bytes) {
  return crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

// A disk with one partition of that type that holds this file system.
std::unique_ptr<sys::File> disk_with(sys::Sys& sys, const char* type_hex, std::string_view fat) {
  auto disk = sys.disk.open("disk", true).value();
  REQUIRE(disk->resize(uint64_t{256} << 20).ok());
  std::string entries(128 * 128, '\0');
  entries.replace(0, 16, *base::unhex(type_hex));
  entries.replace(16, 16, std::string(16, '\x22'));
  wire::store_le(entries, 32, 2048, 8);
  wire::store_le(entries, 40, 2048 + fat.size() / 512 - 1, 8);
  std::string header = "EFI PART";
  header.resize(512);
  wire::store_le(header, 12, 92, 4);
  wire::store_le(header, 72, 2, 8);
  wire::store_le(header, 80, 128, 4);
  wire::store_le(header, 84, 128, 4);
  wire::store_le(header, 88, crc(entries), 4);
  wire::store_le(header, 16, crc(header.substr(0, 92)), 4);
  REQUIRE(disk->write_at(512, header).ok());
  REQUIRE(disk->write_at(1024, entries).ok());
  REQUIRE(disk->write_at(uint64_t{2048} * 512, fat).ok());
  return disk;
}

constexpr const char* esp = "28732ac11ff8d211ba4b00a0c93ec93b";  // as on disk
constexpr const char* linux_data = "af3dc60f838472478e793d69d8477de4";

}  // namespace

TEST_CASE("boot loader: found by its fallback path on the EFI system partition, and only there") {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("10.0.0.1", "agent");
  const std::string fat =
      wire::build_fat("ESP", {{"EFI/BOOT/GRUBX64.EFI", "g"}, {"EFI/BOOT/BOOTX64.EFI", "loader"}}).value();
  const auto found = find_boot_loader(*disk_with(sys, esp, fat));
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->path == "\\EFI\\BOOT\\BOOTX64.EFI");
  CHECK((*found)->partition == 1);
  CHECK((*found)->first_sector == 2048);
  CHECK((*found)->sectors == fat.size() / 512);
  CHECK((*found)->partition_id == std::string(16, '\x22'));
  CHECK_FALSE(find_boot_loader(*disk_with(sys, linux_data, fat))->has_value());
  const std::string other = wire::build_fat("ESP", {{"EFI/OTHER/BOOTX64.EFI", "loader"}}).value();
  CHECK_FALSE(find_boot_loader(*disk_with(sys, esp, other))->has_value());
  CHECK(find_boot_loader(*disk_with(sys, esp, std::string(1 << 20, 'x'))).error().code == base::Code::corrupt);
  world.loop().shut();
}

TEST_CASE("boot entry: made, first in the order, others untouched; stale ones of ours go") {
  Variables variables;
  const std::string pxe = load_option("UEFI PXEv4 (MAC:525400000001)", some_loader());
  BootLoader stale = some_loader();
  stale.partition_id = std::string(16, '\x33');
  variables.all = {{"Boot0000", pxe},
                   {"Boot0001", load_option("Ingot", stale)},
                   {"Boot0003", "broken"},
                   {"BootOrder", order({1, 0, 3})},
                   {"BootCurrent", order({0})}};
  const auto made = make_boot_entry(variables, some_loader());
  REQUIRE_MESSAGE(made.ok(), made.error().text());
  CHECK((*made)["entry"].string() == "Boot0002");
  CHECK((*made)["removed"].items().size() == 1);
  CHECK(variables.all["Boot0002"] == load_option("Ingot", some_loader()));
  CHECK(variables.all["BootOrder"] == order({2, 0, 3}));
  CHECK(variables.all["Boot0000"] == pxe);
  CHECK(variables.all["Boot0003"] == "broken");
  CHECK(variables.all.count("Boot0001") == 0);

  const int writes = variables.writes;
  const auto again = make_boot_entry(variables, some_loader());
  CHECK((*again)["entry"].string() == "Boot0002");
  CHECK(variables.writes == writes);

  REQUIRE(remove_boot_entries(variables).ok());
  CHECK(variables.all["BootOrder"] == order({0, 3}));
  CHECK(variables.all.count("Boot0002") == 0);
  CHECK(variables.all["Boot0000"] == pxe);
}

TEST_CASE("boot entry: firmware without any entry gets one; a full one is an error and nothing else changes") {
  Variables empty;
  REQUIRE(make_boot_entry(empty, some_loader()).ok());
  CHECK(empty.all["BootOrder"] == order({0}));
  Variables full;
  full.all = {{"Boot0000", load_option("Ingot", BootLoader{})}, {"BootOrder", order({0})}};
  const auto before = full.all;
  full.full = true;
  CHECK_FALSE(make_boot_entry(full, some_loader()).ok());
  CHECK(full.all == before);
}

TEST_CASE("boot entry: the bytes are those that the UEFI specification asks for") {
  const std::string option = load_option("Ab", some_loader());
  CHECK(base::hex(option.substr(0, 12)) ==
        "01000000"
        "5e00"
        "410062000000");
  CHECK(base::hex(option.substr(12, 8)) == "04012a0001000000");
  CHECK(base::hex(option.substr(option.size() - 4)) == "7fff0400");
  CHECK(option.size() == 12 + 0x5e);
  CHECK(load_option_description(option) == "Ab");
  CHECK(load_option_description("short").empty());
}

}  // namespace agent
