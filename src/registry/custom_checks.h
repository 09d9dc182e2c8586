// Rules that only objects of users' kinds have, beside schema and CEL rules.
#pragma once

#include "registry/registry.h"

namespace registry {

// The fields that the scale subresource reads must be what it can read. With `status` alone: those of the status.
std::vector<base::FieldError> check_scale_fields(const meta::Version& version, const Json& doc, bool status);

// Objects inside of the object (x-kubernetes-embedded-resource). bad_request when one cannot be decoded.
Result<void> decode_embedded(const Kind& kind, const Json& doc);
std::vector<base::FieldError> check_embedded(const Kind& kind, const Json& doc);

}  // namespace registry
