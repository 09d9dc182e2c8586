// Rules of nodes. They say all that is wrong with one, in kube-apiserver's order.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// Both forms of the pods' addresses; what pods may use is what there is, unless said.
void fill_node(Json& doc, const Json* old);
std::vector<FieldError> check_node(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
