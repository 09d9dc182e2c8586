// The Metal3Machine controller: claims a host for a Machine, hands it image and user-data, follows it until it is
// provisioned, links the Node, and gives the host back.
#pragma once

#include "control/metal3machine/choose.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller metal3machine_controller(workload::Clusters& clusters);
}
