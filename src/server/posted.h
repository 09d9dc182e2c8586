// Documents that are posted and answered but never stored (reviews, TokenRequest): decoded by their protobuf messages,
// which say the Go types of their fields.
#pragma once

#include <string_view>

#include "server/call.h"

namespace server {

// The body as an object of that kind in version v1, without what the kind does not know. Errors: bad_request in
// upstream's words. Unknown fields become warnings or an error, as fieldValidation asks.
Result<Json> parse_posted(Call& call, std::string_view group, std::string_view kind);

}  // namespace server
