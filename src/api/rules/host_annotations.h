// The annotations by which people and tools steer a BareMetalHost.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

void check_host_annotations(const Json& doc, Findings& found);

}  // namespace api::rules
