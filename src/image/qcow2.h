// qcow2 versions 2 and 3 (QEMU's docs/interop/qcow2.txt), read only, as a stream. The tables say where in the file each
// cluster of the disk lies; they are read first, and then the file is taken in order, so that it need not be kept.
//
// Refused: backing file, external data file, encryption, extended L2 entries, every unknown incompatible feature, the
// mark "corrupt". Internal snapshots are passed over: the active state is what is read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/content.h"

namespace image {

struct FileRange {
  uint64_t offset = 0;
  size_t bytes = 0;
};
// Reads ranges of the file, in ascending order, each whole (shorter is an error of the reader).
using ReadRanges = std::function<base::Result<std::vector<std::string>>(const std::vector<FileRange>& ranges)>;

// A run of the disk that lies in one place of the file.
struct Qcow2Run {
  uint64_t host = 0;        // offset in the file
  uint64_t guest = 0;       // offset on the disk
  uint32_t host_bytes = 0;  // of a compressed cluster up to 511 more than its data
  uint32_t guest_bytes = 0;
  bool compressed = false;
};

struct Qcow2Map {
  uint64_t disk_bytes = 0;
  uint64_t file_bytes = 0;
  uint32_t cluster_bytes = 0;
  bool zstd = false;           // how compressed clusters are compressed; else deflate
  std::vector<Qcow2Run> runs;  // by host offset
  struct Table {
    uint64_t offset;
    std::string bytes;
  };
  std::vector<Table> tables;  // all that was read to make this, by offset
};

// Limits of what is believed: tables of at most 16 MiB, that is 128 GB in clusters of 64 KiB.
constexpr uint64_t qcow2_table_bytes_max = uint64_t{16} << 20;

// Errors: invalid, unsupported (see above), too_large (disk larger than `disk_bytes_max`, tables too big), corrupt, and
// those of `read`, which may suspend.
base::Result<Qcow2Map> read_qcow2_map(const ReadRanges& read, uint64_t file_bytes, uint64_t disk_bytes_max);

// The disk behind the map. The whole file must pass, from its first byte: where the tables lie it must have the bytes
// that the map was made from (corrupt otherwise), so a digest of the stream covers the map too.
std::unique_ptr<Content> qcow2_content(Qcow2Map map);

}  // namespace image
