#include "wire/fat_read.h"

#include <optional>

#include "base/text.h"
#include "wire/little_endian.h"

namespace wire {

using base::Code;
using base::Error;
using base::Result;

namespace {

constexpr size_t entry_bytes = 32;
constexpr int folder_clusters_max = 4096;  // no chain of a boot partition's folder is longer, unless it is a loop
constexpr uint64_t fat16_clusters_min = 4085, fat32_clusters_min = 65525;
constexpr uint8_t attribute_volume = 0x08, attribute_folder = 0x10;

Error broken(const char* what) { return Error{Code::corrupt, std::string("the FAT file system is broken: ") + what}; }

struct Volume {
  const FatSource& source;
  uint64_t sector = 0, cluster_bytes = 0, fat_at = 0, root_at = 0, root_bytes = 0, data_at = 0, clusters = 0;
  bool wide = false;  // FAT32
  uint64_t root_cluster = 0;
};

struct Entry {
  bool folder = false;
  uint64_t cluster = 0, bytes = 0;
};

Result<Volume> open_volume(const FatSource& source) {
  const std::string boot = TRY(source(0, 512));
  if (boot.size() < 512 || static_cast<uint8_t>(boot[510]) != 0x55 || static_cast<uint8_t>(boot[511]) != 0xaa) {
    return broken("no boot sector");
  }
  Volume out{.source = source};
  out.sector = load_le(boot, 11, 2);
  const uint64_t per_cluster = load_le(boot, 13, 1);
  if (out.sector < 512 || out.sector > 4096 || out.sector % 512 != 0 || per_cluster == 0) return broken("sector size");
  const uint64_t reserved = load_le(boot, 14, 2), copies = load_le(boot, 16, 1), root_entries = load_le(boot, 17, 2);
  uint64_t total = load_le(boot, 19, 2), fat_sectors = load_le(boot, 22, 2);
  if (total == 0) total = load_le(boot, 32, 4);
  if (fat_sectors == 0) fat_sectors = load_le(boot, 36, 4);
  out.cluster_bytes = per_cluster * out.sector;
  out.root_bytes = root_entries * entry_bytes;
  const uint64_t root_sectors = (out.root_bytes + out.sector - 1) / out.sector;
  const uint64_t before = reserved + copies * fat_sectors + root_sectors;
  if (reserved == 0 || copies == 0 || fat_sectors == 0 || before >= total) return broken("layout");
  out.fat_at = reserved * out.sector;
  out.root_at = (reserved + copies * fat_sectors) * out.sector;
  out.data_at = before * out.sector;
  out.clusters = (total - before) / per_cluster;
  if (out.clusters < fat16_clusters_min) return broken("FAT12, which is for floppy disks");
  out.wide = out.clusters >= fat32_clusters_min;
  if (out.wide) out.root_cluster = load_le(boot, 44, 4);
  return out;
}

// The cluster after this one; nullopt at the end of the chain.
Result<std::optional<uint64_t>> next_cluster(const Volume& volume, uint64_t cluster) {
  const size_t width = volume.wide ? 4 : 2;
  const std::string bytes = TRY(volume.source(volume.fat_at + cluster * width, width));
  if (bytes.size() < width) return broken("the table ends early");
  const uint64_t next = load_le(bytes, 0, width) & (volume.wide ? 0x0fffffff : 0xffff);
  if (next < 2 || next >= volume.clusters + 2) return std::optional<uint64_t>();
  return std::optional(next);
}

// "BOOTX64.EFI" as a folder has it: eight and three characters with blanks behind them.
Result<std::string> stored_name(std::string_view name) {
  const size_t dot = name.find('.');
  const std::string_view stem = name.substr(0, dot);
  const std::string_view suffix = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  if (stem.empty() || stem.size() > 8 || suffix.size() > 3)
    return base::invalid("not an 8.3 name: " + std::string(name));
  std::string out(11, ' ');
  for (size_t i = 0; i < stem.size(); ++i) out[i] = base::upper(stem)[i];
  for (size_t i = 0; i < suffix.size(); ++i) out[8 + i] = base::upper(suffix)[i];
  return out;
}

enum class Found : unsigned char { no, yes, last };  // last: the folder ends here

Found look(const Volume& volume, std::string_view bytes, std::string_view name, Entry& out) {
  for (; bytes.size() >= entry_bytes; bytes.remove_prefix(entry_bytes)) {
    if (bytes[0] == '\0') return Found::last;
    const uint64_t attributes = load_le(bytes, 11, 1);
    if ((attributes & attribute_volume) != 0 || bytes.substr(0, 11) != name) continue;  // long names are such, too
    out.folder = (attributes & attribute_folder) != 0;
    out.cluster = load_le(bytes, 26, 2);
    if (volume.wide) out.cluster |= load_le(bytes, 20, 2) << 16;
    out.bytes = load_le(bytes, 28, 4);
    return Found::yes;
  }
  return Found::no;
}

Result<std::optional<Entry>> find_in(const Volume& volume, std::optional<uint64_t> folder, const std::string& name) {
  Entry entry;
  if (!folder && !volume.wide) {
    const std::string bytes = TRY(volume.source(volume.root_at, static_cast<size_t>(volume.root_bytes)));
    return look(volume, bytes, name, entry) == Found::yes ? std::optional(entry) : std::nullopt;
  }
  std::optional<uint64_t> cluster = folder ? *folder : volume.root_cluster;
  for (int i = 0; cluster && i < folder_clusters_max; ++i) {
    if (*cluster < 2 || *cluster >= volume.clusters + 2) return broken("a folder lies outside");
    const uint64_t at = volume.data_at + (*cluster - 2) * volume.cluster_bytes;
    const std::string bytes = TRY(volume.source(at, static_cast<size_t>(volume.cluster_bytes)));
    const Found found = look(volume, bytes, name, entry);
    if (found == Found::yes) return std::optional(entry);
    if (found == Found::last) break;
    cluster = TRY(next_cluster(volume, *cluster));
  }
  return std::optional<Entry>();
}

}  // namespace

Result<bool> fat_has_file(const FatSource& source, std::string_view path) {
  const Volume volume = TRY(open_volume(source));
  std::optional<uint64_t> folder;
  const auto parts = base::split(path, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string name = TRY(stored_name(parts[i]));
    const auto entry = TRY(find_in(volume, folder, name));
    const bool last = i + 1 == parts.size();
    if (!entry || entry->folder == last) return false;
    if (last) return entry->bytes > 0;
    folder = entry->cluster;
  }
  return false;
}

}  // namespace wire
