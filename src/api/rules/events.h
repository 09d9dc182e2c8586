// Rules of Events, which are written in two versions: the older one is judged mildly.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// What the older form always has, if only empty.
void fill_event(Json& doc, const Json* old);
// `api_version`: of the request. Both documents are in the older form, whose names findings mostly use.
std::vector<FieldError> check_event(const Json& doc, const Json* old, Operation operation,
                                    std::string_view api_version);

}  // namespace api::rules
