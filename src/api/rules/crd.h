// Rules of CustomResourceDefinition.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

void fill_crd(Json& doc, const Json* old);
std::vector<FieldError> check_crd(const Json& doc, const Json* old, Operation operation);
void begin_crd_deletion(Json& doc);

}  // namespace api::rules
