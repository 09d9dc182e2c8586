// Signs that a disk is not this server's alone: file systems that several servers share over a storage network. Such a
// disk is seen by every server of the fabric, and erasing it would erase the others' data.
#pragma once

#include <string>

#include "sys/sys.h"

namespace agent {

// "VMFS", "GPFS" or "GFS2", with where it was found; "" when there is no sign of any. Reads only.
base::Result<std::string> shared_storage(sys::File& disk);

}  // namespace agent
