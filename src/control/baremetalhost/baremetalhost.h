// The BareMetalHost controller: from a BMC address and a Secret to a server that can be, is, or was deployed.
#pragma once

#include "metal/port.h"
#include "runtime/runtime.h"

namespace control {

// `engine` must outlive the controller. Wire engine.on_change to runtime.enqueue("baremetalhost", key of the host).
// `images_from_outside`: hosts that boot from the network wait for a PreprovisioningImage that another controller
// fills.
runtime::Controller baremetalhost_controller(metal::Engine& engine, bool images_from_outside = false);

}  // namespace control
