// ISO 9660 images (ECMA-119) with Rock Ridge names (IEEE P1282), as small read-only file trees: boot media parameters
// and config drives. Sector size 2048, one volume, no boot record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wire {

struct IsoFile {
  std::string path;  // "openstack/latest/meta_data.json": parts of 1 to 100 printable characters, no leading slash
  std::string bytes;
};

struct IsoImage {
  std::string volume_id;
  std::vector<IsoFile> files;                        // in directory order
  const IsoFile* find(std::string_view path) const;  // null when absent
};

// The same input gives the same bytes. `volume_id`: at most 32 characters; lower case is kept (config-2 needs it).
// Errors: invalid (a bad, duplicate or clashing path), too_large (over 128 MiB).
base::Result<std::string> build_iso(std::string_view volume_id, const std::vector<IsoFile>& files);

// Reads any such image, with or without Rock Ridge (then names are lower-cased, as Linux does). Errors: corrupt; also
// for loops, extents outside the image, more than 10,000 entries or 8 levels.
base::Result<IsoImage> read_iso(std::string_view image);

}  // namespace wire
