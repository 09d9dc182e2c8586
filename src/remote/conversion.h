// Conversion between versions of our kinds where a foreign API server asks for it: the body of a conversion webhook.
// What an older version cannot express travels with the object in an annotation, so that a client of that version
// loses nothing when it writes back what it read.
#pragma once

#include "meta/kind.h"

namespace remote {

using base::Json;
using base::Result;

inline constexpr std::string_view kept_annotation = "conversion.ingot.io/kept";

// One object into `version` of its kind. Errors: invalid, for kinds and versions that are not ours.
Result<Json> convert(const meta::Scheme& scheme, const Json& object, std::string_view api_version);
// The answer to a ConversionReview (apiextensions.k8s.io/v1). Errors: bad_request when it is none.
Result<Json> answer_conversion(const meta::Scheme& scheme, const Json& review);

}  // namespace remote
