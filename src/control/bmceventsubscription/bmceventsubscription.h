// BMCEventSubscription: has a host's BMC send its events somewhere.
#pragma once

#include "metal/port.h"
#include "runtime/runtime.h"

namespace control {

// `engine` must outlive the controller. Wire engine.on_change to runtime.enqueue("bmceventsubscription", keys of the
// subscriptions that name the host).
runtime::Controller bmceventsubscription_controller(metal::Engine& engine);

}  // namespace control
