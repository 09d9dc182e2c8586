// The config drive of a deployed server: ISO 9660, label config-2, as cloud-init's ConfigDrive source reads it.
#pragma once

#include <string>

#include "metal/port.h"

namespace metal {

// base64(gzip(ISO)). Errors: too_large (over 64 MiB, layer bootstrap), invalid.
base::Result<std::string> pack_config_drive(const ConfigDrive& drive);
base::Result<std::string> config_drive_iso(const ConfigDrive& drive);

}  // namespace metal
