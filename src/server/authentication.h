// Who a request is from.
#pragma once

#include "server/call.h"
#include "server/service_tokens.h"

namespace server {

inline constexpr std::string_view authenticated_group = "system:authenticated";
inline constexpr std::string_view anonymous_user = "system:anonymous";

// In this order: a front proxy's headers, a client certificate (CN, O), a bearer token; none of them makes
// system:anonymous. unauthenticated when what is shown convinces nobody. Call from a fiber: keys may have to be
// fetched.
base::Result<User> authenticate(Api& api, const net::Exchange& exchange);

// Who shows that bearer token, if it is good for one of the audiences (none: the server itself).
std::optional<ServiceTokens::Known> user_of_token(Api& api, std::string_view token, std::vector<std::string> audiences);

// As reviews and the audit log show a user.
Json user_info(const User& user);

}  // namespace server
