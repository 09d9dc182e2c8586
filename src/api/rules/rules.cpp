#include "api/rules/rules.h"

#include <map>

#include "api/rules/core.h"
#include "api/rules/core_cells.h"

namespace api::rules {

const Rules* rules_of(std::string_view resource) {
  static const std::map<std::string_view, Rules> table = {
      {"configmaps", {nullptr, check_config_map, nullptr, cell_of_config_map}},
      {"events", {fill_event, check_event, nullptr, cell_of_event}},
      {"nodes", {nullptr, nullptr, nullptr, cell_of_node}},
      {"pods", {fill_pod, nullptr, nullptr, cell_of_pod}},
      {"secrets", {fill_secret, check_secret, nullptr, cell_of_secret}},
      {"serviceaccounts", {nullptr, nullptr, nullptr, cell_of_service_account}},
      {"daemonsets.apps", {fill_workload, check_workload, nullptr, cell_of_workload}},
      {"deployments.apps", {fill_workload, check_workload, nullptr, cell_of_workload}},
      {"leases.coordination.k8s.io", {fill_lease, check_lease, nullptr, nullptr}},
      {"clusterrolebindings.rbac.authorization.k8s.io", {fill_binding, check_binding, nullptr, cell_of_binding}},
      {"rolebindings.rbac.authorization.k8s.io", {fill_binding, check_binding, nullptr, cell_of_binding}},
  };
  const auto found = table.find(resource);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace api::rules
