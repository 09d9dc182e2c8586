// The GUID partition table of an image that was written to a larger disk (UEFI 2.10 section 5.3): its backup moves to
// the disk's end, and the config drive gets a partition, so that the installed system finds it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sys/sys.h"

namespace agent {

struct GptPartition {
  std::string type, name;  // type GUID in registry text form, lower case; name in ASCII ('?' for other characters)
  uint64_t offset = 0, bytes = 0;
  uint32_t number = 0;  // in the table, from 1
  std::string id;       // its own GUID, 16 bytes as on disk
};

struct Gpt {
  std::vector<GptPartition> partitions;  // those in use, in table order
};

// Nullopt when there is no table. Errors: corrupt (bad checksums or nonsense in it).
base::Result<std::optional<Gpt>> read_gpt(sys::File& disk);

struct ConfigPartition {
  uint64_t offset = 0, bytes = 0;
};
// Makes the table right for this disk and gives the config drive its place: a partition named config-2 that is there
// already, or a new one at [config_drive_offset, end). Nullopt when the disk has no such table, and nothing was
// changed. Errors: corrupt, too_large (the image's partitions reach into that place), invalid (no free entry).
base::Result<std::optional<ConfigPartition>> add_config_partition(sys::File& disk, sys::Random& random);

}  // namespace agent
