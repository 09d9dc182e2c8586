// A deploy ramdisk that somebody else provides, booted over the network instead of the manager's own.
#pragma once

#include <string>

namespace metal {

struct BootImage {
  std::string kernel_url = {}, initrd_url = {};  // http or https, as the server's firmware (iPXE) fetches them
  std::string arguments = {};                    // of the kernel, besides ours
  // Or an ISO image, booted as it is: it has its own settings, and none of this boot's.
  std::string iso_url = {};
  bool operator==(const BootImage&) const = default;
};

}  // namespace metal
