// The Metal3Cluster controller. It provisions nothing: the endpoint is the user's, so it is ready once that is valid.
#pragma once

#include "api/metal3.h"
#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller metal3cluster_controller();
}
