// What the ServiceAccount strategy does upstream.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

void fill_service_account(Json& doc, const Json* old);

}  // namespace api::rules
