#include "api/kinds.h"

#include "api/convert/convert.h"
#include "api/convert/events.h"
#include "api/rules/rules.h"
#include "base/check.h"
#include "base/embedded.h"
#include "meta/schema_text.h"

namespace api {

extern const base::EmbeddedText schema_files[];
extern const int schema_files_count;

namespace {

// Only these are served; a kind that is declared but has no reconciler yet is not.
constexpr std::string_view management_kinds[] = {
    "configmaps",
    "events",
    "namespaces",
    "secrets",
    "serviceaccounts",
    // Workloads and what belongs to them are stored, not run: charts, operators and their tests expect the kinds.
    "endpoints",
    "limitranges",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "services",
    "controllerrevisions.apps",
    "daemonsets.apps",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "horizontalpodautoscalers.autoscaling",
    "cronjobs.batch",
    "jobs.batch",
    "endpointslices.discovery.k8s.io",
    "ingressclasses.networking.k8s.io",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "priorityclasses.scheduling.k8s.io",
    "certificatesigningrequests.certificates.k8s.io",
    "csidrivers.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "storageclasses.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "leases.coordination.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "kubeadmconfigs.bootstrap.cluster.x-k8s.io",
    "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io",
    "clusters.cluster.x-k8s.io",
    "machinedeployments.cluster.x-k8s.io",
    "machinehealthchecks.cluster.x-k8s.io",
    "machinepools.cluster.x-k8s.io",
    "machines.cluster.x-k8s.io",
    "machinesets.cluster.x-k8s.io",
    "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
    "metal3clusters.infrastructure.cluster.x-k8s.io",
    "metal3machines.infrastructure.cluster.x-k8s.io",
    "metal3machinetemplates.infrastructure.cluster.x-k8s.io",
    "baremetalhosts.metal3.io",
    "bmceventsubscriptions.metal3.io",
    "dataimages.metal3.io",
    "firmwareschemas.metal3.io",
    "hardwaredata.metal3.io",
    "hostfirmwarecomponents.metal3.io",
    "hostfirmwaresettings.metal3.io",
    "hostupdatepolicies.metal3.io",
    "preprovisioningimages.metal3.io",
};

constexpr std::string_view workload_kinds[] = {
    "configmaps",
    "events",
    "namespaces",
    "nodes",
    "pods",
    "secrets",
    "serviceaccounts",
    "daemonsets.apps",
    "deployments.apps",
    "leases.coordination.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
};

// Versions other than the stored one are reached through the kind's conversion rules; without rules only the name of
// the version differs.
void hook_conversions(meta::Kind& kind) {
  const convert::Rules* rules = convert::rules_of(kind.group, kind.kind);
  for (auto& version : kind.versions) {
    if (version.name == kind.storage_version) continue;
    const std::string stored = kind.api_version(kind.storage_version), other = kind.api_version(version.name);
    static const convert::Rules none;
    const convert::Rules& table = rules ? *rules : none;
    if (version.name == convert::new_event_version) {
      version.to_storage = convert::event_to_core;
      version.from_storage = convert::event_from_core;
      continue;
    }
    version.to_storage = [&table, stored](meta::Json doc) { return convert::to_new(std::move(doc), table, stored); };
    version.from_storage = [&table, other](meta::Json doc) { return convert::to_old(std::move(doc), table, other); };
  }
}

void hook_rules(meta::Kind& kind) {
  const rules::Rules* rules = rules::rules_of(kind.resource());
  if (!rules) return;
  kind.fill_defaults = rules->fill_defaults;
  kind.check = rules->check;
  kind.warnings = rules->warnings;
  kind.cell = rules->cell;
  kind.begin_deletion = rules->begin_deletion;
}

template <size_t N>
meta::Scheme scheme_of(const std::string_view (&resources)[N]) {
  meta::Scheme scheme;
  for (const auto resource : resources) {
    const meta::Kind* declared = declared_kind(resource);
    CHECK_THAT(declared, "a served kind is declared in a .schema file");
    meta::Kind kind = *declared;
    hook_conversions(kind);
    hook_rules(kind);
    scheme.add(std::move(kind));
  }
  return scheme;
}

}  // namespace

const std::vector<meta::Kind>& declared_kinds() {
  static const std::vector<meta::Kind> kinds = [] {
    std::vector<meta::SchemaSource> sources;
    for (int i = 0; i < schema_files_count; ++i) sources.push_back({schema_files[i].name, schema_files[i].text});
    auto parsed = meta::parse_schema_text(sources);
    CHECK_THAT(parsed.ok(), parsed.ok() ? "" : parsed.error().message.c_str());
    return std::move(*parsed);
  }();
  return kinds;
}

const meta::Kind* declared_kind(std::string_view resource) {
  for (const auto& kind : declared_kinds()) {
    if (kind.resource() == resource) return &kind;
  }
  return nullptr;
}

const meta::Scheme& management_scheme() {
  static const meta::Scheme scheme = scheme_of(management_kinds);
  return scheme;
}

const meta::Scheme& workload_scheme() {
  static const meta::Scheme scheme = scheme_of(workload_kinds);
  return scheme;
}

}  // namespace api
