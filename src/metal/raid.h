// RAID volumes: what a BareMetalHost asks for against what its controllers have. Deciding only; jobs/raid.cpp acts.
#pragma once

#include <string>
#include <vector>

#include "api/metal3.h"
#include "base/result.h"
#include "metal/bmc/storage.h"
#include "metal/inventory.h"

namespace metal {

struct RaidOrder {
  base::Json volumes;                // spec.raid.hardwareRAIDVolumes: a list; empty: no volume is to remain
  api::RootDeviceHints root_device;  // that must fit a disk afterwards
  std::string digest() const;        // the same for the same volumes
};
std::string raid_digest(const base::Json& hardware_volumes);

// Deleting comes before creating. What is as asked for stays untouched.
struct RaidPlan {
  struct Removal {
    std::string storage;  // path of its controller
    BmcVolume volume;
  };
  std::vector<Removal> remove;
  std::vector<VolumeOrder> create;
  bool empty() const { return remove.empty() && create.empty(); }
  size_t size() const { return remove.size() + create.size(); }
  std::string text() const;  // for people: "delete volume A (level 1); create a volume of level 5"
};

// `names`: whether a volume of another name is another volume; some controllers keep names of their own. Errors:
// invalid or unsupported, with the volume that cannot be made: then nothing may be deleted either.
base::Result<RaidPlan> plan_raid(const std::vector<BmcStorage>& present, const base::Json& wanted, bool names);

// The agent proves which machine it runs on; this, that the BMC which changes volumes belongs to the same one: by the
// system's serial number or a MAC address that both tell. Errors: conflict, also when nothing can be compared.
base::Result<void> check_same_server(const std::string& bmc_serial, const std::vector<std::string>& bmc_macs,
                                     const Inventory& agent);

}  // namespace metal
