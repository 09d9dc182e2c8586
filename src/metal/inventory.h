// What the deploy agent found in a server, read from its inventory document, and which disk an image goes to.
#pragma once

#include <string>
#include <vector>

#include "api/metal3.h"
#include "base/result.h"

namespace metal {

struct InventoryDisk {
  std::string name;  // "/dev/nvme0n1"
  std::string model, vendor, serial, wwn, wwn_with_extension, wwn_vendor_extension, hctl, by_path;
  int64_t size_bytes = 0;
  bool rotational = false;
};

struct Inventory {
  std::string system_serial;
  std::vector<std::string> macs;  // lower case
  std::vector<InventoryDisk> disks;
  api::HardwareDetails hardware;  // as the API shows it
};

// `boot_mac` marks the NIC that network-boots. Errors: invalid, layer agent; missing parts are left empty.
base::Result<Inventory> read_inventory(const base::Json& document, const std::string& boot_mac);

// The first disk that every hint fits; without hints the smallest of at least 4 GiB. Errors: invalid, layer agent, with
// what each disk lacks: nothing is written then.
base::Result<InventoryDisk> choose_root_disk(const std::vector<InventoryDisk>& disks,
                                             const api::RootDeviceHints& hints);

}  // namespace metal
