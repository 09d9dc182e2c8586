// Hand-made columns of workload kinds, as `kubectl get` shows them.
#pragma once

#include <string_view>

#include "api/rules/rules.h"

namespace api::rules {

Json cell_of_service(const Json& doc, std::string_view column);
Json cell_of_endpoints(const Json& doc, std::string_view column);  // and of EndpointSlices
Json cell_of_volume(const Json& doc, std::string_view column);     // PersistentVolumes and their claims
Json cell_of_pod_template(const Json& doc, std::string_view column);
Json cell_of_quota(const Json& doc, std::string_view column);
Json cell_of_revision(const Json& doc, std::string_view column);
Json cell_of_autoscaler(const Json& doc, std::string_view column);
Json cell_of_job(const Json& doc, std::string_view column);      // and of CronJobs
Json cell_of_ingress(const Json& doc, std::string_view column);  // and of IngressClasses
Json cell_of_policy(const Json& doc, std::string_view column);   // NetworkPolicies and PodDisruptionBudgets
Json cell_of_signing_request(const Json& doc, std::string_view column);
Json cell_of_class(const Json& doc, std::string_view column);    // PriorityClasses, StorageClasses, CSI drivers

}  // namespace api::rules
