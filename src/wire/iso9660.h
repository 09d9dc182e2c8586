// ISO 9660 images (ECMA-119) with Rock Ridge names (IEEE P1282), as small read-only file trees: boot media and config
// drives. Sector size 2048, one volume; firmware boots it by an El Torito record (specification 1.0, UEFI 2.10
// section 13.3.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wire {

struct IsoFile {
  std::string path;  // "openstack/latest/meta_data.json": parts of 1 to 100 printable characters, no leading slash
  std::string bytes;
  // A file that is kept elsewhere: `bytes` is empty, and whoever sends the image reads `source` (a path).
  std::string source = {};
  uint64_t source_bytes = 0;
};

// An image as what lies where, so that a large one is sent without being built in memory.
struct IsoPlan {
  struct Piece {
    uint64_t offset = 0, size = 0;
    std::string bytes;   // `size` of them, or
    std::string source;  // a path whose first `size` bytes belong here
  };
  std::vector<Piece> pieces;  // in order, without overlap; what lies between is zeros
  uint64_t size = 0;
};

struct IsoImage {
  std::string volume_id;
  std::vector<IsoFile> files;                        // in directory order
  const IsoFile* find(std::string_view path) const;  // null when absent
};

// The same input gives the same bytes. `volume_id`: at most 32 characters; lower case is kept (config-2 needs it).
// Errors: invalid (a bad, duplicate or clashing path), too_large (over 128 MiB).
base::Result<std::string> build_iso(std::string_view volume_id, const std::vector<IsoFile>& files);
// What firmware boots, by paths; empty: none.
struct IsoBoot {
  std::string_view uefi;  // a FAT image
  // ISOLINUX for BIOS firmware (Debian's isolinux.bin), given as bytes: it is told where it lies ("boot information
  // table", bytes 8 to 63 of it).
  std::string_view bios;
};
// The same, over 128 MiB too.
base::Result<IsoPlan> plan_iso(std::string_view volume_id, const std::vector<IsoFile>& files, const IsoBoot& boot);

// Reads any such image, with or without Rock Ridge (then names are lower-cased, as Linux does). Errors: corrupt; also
// for loops, extents outside the image, more than 10,000 entries or 8 levels.
base::Result<IsoImage> read_iso(std::string_view image);

}  // namespace wire
