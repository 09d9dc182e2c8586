// metadata.managedFields: who owns which field. Requests may carry it (clusterctl move restores it so) and it is kept;
// tracking the owners of each write belongs here too and is not done.
#pragma once

#include "base/json.h"

namespace registry {

// What an update stores: the request's entries; the stored ones when the request has none or not all of them
// can be read; nothing when it asks for a
// reset with `[{}]`.
void carry_managed_fields(base::Json& doc, const base::Json& stored);

}  // namespace registry
