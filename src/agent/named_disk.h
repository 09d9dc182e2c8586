// A disk whose errors say which one it is and what to do about it.
#pragma once

#include <memory>

#include "agent/hardware.h"

namespace agent {

std::unique_ptr<sys::File> named_disk(std::unique_ptr<sys::File> file, const DiskIdentity& disk);

}  // namespace agent
