// RAID controllers, their drives and volumes (Storage, StorageController, Drive and Volume schemas of DSP8010).
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishStorage {
 public:
  explicit RedfishStorage(RedfishClient& client) : client_(client) {}
  // Only controllers that make volumes. Errors: unsupported when the System has no storage at all.
  base::Result<std::vector<BmcStorage>> read(const base::Json& system);
  base::Result<VolumeChange> create(const VolumeOrder& order);
  base::Result<VolumeChange> remove(const std::string& path);  // success when it is not there

 private:
  base::Result<void> read_controllers(const base::Json& document, BmcStorage& out);
  base::Result<void> read_drives(const base::Json& document, BmcStorage& out);
  base::Result<void> read_volumes(BmcStorage& out);

  RedfishClient& client_;
};

}  // namespace metal
