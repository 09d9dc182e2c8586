// Whether a request may do what it asks.
#pragma once

#include "server/call.h"

namespace server {

// The user that the request wants to be treated as (kubectl --as, Flux), or `user` itself. forbidden unless `user` may
// impersonate that name and those groups.
base::Result<User> impersonated(const Api& api, User user, const net::Request& request);

// Member of system:masters, who may do everything.
bool is_master(const User& user);
// What RBAC knows a request by; a list of one name by its field selector counts as naming it.
Attributes attributes_of(const Route& route);
bool is_allowed(const Api& api, const User& user, const Attributes& attributes);
base::Result<void> require(const Api& api, const User& user, const Attributes& asked);
// forbidden with upstream's text.
base::Result<void> authorise(const Api& api, const User& user, const Route& route);

}  // namespace server
