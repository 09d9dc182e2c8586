// The BareMetalHost controller: from a BMC address and a Secret to a server that can be, is, or was deployed.
#pragma once

#include "control/preprovisioningimage/preprovisioningimage.h"
#include "metal/port.h"
#include "runtime/runtime.h"

namespace control {

// `engine` must outlive the controller. Wire engine.on_change to runtime.enqueue("baremetalhost", key of the host).
// Hosts whose ramdisk comes from `outside` wait for their PreprovisioningImage, which another controller fills.
runtime::Controller baremetalhost_controller(metal::Engine& engine, OutsideImages outside = {});

}  // namespace control
