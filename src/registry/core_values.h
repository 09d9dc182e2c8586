// Values that core kinds keep in a form of their own: there they are decoded into Go types and written anew.
#pragma once

#include "registry/registry.h"

namespace registry {

// Times become UTC, amounts canonical, and null in a map or list of texts is no text. Errors: bad_request, with Go's
// words, for times and amounts that cannot be read.
Result<void> decode_values(const Kind& kind, Json& doc);
// Whole numbers that are written with a fraction, if only of zero: Go reads none of them.
std::vector<base::FieldError> fractions(const Kind& kind, const Json& doc);

}  // namespace registry
