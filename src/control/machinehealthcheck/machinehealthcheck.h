// The MachineHealthCheck controller: marks machines whose Node is bad for too long, within a budget, so that their
// owner replaces them.
#pragma once

#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller machinehealthcheck_controller(workload::Clusters& clusters);
}
