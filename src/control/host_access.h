// What controllers need to ask a host's BMC something.
#pragma once

#include <optional>

#include "api/metal3.h"
#include "metal/port.h"
#include "runtime/context.h"

namespace control {

// Everything but the credentials.
metal::HostAccess host_access(const api::BareMetalHost& host);

metal::BmcCredentials bmc_credentials_in(const base::Json& secret);

// With the credentials, or why the BMC cannot be asked beside the host's own work: not registered, paused, detached,
// being deleted, without Secret.
struct SideAccess {
  metal::HostAccess access;
  std::optional<metal::Wait> wait;
};
SideAccess side_access(const runtime::Context& ctx, const api::BareMetalHost& host);

// Whether the host's BMC speaks Redfish: the others know nothing of firmware, media and events.
bool speaks_redfish(const api::BareMetalHost& host);

}  // namespace control
