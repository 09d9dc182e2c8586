#include "api/rules/cluster.h"

#include <algorithm>
#include <array>

#include "api/cluster.h"
#include "base/text.h"
#include "meta/formats.h"

namespace api::rules {
namespace {

constexpr size_t label_bytes_max = 63;
constexpr int node_startup_timeout_seconds = 600;
constexpr int node_startup_timeout_seconds_min = 30;

void check_blocks(const Json& blocks, const std::string& field, Findings& found) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Json& block = blocks.at(i);
    if (meta::has_format("cidr", block.string())) continue;
    found.push_back(meta::field_invalid(field + "[" + std::to_string(i) + "]", block,
                                        "must be a network such as 10.244.0.0/16 or fd00::/48"));
  }
}

void check_cluster_itself(const Json& doc, Findings& found) {
  const std::string& name = doc["metadata"]["name"].string();
  if (name.size() > label_bytes_max) {
    found.push_back(meta::field_invalid("metadata.name", name, "must be no more than 63 characters: it is a label"));
  }
  const Json& spec = doc["spec"];
  if (spec.has("topology")) {
    found.push_back(
        meta::field_forbidden("spec.topology", "managed topologies are not supported: ClusterClass is not served"));
  } else if (!spec.has("controlPlaneRef") && !spec.has("infrastructureRef")) {
    found.push_back(meta::field_required("spec.infrastructureRef",
                                         "one of controlPlaneRef and infrastructureRef is needed to make a cluster"));
  }
  check_blocks(spec["clusterNetwork"]["pods"]["cidrBlocks"], "spec.clusterNetwork.pods.cidrBlocks", found);
  check_blocks(spec["clusterNetwork"]["services"]["cidrBlocks"], "spec.clusterNetwork.services.cidrBlocks", found);
}

// "[a-b]"; the schema has seen to its form.
void check_range(const Json& range, Findings& found) {
  if (range.is_null()) return;
  const std::string& text = range.string();
  const size_t dash = text.find('-');
  if (text.size() < 5 || dash == std::string::npos) return;
  const auto from = base::parse_uint(std::string_view(text).substr(1, dash - 1));
  const auto to = base::parse_uint(std::string_view(text).substr(dash + 1, text.size() - dash - 2));
  if (from && to && *from <= *to) return;
  found.push_back(meta::field_invalid("spec.remediation.triggerIf.unhealthyInRange", range,
                                      "the first number must not be greater than the second"));
}

void check_condition_types(const Json& conditions, Findings& found) {
  constexpr std::array own = {"Available", "ExternallyRemediated", "HealthCheckSucceeded", "OwnerRemediated", "Ready"};
  for (size_t i = 0; i < conditions.size(); ++i) {
    const std::string& type = conditions.at(i)["type"].string();
    if (std::find(own.begin(), own.end(), type) == own.end()) continue;
    found.push_back(
        meta::field_invalid("spec.checks.unhealthyMachineConditions[" + std::to_string(i) + "].type", type,
                            "this condition depends on the result of health checks and cannot be their input"));
  }
}

void check_health_check_itself(const Json& doc, Findings& found) {
  const Json& spec = doc["spec"];
  const Json& selector = spec["selector"];
  if (selector["matchLabels"].empty() && selector["matchExpressions"].empty()) {
    found.push_back(meta::field_invalid("spec.selector", selector, "must not be empty: it would take every machine"));
  }
  const Json* cluster = selector["matchLabels"].find(cluster_name_label);
  if (cluster && *cluster != spec["clusterName"]) {
    found.push_back(meta::field_invalid("spec.selector.matchLabels[" + std::string(cluster_name_label) + "]", *cluster,
                                        "must be equal to spec.clusterName"));
  }
  const Json& startup = spec["checks"]["nodeStartupTimeoutSeconds"];
  if (startup.integer() != 0 && startup.integer() < node_startup_timeout_seconds_min) {
    found.push_back(meta::field_invalid("spec.checks.nodeStartupTimeoutSeconds", startup,
                                        "must be at least 30, or 0 to never wait for a node"));
  }
  check_condition_types(spec["checks"]["unhealthyMachineConditions"], found);
  const Json& trigger = spec["remediation"]["triggerIf"];
  check_count_or_percent(trigger["unhealthyLessThanOrEqualTo"], "spec.remediation.triggerIf.unhealthyLessThanOrEqualTo",
                         found);
  check_range(trigger["unhealthyInRange"], found);
}

}  // namespace

Findings check_cluster(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_cluster_itself);
  if (!old) return found;
  for (const char* reference : {"controlPlaneRef", "infrastructureRef"}) {
    if (!(*old)["spec"].has(reference) || doc["spec"].has(reference)) continue;
    found.push_back(meta::field_forbidden("spec." + std::string(reference), "cannot be removed once it is set"));
  }
  return found;
}

void fill_health_check(Json& doc, const Json*) {
  fill_cluster_label(doc);
  set_default(doc, "spec.checks.nodeStartupTimeoutSeconds", node_startup_timeout_seconds);
}

Findings check_health_check(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_health_check_itself);
  check_immutable(doc, old, {"spec.clusterName"}, found);
  return found;
}

std::vector<std::string> warn_health_check(const Json& doc) {
  const Json& trigger = doc["spec"]["remediation"]["triggerIf"];
  if (!trigger.has("unhealthyInRange") || !trigger.has("unhealthyLessThanOrEqualTo")) return {};
  return {"spec.remediation.triggerIf: unhealthyLessThanOrEqualTo has no effect when unhealthyInRange is set"};
}

}  // namespace api::rules
