// Looking a file up in a FAT16 or FAT32 file system (Microsoft FAT specification 1.03): is a boot loader there?
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

// `bytes` of the file system at `offset`; fewer at its end.
using FatSource = std::function<base::Result<std::string>(uint64_t offset, size_t bytes)>;

// Whether there is a file of that path ("EFI/BOOT/BOOTX64.EFI": 8.3 names, in any case) that is not empty. Errors:
// corrupt (no such file system, or nonsense in it), and those of `source`.
base::Result<bool> fat_has_file(const FatSource& source, std::string_view path);

}  // namespace wire
