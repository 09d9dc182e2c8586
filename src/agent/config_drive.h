// The config drive as ordered: base64 of a gzip-compressed (or plain) ISO 9660 image.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/sys.h"

namespace agent {

// Errors: invalid (not base64, not gzip), too_large (over 64 MiB).
base::Result<std::string> decode_config_drive(std::string_view text);
// Into its partition, which is made when the disk has a GUID partition table; else at its place at the end of the disk.
// Errors: too_large, corrupt (the partition table).
base::Result<void> write_config_drive(sys::File& disk, std::string_view iso, sys::Random& random);

}  // namespace agent
