// HostFirmwareSettings, FirmwareSchema and HostFirmwareComponents of a host, from what its BMC tells.
#pragma once

#include <vector>

#include "api/metal3_firmware.h"
#include "metal/firmware.h"
#include "runtime/context.h"

namespace control::hostfirmware {

// Makes the objects that are missing, writes what changed. `done`: updates that are in force since this reading.
base::Result<void> report(runtime::Context& ctx, const api::BareMetalHost& host, const metal::FirmwareFacts& facts,
                          const std::vector<api::FirmwareUpdate>& done = {});

// Compares what users ask for with what was read last; conditions ChangeDetected and Valid.
base::Result<void> judge(runtime::Context& ctx, const api::BareMetalHost& host);

}  // namespace control::hostfirmware
