// Starting the system on a disk without the firmware, which may take minutes: its kernel is read from the disk's file
// systems, mounted read-only by the ramdisk's kernel, as its boot loader would choose it (agent/boot_config.h).
#pragma once

#include <string>

#include "agent/boot_config.h"
#include "base/json.h"
#include "sys/machine.h"

namespace agent {

// A file system of the disk. Nothing below the folder is believed to be what it should be.
struct MountedPartition {
  std::string device, folder;
};

struct SystemFiles {
  BootChoice choice;
  std::string kernel, initrd;  // where they can be read now
};

// What of them is to be started. Errors: unsupported (with the reason), unavailable.
base::Result<SystemFiles> find_system(sys::Disk& files, const std::vector<MountedPartition>& partitions);

// Mounts, finds, loads (Machine::load_kernel), unmounts. Blocks. Gives {"kernel", "initrd", "arguments", "title"}.
// Errors: those of find_system, and unsupported from the kernel.
base::Result<base::Json> load_system_of(sys::Disk& files, sys::Machine& machine, const std::string& disk);

}  // namespace agent
