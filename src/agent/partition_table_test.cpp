// The table of an image on a larger disk: the backup moves, the config drive gets a partition, damage is noticed.
#include "agent/partition_table.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "agent/disk_layout.h"
#include "agent/shared_storage.h"
#include "base/text.h"
#include "sys/sim/sim.h"
#include "wire/little_endian.h"

namespace agent {
namespace {

using wire::load_le;
using wire::store_le;

constexpr uint64_t disk_bytes = 512u << 20;
constexpr size_t sector = 512;

uint32_t sum(const std::string& bytes) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), uInt(bytes.size())));
}

struct Disk {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("10.0.0.1", "agent");
  std::unique_ptr<sys::File> file = sys.disk.open("disk", true).value();
  std::string types;  // of the partitions, as on disk; empty: some
  Disk() { REQUIRE(file->resize(disk_bytes).ok()); }
  ~Disk() { sys.loop.shut(); }

  // A table as for an image of `image_bytes`, with these partitions (first and last sector, name).
  void make(uint64_t image_bytes, const std::vector<std::tuple<uint64_t, uint64_t, std::string>>& partitions) {
    std::string entries(128 * 128, '\0');
    for (size_t i = 0; i < partitions.size(); ++i) {
      const auto& [first, last, name] = partitions[i];
      entries.replace(i * 128, 32, std::string(32, '\x11'));
      entries.replace(i * 128, types.size(), types);
      store_le(entries, i * 128 + 32, first, 8);
      store_le(entries, i * 128 + 40, last, 8);
      for (size_t k = 0; k < name.size(); ++k) entries[i * 128 + 56 + 2 * k] = name[k];
    }
    std::string header = "EFI PART";
    header.resize(sector, '\0');
    store_le(header, 8, 0x10000, 4);
    store_le(header, 12, 92, 4);
    store_le(header, 24, 1, 8);
    store_le(header, 32, image_bytes / sector - 1, 8);
    store_le(header, 40, 34, 8);
    store_le(header, 48, image_bytes / sector - 34, 8);
    store_le(header, 72, 2, 8);
    store_le(header, 80, 128, 4);
    store_le(header, 84, 128, 4);
    store_le(header, 88, sum(entries), 4);
    store_le(header, 16, sum(header.substr(0, 92)), 4);
    std::string mbr(sector, '\0');
    mbr[450] = '\xee';
    store_le(mbr, 458, image_bytes / sector - 1, 4);
    REQUIRE(file->write_at(0, mbr + header + entries).ok());
  }
  std::string read(uint64_t at, size_t bytes) { return file->read_at(at, bytes).value(); }
};

}  // namespace

TEST_CASE("partition table: the config drive gets the end of the disk, and both copies of the table say so") {
  Disk disk;
  disk.make(100u << 20, {{2048, 4095, "esp"}, {4096, 150'000, "root"}});
  const auto place = add_config_partition(*disk.file, disk.sys.random);
  REQUIRE(place.ok());
  REQUIRE(place->has_value());
  CHECK((*place)->offset == config_drive_offset(disk_bytes));
  CHECK((*place)->offset + (*place)->bytes <= disk_bytes - 33 * sector);

  const auto table = read_gpt(*disk.file);
  REQUIRE(table.ok());
  REQUIRE((*table)->partitions.size() == 3);
  CHECK((*table)->partitions[0].name == "esp");
  CHECK((*table)->partitions[2].name == "config-2");
  CHECK((*table)->partitions[2].offset == (*place)->offset);

  const std::string primary = disk.read(sector, sector), backup = disk.read(disk_bytes - sector, sector);
  CHECK(load_le(primary, 32, 8) == disk_bytes / sector - 1);
  CHECK(backup.starts_with("EFI PART"));
  CHECK(load_le(backup, 24, 8) == disk_bytes / sector - 1);
  CHECK(load_le(backup, 32, 8) == 1);
  CHECK(disk.read(2 * sector, 128 * 128) == disk.read(load_le(backup, 72, 8) * sector, 128 * 128));
  CHECK(load_le(disk.read(0, sector), 458, 4) == disk_bytes / sector - 1);

  // Again: the partition is found and nothing is added.
  const auto again = add_config_partition(*disk.file, disk.sys.random);
  CHECK((*again)->offset == (*place)->offset);
  CHECK((*read_gpt(*disk.file))->partitions.size() == 3);
}

TEST_CASE("partition table: a config-2 partition of the image is used, whatever its case") {
  Disk disk;
  disk.make(100u << 20, {{2048, 4095, "CONFIG-2"}});
  const auto place = add_config_partition(*disk.file, disk.sys.random);
  CHECK((*place)->offset == 2048 * sector);
  CHECK((*place)->bytes == 2048 * sector);
}

TEST_CASE("partition table: no table changes nothing; an image that is in the way, and damage, are told") {
  Disk disk;
  CHECK_FALSE(add_config_partition(*disk.file, disk.sys.random)->has_value());
  CHECK(disk.read(disk_bytes - sector, sector) == std::string(sector, '\0'));

  disk.make(disk_bytes, {{2048, disk_bytes / sector - 40, "root"}});
  CHECK(add_config_partition(*disk.file, disk.sys.random).error().code == base::Code::too_large);

  disk.make(100u << 20, {{2048, 4095, "root"}});
  std::string entry = disk.read(2 * sector, 1);
  entry[0] = static_cast<char>(entry[0] ^ 1);
  REQUIRE(disk.file->write_at(2 * sector, entry).ok());
  CHECK(add_config_partition(*disk.file, disk.sys.random).error().code == base::Code::corrupt);

  disk.make(100u << 20, {{2048, 4095, "root"}});
  REQUIRE(disk.file->write_at(sector + 80, "\x7f").ok());
  CHECK(read_gpt(*disk.file).error().code == base::Code::corrupt);
}

TEST_CASE("shared storage: file systems of several servers are known on the disk, in its MBR and in its table") {
  Disk disk;
  CHECK(shared_storage(*disk.file).value().empty());
  disk.make(100u << 20, {{2048, 4095, "root"}});
  CHECK(shared_storage(*disk.file).value().empty());
  const std::string gfs2("\x01\x16\x19\x70", 4);
  REQUIRE(disk.file->write_at(2048 * sector + (64u << 10), gfs2).ok());
  CHECK(shared_storage(*disk.file).value() == "GFS2 in partition root");

  Disk whole;
  REQUIRE(whole.file->write_at(64u << 10, gfs2).ok());
  CHECK(shared_storage(*whole.file).value() == "GFS2 on the whole disk");

  Disk mbr;
  std::string block(sector, '\0');
  block[446 + 16 + 4] = '\xfb';
  block.replace(510, 2, "\x55\xaa");
  REQUIRE(mbr.file->write_at(0, block).ok());
  CHECK(shared_storage(*mbr.file).value() == "VMFS in a partition");

  Disk gpt;
  gpt.types = base::unhex("2ae031aa0f40db119590000c2911d1b8").value_or("");
  gpt.make(100u << 20, {{2048, 4095, "datastore"}});
  CHECK(shared_storage(*gpt.file).value() == "VMFS in partition datastore");
}

}  // namespace agent
