// Rules of services, endpoints, network policies and limits.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// Addresses and node ports are drawn from the object's UID: nothing here routes to them, but clients wait for them.
void fill_service(Json& doc, const Json* old);
std::vector<FieldError> check_service(const Json& doc, const Json* old, Operation operation);
void fill_endpoint_slice(Json& doc, const Json* old);
void fill_network_policy(Json& doc, const Json* old);
void fill_limit_range(Json& doc, const Json* old);
void fill_autoscaler(Json& doc, const Json* old);

}  // namespace api::rules
