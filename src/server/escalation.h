// Nobody can give away more than they have: checks on writes of roles and bindings.
#pragma once

#include "server/call.h"

namespace server {

// Before `doc` replaces `old` (null on create), both in the storage version. Nothing to say about other kinds, and
// where RBAC does not decide. Errors: forbidden, naming the rules that the user lacks; not_found for a role that a
// binding names in vain.
Result<void> check_grants(const Call& call, const Json& doc, const Json* old);

}  // namespace server
