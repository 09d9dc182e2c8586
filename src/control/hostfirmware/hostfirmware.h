// Reads the firmware of registered hosts from time to time: HostFirmwareSettings with their FirmwareSchema, and
// HostFirmwareComponents. What users ask for in them is done by the BareMetalHost controller.
#pragma once

#include "metal/port.h"
#include "runtime/runtime.h"

namespace control {

// `engine` must outlive the controller. Wire engine.on_change to runtime.enqueue("hostfirmware", key of the host).
runtime::Controller hostfirmware_controller(metal::Engine& engine);

}  // namespace control
