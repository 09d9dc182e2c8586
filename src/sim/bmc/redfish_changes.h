// What requests to a BMC's Redfish service do to its server: PATCH bodies and action parameters, checked as a whole
// before anything is changed.
#pragma once

#include <optional>

#include "sim/bmc/redfish_message.h"
#include "sim/bmc/server_controls.h"

namespace sim {

using RedfishProblem = std::optional<RedfishComplaint>;  // nullopt: done

// `document` is the present System: it tells read-only properties from unknown ones.
RedfishProblem patch_system(ServerControls& server, const base::Json& document, const base::Json& body);
RedfishProblem patch_media(ServerControls& server, const base::Json& document, const base::Json& body);
// Only checks; the new SessionTimeout comes back in `timeout` when there is one.
RedfishProblem patch_session_service(const base::Json& document, const base::Json& body,
                                     std::optional<base::Duration>& timeout);

RedfishProblem patch_secure_boot(ServerControls& server, const base::Json& document, const base::Json& body);
RedfishProblem reset_system(ServerControls& server, const base::Json& body);
RedfishProblem check_manager_reset(const base::Json& body);
RedfishProblem insert_media(ServerControls& server, const base::Json& body);
RedfishProblem eject_media(ServerControls& server, const base::Json& body);

}  // namespace sim
