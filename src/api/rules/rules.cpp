#include "api/rules/rules.h"

#include <map>

#include "api/rules/admissionregistration.h"
#include "api/rules/bootstrap.h"
#include "api/rules/cluster.h"
#include "api/rules/controlplane.h"
#include "api/rules/core.h"
#include "api/rules/core_cells.h"
#include "api/rules/crd.h"
#include "api/rules/events.h"
#include "api/rules/flowcontrol.h"
#include "api/rules/infrastructure.h"
#include "api/rules/machines.h"
#include "api/rules/metal3.h"
#include "api/rules/metal3_firmware.h"
#include "api/rules/nodes.h"
#include "api/rules/pods.h"
#include "api/rules/rbac.h"
#include "api/rules/service_account.h"
#include "api/rules/services.h"
#include "api/rules/workload_cells.h"
#include "meta/crd_read.h"

namespace api::rules {

const Rules* rules_of(std::string_view resource) {
  static const std::map<std::string_view, Rules> table = {
      {"configmaps", {nullptr, check_config_map, nullptr, cell_of_config_map}},
      {"events", {fill_event, nullptr, nullptr, cell_of_event, nullptr, true, check_event}},
      {"nodes", {fill_node, check_node, nullptr, cell_of_node, nullptr, true}},
      {"pods", {fill_pod, check_pod, nullptr, cell_of_pod}},
      {"endpoints", {nullptr, nullptr, nullptr, cell_of_endpoints}},
      {"limitranges", {fill_limit_range, nullptr, nullptr, nullptr}},
      {"persistentvolumes", {nullptr, nullptr, nullptr, cell_of_volume}},
      {"persistentvolumeclaims", {nullptr, nullptr, nullptr, cell_of_volume}},
      {"podtemplates", {fill_workload, nullptr, nullptr, cell_of_pod_template}},
      {"replicationcontrollers", {fill_replication_controller, nullptr, nullptr, cell_of_workload}},
      {"resourcequotas", {nullptr, nullptr, nullptr, cell_of_quota}},
      {"services", {fill_service, check_service, nullptr, cell_of_service}},
      {"secrets", {fill_secret, check_secret, warn_secret, cell_of_secret}},
      {"serviceaccounts", {fill_service_account, nullptr, nullptr, nullptr}},
      {"mutatingwebhookconfigurations.admissionregistration.k8s.io",
       {fill_webhooks, check_webhooks, nullptr, cell_of_webhooks}},
      {"validatingwebhookconfigurations.admissionregistration.k8s.io",
       {fill_webhooks, check_webhooks, nullptr, cell_of_webhooks}},
      {"validatingadmissionpolicies.admissionregistration.k8s.io",
       {fill_validating_policy, check_validating_policy, nullptr, cell_of_validating_policy}},
      {"validatingadmissionpolicybindings.admissionregistration.k8s.io",
       {nullptr, check_validating_binding, nullptr, cell_of_validating_binding}},
      {"customresourcedefinitions.apiextensions.k8s.io",
       {fill_crd, check_crd, meta::crd_warnings, nullptr, begin_crd_deletion, true}},
      {"daemonsets.apps", {fill_workload, check_workload, nullptr, cell_of_workload}},
      {"deployments.apps", {fill_workload, check_workload, nullptr, cell_of_workload}},
      {"controllerrevisions.apps", {nullptr, nullptr, nullptr, cell_of_revision}},
      {"replicasets.apps", {fill_workload, check_workload, nullptr, cell_of_workload}},
      {"statefulsets.apps", {fill_stateful_set, check_stateful_set, nullptr, cell_of_workload}},
      {"horizontalpodautoscalers.autoscaling", {fill_autoscaler, nullptr, nullptr, cell_of_autoscaler}},
      {"cronjobs.batch", {fill_cron_job, check_cron_job, nullptr, cell_of_job}},
      {"jobs.batch", {fill_job, check_job, nullptr, cell_of_job}},
      {"endpointslices.discovery.k8s.io", {fill_endpoint_slice, nullptr, nullptr, cell_of_endpoints}},
      {"ingressclasses.networking.k8s.io", {nullptr, nullptr, nullptr, cell_of_ingress}},
      {"ingresses.networking.k8s.io", {nullptr, nullptr, nullptr, cell_of_ingress}},
      {"networkpolicies.networking.k8s.io", {fill_network_policy, nullptr, nullptr, cell_of_policy}},
      {"poddisruptionbudgets.policy", {nullptr, nullptr, nullptr, cell_of_policy}},
      {"priorityclasses.scheduling.k8s.io", {nullptr, nullptr, nullptr, cell_of_class}},
      {"csidrivers.storage.k8s.io", {nullptr, nullptr, nullptr, cell_of_class}},
      {"csinodes.storage.k8s.io", {nullptr, nullptr, nullptr, cell_of_class}},
      {"storageclasses.storage.k8s.io", {nullptr, nullptr, nullptr, cell_of_class}},
      {"flowschemas.flowcontrol.apiserver.k8s.io", {nullptr, check_flow_schema, nullptr, cell_of_flow_schema}},
      {"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
       {nullptr, check_priority_level, nullptr, cell_of_priority_level}},
      {"certificatesigningrequests.certificates.k8s.io", {nullptr, nullptr, nullptr, cell_of_signing_request}},
      {"leases.coordination.k8s.io", {nullptr, check_lease, nullptr, nullptr}},
      {"clusterrolebindings.rbac.authorization.k8s.io",
       {fill_binding, check_binding, nullptr, cell_of_binding, nullptr, true}},
      {"clusterroles.rbac.authorization.k8s.io", {fill_role, check_cluster_role, nullptr, nullptr, nullptr, true}},
      {"rolebindings.rbac.authorization.k8s.io",
       {fill_binding, check_binding, nullptr, cell_of_binding, nullptr, true}},
      {"roles.rbac.authorization.k8s.io", {fill_role, check_role, nullptr, nullptr, nullptr, true}},
      {"clusters.cluster.x-k8s.io", {nullptr, check_cluster, nullptr, nullptr}},
      {"machinepools.cluster.x-k8s.io", {nullptr, nullptr, warn_machine_pool, nullptr}},
      {"machines.cluster.x-k8s.io", {fill_machine, check_machine, nullptr, nullptr}},
      {"machinesets.cluster.x-k8s.io", {fill_machine_set, check_machine_set, nullptr, nullptr}},
      {"machinedeployments.cluster.x-k8s.io", {fill_machine_deployment, check_machine_deployment, nullptr, nullptr}},
      {"machinehealthchecks.cluster.x-k8s.io", {fill_health_check, check_health_check, warn_health_check, nullptr}},
      {"kubeadmconfigs.bootstrap.cluster.x-k8s.io", {fill_kubeadm_config, check_kubeadm_config, nullptr, nullptr}},
      {"kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io",
       {fill_kubeadm_config_template, check_kubeadm_config_template, nullptr, nullptr}},
      {"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
       {fill_control_plane, check_control_plane, warn_control_plane, nullptr}},
      {"kubeadmcontrolplanetemplates.controlplane.cluster.x-k8s.io",
       {nullptr, check_control_plane_template, nullptr, nullptr}},
      {"metal3clusters.infrastructure.cluster.x-k8s.io", {fill_metal3_cluster, check_metal3_cluster, nullptr, nullptr}},
      {"metal3machines.infrastructure.cluster.x-k8s.io", {nullptr, check_metal3_machine, nullptr, nullptr}},
      {"metal3machinetemplates.infrastructure.cluster.x-k8s.io",
       {nullptr, check_metal3_machine_template, nullptr, nullptr}},
      {"baremetalhosts.metal3.io", {nullptr, check_host, warn_host, nullptr}},
      {"bmceventsubscriptions.metal3.io", {nullptr, check_event_subscription, nullptr, nullptr}},
      {"dataimages.metal3.io", {nullptr, check_data_image, nullptr, nullptr}},
      {"hostfirmwarecomponents.metal3.io", {nullptr, check_firmware_components, nullptr, nullptr}},
  };
  const auto found = table.find(resource);
  return found == table.end() ? nullptr : &found->second;
}

std::optional<std::vector<FieldError>> all_findings(const meta::Kind& kind, const Json& doc, const Json* old,
                                                    Operation operation, std::string_view api_version) {
  const Rules* rules = kind.custom ? nullptr : rules_of(kind.resource());
  if (!rules) return std::nullopt;
  if (rules->check_version) return rules->check_version(doc, old, operation, api_version);
  if (!rules->says_all) return std::nullopt;
  return rules->check(doc, old, operation);
}

}  // namespace api::rules
