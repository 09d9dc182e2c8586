#include "agent/partition_table.h"

#include <zlib.h>

#include <algorithm>

#include "agent/disk_layout.h"
#include "base/text.h"
#include "wire/little_endian.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
using wire::load_le;
using wire::store_le;

namespace {

constexpr uint64_t sector = 512;
constexpr size_t header_bytes = 92;
constexpr uint32_t entries_max = 1024;
constexpr uint64_t table_sectors = 32;  // of 128 entries with 128 bytes
// Linux file system data, as its partition tools name a partition without another meaning.
constexpr const char* linux_data = "0fc63daf-8483-4772-8e79-3d69d8477de4";
constexpr std::string_view config_name = "config-2";

uint32_t checksum(std::string_view bytes) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

// The first three fields of a GUID are little-endian on disk.
std::string guid_text(std::string_view bytes) {
  const std::string hex =
      base::hex(std::string{bytes[3], bytes[2], bytes[1], bytes[0], bytes[5], bytes[4], bytes[7], bytes[6]}) +
      base::hex(bytes.substr(8, 8));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}
std::string guid_bytes(const std::string& text) {
  std::string out = base::unhex(base::replace_all(text, "-", "")).value_or(std::string(16, '\0'));
  for (const auto& [a, b] : {std::pair<size_t, size_t>{0, 3}, {1, 2}, {4, 5}, {6, 7}}) std::swap(out[a], out[b]);
  return out;
}

struct Table {
  std::string header;   // one sector
  std::string entries;  // all
  uint32_t count = 0, entry_bytes = 0;
  std::string_view entry(uint32_t i) const { return std::string_view(entries).substr(size_t{i} * entry_bytes); }
  bool used(uint32_t i) const { return entry(i).substr(0, 16) != std::string(16, '\0'); }
};

Error broken(const char* what) {
  return Error{Code::corrupt, std::string("the disk's partition table is broken: ") + what, Layer::agent,
               "check the image"};
}

Result<std::optional<Table>> read_table(sys::File& disk) {
  Table table;
  table.header = TRY(disk.read_at(sector, sector));
  if (table.header.size() < sector || !table.header.starts_with("EFI PART")) return std::optional<Table>();
  const uint64_t size = load_le(table.header, 12, 4);
  if (size < header_bytes || size > sector) return broken("header size");
  std::string plain = table.header.substr(0, size);
  store_le(plain, 16, 0, 4);
  if (checksum(plain) != load_le(table.header, 16, 4)) return broken("header checksum");
  table.count = static_cast<uint32_t>(load_le(table.header, 80, 4));
  table.entry_bytes = static_cast<uint32_t>(load_le(table.header, 84, 4));
  if (table.count == 0 || table.count > entries_max || table.entry_bytes < 128 || table.entry_bytes > 1024 ||
      table.entry_bytes % 8 != 0) {
    return broken("number or size of its entries");
  }
  const size_t bytes = size_t{table.count} * table.entry_bytes;
  const uint64_t at = load_le(table.header, 72, 8);
  if (at < 2 || at > disk.size() / sector) return broken("place of its entries");
  table.entries = TRY(disk.read_at(at * sector, bytes));
  if (table.entries.size() != bytes || checksum(table.entries) != load_le(table.header, 88, 4)) {
    return broken("checksum of its entries");
  }
  return std::optional<Table>(std::move(table));
}

std::string name_of(std::string_view entry) {
  std::string out;
  for (size_t at = 56; at + 1 < 128; at += 2) {
    const auto unit = static_cast<uint16_t>(load_le(entry, at, 2));
    if (unit == 0) break;
    out += unit < 0x80 ? static_cast<char>(unit) : '?';
  }
  return out;
}

GptPartition partition_of(std::string_view entry) {
  GptPartition out;
  out.type = guid_text(entry.substr(0, 16));
  out.id = entry.substr(16, 16);
  out.name = name_of(entry);
  const uint64_t first = load_le(entry, 32, 8), last = load_le(entry, 40, 8);
  out.offset = first * sector;
  out.bytes = last < first ? 0 : (last - first + 1) * sector;
  return out;
}

Result<void> write_header(sys::File& disk, Table& table, uint64_t own, uint64_t other, uint64_t entries_at) {
  store_le(table.header, 24, own, 8);
  store_le(table.header, 32, other, 8);
  store_le(table.header, 72, entries_at, 8);
  store_le(table.header, 88, checksum(table.entries), 4);
  store_le(table.header, 16, 0, 4);
  store_le(table.header, 16, checksum(table.header.substr(0, load_le(table.header, 12, 4))), 4);
  return disk.write_at(own * sector, table.header);
}

// Both copies, for a disk of this size.
Result<void> write_table(sys::File& disk, Table& table) {
  const uint64_t sectors = disk.size() / sector;
  const uint64_t entry_sectors = std::max<uint64_t>((table.entries.size() + sector - 1) / sector, table_sectors);
  const uint64_t backup_at = sectors - 1 - entry_sectors;
  const uint64_t entries_at = load_le(table.header, 72, 8);
  store_le(table.header, 48, backup_at - 1, 8);  // last usable
  TRY(disk.write_at(entries_at * sector, table.entries));
  TRY(disk.write_at(backup_at * sector, table.entries));
  TRY(write_header(disk, table, sectors - 1, 1, backup_at));
  TRY(write_header(disk, table, 1, sectors - 1, entries_at));
  // The protective MBR's one partition covers the disk, as far as its 32 bits reach.
  std::string mbr = TRY(disk.read_at(0, sector));
  if (mbr.size() == sector && static_cast<unsigned char>(mbr[450]) == 0xee) {
    store_le(mbr, 458, std::min<uint64_t>(sectors - 1, 0xffffffff), 4);
    TRY(disk.write_at(0, mbr));
  }
  return {};
}

}  // namespace

