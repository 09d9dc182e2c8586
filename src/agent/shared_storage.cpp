#include "agent/shared_storage.h"

#include <map>

#include "agent/partition_table.h"

namespace agent {

using base::Result;

namespace {

constexpr size_t sector = 512;
constexpr unsigned char vmfs_type = 0xfb;  // of an MBR partition
// The superblock of GFS2 lies 64 KiB into its device and begins with this (Linux: gfs2_ondisk.h).
constexpr uint64_t gfs2_offset = 64u << 10;
constexpr std::string_view gfs2_magic("\x01\x16\x19\x70", 4);

const std::map<std::string, std::string, std::less<>> partition_types = {
    {"aa31e02a-400f-11db-9590-000c2911d1b8", "VMFS"},
    {"37affc90-ef7d-4e96-91c3-2d7ae055b174", "GPFS"},
};

Result<bool> is_gfs2(sys::File& disk, uint64_t start) {
  if (start + gfs2_offset + sector > disk.size()) return false;
  const std::string block = TRY(disk.read_at(start + gfs2_offset, sector));
  return block.starts_with(gfs2_magic);
}

Result<std::string> in_mbr(sys::File& disk) {
  const std::string block = TRY(disk.read_at(0, sector));
  if (block.size() < sector || block.substr(510) != std::string_view("\x55\xaa", 2)) return std::string();
  for (size_t entry = 446; entry < 510; entry += 16) {
    if (static_cast<unsigned char>(block[entry + 4]) == vmfs_type) return std::string("VMFS in a partition");
  }
  return std::string();
}

Result<std::string> in_gpt(sys::File& disk) {
  const auto table = read_gpt(disk);
  if (!table && table.error().code == base::Code::corrupt) return std::string();  // nobody can use it
  if (!table) return table.error();
  if (!*table) return std::string();
  for (const auto& partition : (*table)->partitions) {
    const auto known = partition_types.find(partition.type);
    if (known != partition_types.end()) return known->second + " in partition " + partition.name;
    if (TRY(is_gfs2(disk, partition.offset))) return "GFS2 in partition " + partition.name;
  }
  return std::string();
}

}  // namespace

Result<std::string> shared_storage(sys::File& disk) {
  if (TRY(is_gfs2(disk, 0))) return std::string("GFS2 on the whole disk");
  std::string found = TRY(in_mbr(disk));
  if (found.empty()) found = TRY(in_gpt(disk));
  return found;
}

}  // namespace agent
