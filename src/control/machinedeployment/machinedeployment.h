// The MachineDeployment controller: one MachineSet per machine template, and rolling updates between them.
#pragma once

#include "control/contract.h"
#include "runtime/runtime.h"

namespace control {
runtime::Controller machinedeployment_controller();
}
