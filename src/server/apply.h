// PATCH with application/apply-patch+yaml.
#pragma once

#include "server/handlers.h"

namespace server {

bool is_apply(const Call& call);
Answer apply_object(Call& call);  // also /status

}  // namespace server
