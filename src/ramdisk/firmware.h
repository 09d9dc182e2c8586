// Firmware files that drivers load into their devices: which of them modules ask for, and which fit into the ramdisk.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sys/sys.h"

namespace ramdisk {

// The names that a module's description has as "firmware=NAME" (section .modinfo), sorted; no name leads out of the
// firmware folder.
std::set<std::string> firmware_of(std::string_view module);

struct FirmwareChoice {
  std::map<std::string, std::string> files;  // path below lib/firmware, as it is there, and its bytes
  std::vector<std::string> no_room;          // that are there and do not fit
};

// Takes what `folder` (lib/firmware of the root) has of these names, plain or as the kernel reads it compressed (.zst,
// .xz), the smallest first, as long as they fit into `bytes_max` when compressed.
base::Result<FirmwareChoice> choose_firmware(sys::Disk& disk, const std::string& folder,
                                             const std::set<std::string>& names, uint64_t bytes_max);

}  // namespace ramdisk
