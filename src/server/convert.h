// Objects between the storage version and the version of a request.
#pragma once

#include "server/call.h"

namespace server {

// A stored object as `version` shows it.
Result<Json> to_version(const Kind& kind, const meta::Version& version, const Json& stored);

// A client's object in `version` for the registry. Over a `stored` object only what the client changed is taken, so
// that what `version` cannot express stays.
Result<Json> to_storage(const Kind& kind, const meta::Version& version, Json doc, const Json* stored);

}  // namespace server
