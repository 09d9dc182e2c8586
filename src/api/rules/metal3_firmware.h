// HostFirmwareComponents, DataImage, BMCEventSubscription.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

Findings check_firmware_components(const Json& doc, const Json* old, Operation operation);
Findings check_data_image(const Json& doc, const Json* old, Operation operation);
Findings check_event_subscription(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
