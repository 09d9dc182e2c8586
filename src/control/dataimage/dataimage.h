// DataImage: a medium in the virtual CD drive of a provisioned host. The BareMetalHost controller puts it in and takes
// it out while the server restarts; this one keeps the object: owner, finalizer, and what is recorded when the host is
// gone, detached or deprovisioned.
#pragma once

#include "metal/port.h"
#include "runtime/runtime.h"

namespace control {

// `engine` must outlive the controller. Wire engine.on_change to runtime.enqueue("dataimage", key with the host's
// name).
runtime::Controller dataimage_controller(metal::Engine& engine);

}  // namespace control