Result<std::optional<Gpt>> read_gpt(sys::File& disk) {
  const auto table = TRY(read_table(disk));
  if (!table) return std::optional<Gpt>();
  Gpt out;
  for (uint32_t i = 0; i < table->count; ++i) {
    if (!table->used(i)) continue;
    out.partitions.push_back(partition_of(table->entry(i)));
    out.partitions.back().number = i + 1;
  }
  return std::optional<Gpt>(std::move(out));
}

Result<std::optional<ConfigPartition>> add_config_partition(sys::File& disk, sys::Random& random) {
  auto table = TRY(read_table(disk));
  if (!table) return std::optional<ConfigPartition>();
  const uint64_t start = config_drive_offset(disk.size()) / sector;
  const uint64_t entry_sectors = std::max<uint64_t>((table->entries.size() + sector - 1) / sector, table_sectors);
  const uint64_t last = disk.size() / sector - 1 - entry_sectors - 1;
  std::optional<uint32_t> free;
  std::optional<ConfigPartition> found;
  for (uint32_t i = 0; i < table->count; ++i) {
    if (!table->used(i)) {
      if (!free) free = i;
      continue;
    }
    const GptPartition one = partition_of(table->entry(i));
    if (base::equals_ignore_case(one.name, config_name)) found = ConfigPartition{one.offset, one.bytes};
    if (!found && one.offset + one.bytes > start * sector) {
      return Error{Code::too_large,
                   "the image's partition " + std::to_string(i + 1) +
                       " leaves no room for the config drive at the end of the disk",
                   Layer::agent, "use a smaller image or a larger disk"};
    }
  }
  if (!found && !free) return Error{Code::invalid, "the image's partition table is full", Layer::agent};
  if (!found) {
    std::string entry(table->entry_bytes, '\0');
    entry.replace(0, 16, guid_bytes(linux_data));
    entry.replace(16, 16, guid_bytes(random.uuid()));
    store_le(entry, 32, start, 8);
    store_le(entry, 40, last, 8);
    for (size_t i = 0; i < config_name.size(); ++i) entry[56 + 2 * i] = config_name[i];
    table->entries.replace(size_t{*free} * table->entry_bytes, table->entry_bytes, entry);
    found = ConfigPartition{start * sector, (last - start + 1) * sector};
  }
  TRY(write_table(disk, *table));
  return found;
}

}  // namespace agent
