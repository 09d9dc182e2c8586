#include "api/rules/machines.h"

#include "api/cluster.h"
#include "api/rules/version.h"
#include "base/text.h"
#include "crypto/hash.h"

namespace api::rules {
namespace {

constexpr size_t label_bytes_max = 63;
constexpr int node_deletion_timeout_seconds = 10;

// A name as label value; a digest of it when it is too long.
std::string label_value(std::string_view name) {
  if (name.size() <= label_bytes_max) return std::string(name);
  return "hash_" + base::hex(crypto::sha256(name)).substr(0, 40) + "_z";
}

// In the selector and in the labels of the template, so that the one takes what the other makes.
void select_by(Json& doc, std::string_view label, const std::string& value) {
  if (Json* selected = object_at(doc, "spec.selector.matchLabels")) selected->set(label, value);
  if (Json* labels = object_at(doc, "spec.template.metadata.labels")) labels->set(label, value);
}

// An empty selector becomes "the machines that carry my name".
void fill_selector(Json& doc, std::string_view label) {
  const Json& selector = doc["spec"]["selector"];
  if (!selector["matchLabels"].empty() || !selector["matchExpressions"].empty()) return;
  select_by(doc, label, label_value(doc["metadata"]["name"].string()));
}

void fill_strategy(Json& doc) {
  set_default(doc, "spec.rollout.strategy.type", "RollingUpdate");
  if (doc.path("spec.rollout.strategy.type").string() != "RollingUpdate") return;
  set_default(doc, "spec.rollout.strategy.rollingUpdate.maxSurge", 1);
  set_default(doc, "spec.rollout.strategy.rollingUpdate.maxUnavailable", 0);
}

bool taint_is_owned(std::string_view key) {
  if (key == "node.cluster.x-k8s.io/uninitialized" || key == "node.cluster.x-k8s.io/outdated-revision") return true;
  if (key.starts_with("node.kubernetes.io/")) return key != "node.kubernetes.io/out-of-service";
  return key.starts_with("node.cloudprovider.kubernetes.io/") || key == "node-role.kubernetes.io/master";
}

// The parts of a MachineSpec that a Machine and a template have in common.
void check_machine_spec(const Json& spec, const std::string& field, bool control_plane, Findings& found) {
  check_version(spec, "version", field + ".version", found);
  const Json& bootstrap = spec["bootstrap"];
  if (bootstrap["configRef"].is_null() && !bootstrap.has("dataSecretName")) {
    found.push_back(
        meta::field_required(field + ".bootstrap", "expected either bootstrap.configRef or bootstrap.dataSecretName"));
  }
  check_taints(spec["taints"], field + ".taints", control_plane, found);
}

// MachineSet and MachineDeployment.
void check_group(const Json& doc, Findings& found) {
  const Json& spec = doc["spec"];
  check_replicas(spec, found);
  check_selector(spec["selector"], spec["template"]["metadata"]["labels"], found);
  const Json& owner = spec["template"]["spec"]["clusterName"];
  if (owner != spec["clusterName"]) {
    found.push_back(meta::field_invalid("spec.template.spec.clusterName", owner, "must be equal to spec.clusterName"));
  }
  check_machine_spec(spec["template"]["spec"], "spec.template.spec", false, found);
  check_naming(doc, "machineSet", found);
}

bool is_zero(const Json& value) { return value.is_integer() && value.integer() == 0; }

void check_deployment(const Json& doc, Findings& found) {
  const std::string& name = doc["metadata"]["name"].string();
  if (name.size() > label_bytes_max) {
    found.push_back(meta::field_invalid("metadata.name", name, "must be no more than 63 characters: it is a label"));
  }
  check_group(doc, found);
  const Json& rolling = doc["spec"]["rollout"]["strategy"]["rollingUpdate"];
  const std::string field = "spec.rollout.strategy.rollingUpdate";
  check_count_or_percent(rolling["maxSurge"], field + ".maxSurge", found);
  check_count_or_percent(rolling["maxUnavailable"], field + ".maxUnavailable", found);
  if (is_zero(rolling["maxSurge"]) && is_zero(rolling["maxUnavailable"])) {
    found.push_back(meta::field_invalid(field + ".maxUnavailable", 0,
                                        "may not be 0 when maxSurge is 0: no machine could ever be replaced"));
  }
  check_count_or_percent(doc["spec"]["remediation"]["maxInFlight"], "spec.remediation.maxInFlight", found);
}

}  // namespace

void check_taints(const Json& taints, const std::string& field, bool control_plane, Findings& found) {
  for (size_t i = 0; i < taints.size(); ++i) {
    const std::string& key = taints.at(i)["key"].string();
    const std::string at = field + "[" + std::to_string(i) + "].key";
    if (taint_is_owned(key)) {
      found.push_back(meta::field_invalid(at, key, "this taint is managed by components of Kubernetes"));
    } else if (key == "node-role.kubernetes.io/control-plane" && !control_plane) {
      found.push_back(meta::field_invalid(at, key, "this taint is only for control-plane machines"));
    }
  }
}

void fill_machine(Json& doc, const Json*) {
  fill_cluster_label(doc);
  prefix_version(doc, "spec.version");
  set_default(doc, "spec.deletion.nodeDeletionTimeoutSeconds", node_deletion_timeout_seconds);
}

Findings check_machine(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, [](const Json& one, Findings& out) {
    check_machine_spec(one["spec"], "spec", one["metadata"]["labels"].has(control_plane_label), out);
  });
  check_immutable(doc, old, {"spec.clusterName"}, found);
  return found;
}

void fill_machine_set(Json& doc, const Json* old) {
  fill_cluster_label(doc);
  fill_replicas(doc, old);
  set_default(doc, "spec.deletion.order", "Random");
  fill_selector(doc, set_name_label);
  prefix_version(doc, "spec.template.spec.version");
}

Findings check_machine_set(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_group);
  check_immutable(doc, old, {"spec.clusterName"}, found);
  return found;
}

void fill_machine_deployment(Json& doc, const Json* old) {
  fill_cluster_label(doc);
  fill_replicas(doc, old);
  fill_strategy(doc);
  fill_selector(doc, deployment_name_label);
  const std::string cluster = doc["spec"]["clusterName"].string();
  if (!cluster.empty()) select_by(doc, cluster_name_label, cluster);
  prefix_version(doc, "spec.template.spec.version");
}

Findings check_machine_deployment(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_deployment);
  check_immutable(doc, old, {"spec.clusterName"}, found);
  return found;
}

// Tools that describe clusters list them, so they are served.
std::vector<std::string> warn_machine_pool(const Json&) {
  return {"MachinePools are stored, but Ingot does not make machines for them"};
}

}  // namespace api::rules
