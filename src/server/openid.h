// The two documents with which others check ServiceAccount tokens (OpenID Connect Discovery 1.0 sections 3 and 4).
#pragma once

#include "server/call.h"

namespace server {

// nullopt for other paths, and where there is no key for tokens.
std::optional<net::Response> answer_openid(const Call& call);

}  // namespace server
