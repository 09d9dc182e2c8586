// Whether an applied configuration fits the schema closely enough to say who owns which of its fields. Stricter than
// pruning: unknown fields and repeated keys are errors. Texts are those of the original, as clients show them.
#pragma once

#include "meta/schema.h"

namespace registry {

// The first problem, such as ".spec.bogus: field not declared in schema"; "" when there is none. Null values fit.
std::string typed_problem(const meta::Schema& schema, const base::Json& doc);

}  // namespace registry
