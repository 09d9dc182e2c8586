// Erasing a whole disk by the strongest means it offers: NVMe sanitize, NVMe format, ATA secure erase, discard that is
// seen to leave zeros, overwriting. After each, samples of the disk are read: what was there must be gone.
#pragma once

#include <functional>
#include <string>

#include "agent/hardware.h"
#include "sys/machine.h"

namespace agent {

// What the device says of itself (NVM Express base specification 2.0: identify controller, figure 275).
struct NvmeAbilities {
  bool sanitize_crypto = false, sanitize_block = false;
  bool format = false, format_crypto = false;
  bool format_acts_on_all = false;  // on every namespace of the drive
};
NvmeAbilities nvme_abilities(std::string_view identify_controller);

// IDENTIFY DEVICE words 82, 89, 90 and 128 (ACS-4 7.13).
struct AtaSecurity {
  bool supported = false, enabled = false, locked = false, frozen = false, enhanced = false;
  base::Duration erase_time = base::hours(12), enhanced_erase_time = base::hours(12);
};
AtaSecurity ata_security(std::string_view identify_device);

// `work` runs blocking device commands off the control thread. Parks. The result names the method and what was checked.
base::Result<Json> erase_disk(sys::Sys& sys, sys::Machine& machine, const DiskIdentity& disk,
                              const std::function<void(int)>& progress);

}  // namespace agent
