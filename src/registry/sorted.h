#pragma once

#include "base/json.h"

namespace registry {

// With the members of all objects by name, as Go writes maps (and so everything that it writes as YAML).
base::Json sorted(const base::Json& value);

}  // namespace registry
