// Strategic merge patch (application/strategic-merge-patch+json), as core kinds take it.
#pragma once

#include <string_view>

#include "base/json.h"
#include "meta/kind.h"

namespace server {

using base::Json;

// Applies `patch` to `current`, both in `version` of `kind`. Objects merge member by member and null deletes. Lists
// with a merge key in the schema (or of scalars declared as a set) merge item by item, other lists are replaced.
// Understands $patch (delete, replace, merge), $deleteFromPrimitiveList/F, $setElementOrder/F and $retainKeys.
// Errors: bad_request when the patch contradicts itself or an item lacks its merge key.
base::Result<Json> strategic_merge(const meta::Kind& kind, std::string_view version, Json current, const Json& patch);

}  // namespace server
