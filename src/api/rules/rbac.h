// Rules of the kinds of rbac.authorization.k8s.io. They say all that is wrong with an object, in kube-apiserver's
// order.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// Role and ClusterRole: rules are always there, if only as null.
void fill_role(Json& doc, const Json* old);
std::vector<FieldError> check_role(const Json& doc, const Json* old, Operation operation);
std::vector<FieldError> check_cluster_role(const Json& doc, const Json* old, Operation operation);

// RoleBinding and ClusterRoleBinding.
void fill_binding(Json& doc, const Json* old);
std::vector<FieldError> check_binding(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
