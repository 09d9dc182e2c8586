// Small tar archives (POSIX.1-1988 ustar) of plain files, as logs travel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wire {

struct TarFile {
  std::string path;  // at most 100 bytes when written
  std::string bytes;
};

std::string build_tar(const std::vector<TarFile>& files);
// The plain files among what is there, at most `files_max`; folders, links and extensions are passed over, and an
// archive that ends early gives what it has. Errors: corrupt (not a tar archive).
base::Result<std::vector<TarFile>> read_tar(std::string_view archive, size_t files_max);

}  // namespace wire
