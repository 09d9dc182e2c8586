// A small FAT16 file system (Microsoft FAT specification 1.03), as UEFI firmware reads it: the boot partition inside an
// ISO image.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wire {

struct FatFile {
  std::string path;  // "EFI/BOOT/BOOTX64.EFI": 8.3 names of capital letters, digits and _
  std::string_view bytes;
};

// Just large enough. The same input gives the same bytes. Errors: invalid (a bad or duplicate name), too_large (over
// 64 MiB, or more than 16 entries in a folder).
base::Result<std::string> build_fat(std::string_view label, const std::vector<FatFile>& files);

}  // namespace wire
