// Rules of core kinds that clients notice; what registration strategies of kube-apiserver do.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// stringData is merged into data and dropped; type is Opaque unless said, and kept on update.
void fill_secret(Json& doc, const Json* old);
std::vector<FieldError> check_secret(const Json& doc, const Json* old, Operation operation);
std::vector<std::string> warn_secret(const Json& doc);  // about certificates and keys that are of no use
std::vector<FieldError> check_config_map(const Json& doc, const Json* old, Operation operation);

std::vector<FieldError> check_lease(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
