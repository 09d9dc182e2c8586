// Objects between the storage version and the version of a request. With kinds that a webhook converts these calls
// park.
#pragma once

#include "server/call.h"

namespace server {

// A stored object as `version` shows it.
Result<Json> to_version(const Kind& kind, const meta::Version& version, const Json& stored);
// Many at once: one call of the conversion webhook, where the kind has one.
Result<std::vector<Json>> to_version(const Kind& kind, const meta::Version& version, const std::vector<Ref>& stored);

// A client's object in `version` for the registry. Over a `stored` object of a kind that ships only what the client
// changed is taken, so that what `version` cannot express stays. Objects of users' kinds are held to the schema of
// `version`, unless they are not `whole` (applied fields). Errors: invalid; what the webhook did wrong.
Result<Json> to_storage(const Kind& kind, const meta::Version& version, Json doc, const Json* stored,
                        bool whole = true);

// Brings a stored object that is still in another version into the storage version, so that it can be changed.
Result<void> update_stored_form(Call& call);

}  // namespace server
