// Who a request is from and whether it may do what it asks.
#pragma once

#include "server/call.h"
#include "server/service_tokens.h"

namespace server {

// A verified client certificate (CN, O) comes before a bearer token; neither makes system:anonymous. unauthenticated
// when a token is shown that nobody knows.
base::Result<User> authenticate(Api& api, const net::Exchange& exchange);

// The user that the request wants to be treated as (kubectl --as, Flux), or `user` itself. forbidden unless `user` may
// impersonate that name and those groups.
base::Result<User> impersonated(const Api& api, User user, const net::Request& request);

// Who shows that bearer token, if it is good for one of the audiences (none: the server itself).
std::optional<ServiceTokens::Known> user_of_token(const Api& api, std::string_view token,
                                                  std::vector<std::string> audiences);

// Member of system:masters, who may do everything.
bool is_master(const User& user);
// What RBAC knows a request by; a list of one name by its field selector counts as naming it.
Attributes attributes_of(const Route& route);
bool is_allowed(const Api& api, const User& user, const Attributes& attributes);
base::Result<void> require(const Api& api, const User& user, const Attributes& asked);
// forbidden with upstream's text.
base::Result<void> authorise(const Api& api, const User& user, const Route& route);

}  // namespace server
