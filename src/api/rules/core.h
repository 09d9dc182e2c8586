// Rules of core kinds that clients notice; what registration strategies of kube-apiserver do.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// stringData is merged into data and dropped; type is Opaque unless said, and kept on update.
void fill_secret(Json& doc, const Json* old);
std::vector<FieldError> check_secret(const Json& doc, const Json* old, Operation operation);
std::vector<FieldError> check_config_map(const Json& doc, const Json* old, Operation operation);

// MicroTime fields get their six digits, without which Go clients cannot read them.
void fill_lease(Json& doc, const Json* old);
std::vector<FieldError> check_lease(const Json& doc, const Json* old, Operation operation);
void fill_event(Json& doc, const Json* old);
std::vector<FieldError> check_event(const Json& doc, const Json* old, Operation operation);

// RoleBinding and ClusterRoleBinding.
void fill_binding(Json& doc, const Json* old);
std::vector<FieldError> check_binding(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
