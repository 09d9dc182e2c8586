#include "api/rules/controlplane.h"

#include "api/rules/bootstrap.h"
#include "api/rules/machines.h"
#include "api/rules/version.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr int64_t replicas_min_without_surge = 3;

bool has_external_etcd(const Json& doc) {
  return doc["spec"]["kubeadmConfigSpec"]["clusterConfiguration"]["etcd"].has("external");
}

// etcd's members are the machines: an even number bears no more failures than one less, and splits into halves.
void check_size(const Json& doc, Findings& found) {
  const Json& replicas = doc["spec"]["replicas"];
  if (replicas.integer() <= 0) {
    found.push_back(meta::field_invalid("spec.replicas", replicas, "must be greater than 0"));
  } else if (replicas.integer() % 2 == 0 && !has_external_etcd(doc)) {
    found.push_back(meta::field_forbidden("spec.replicas", "must be odd when etcd runs on the control-plane machines"));
  }
}

void check_surge(const Json& spec, Findings& found) {
  const Json& surge = spec["rollout"]["strategy"]["rollingUpdate"]["maxSurge"];
  if (surge.is_null()) return;
  const std::string field = "spec.rollout.strategy.rollingUpdate.maxSurge";
  const std::string& text = surge.string();
  const auto number = surge.is_integer() ? std::optional<int64_t>(surge.integer()) : base::parse_int(text);
  if (!number || (*number != 0 && *number != 1)) {
    found.push_back(meta::field_invalid(field, surge, "must be 0 or 1"));
  } else if (*number == 0 && spec["replicas"].integer() < replicas_min_without_surge) {
    found.push_back(meta::field_invalid(field, surge, "may be 0 only with at least 3 replicas"));
  }
}

void check_timeouts(const Json& config, Findings& found) {
  const char* name = "controlPlaneComponentHealthCheckSeconds";
  const Json& init = config["initConfiguration"]["timeouts"][name];
  const Json& join = config["joinConfiguration"]["timeouts"][name];
  if (init == join) return;
  found.push_back(meta::field_invalid("spec.kubeadmConfigSpec.initConfiguration.timeouts." + std::string(name), init,
                                      "must be equal to joinConfiguration.timeouts." + std::string(name)));
}

void check_control_plane_itself(const Json& doc, Findings& found) {
  const Json& spec = doc["spec"];
  check_size(doc, found);
  check_version(spec, "version", "spec.version", found);
  check_surge(spec, found);
  check_naming(doc, "kubeadmControlPlane", found);
  check_taints(spec["machineTemplate"]["spec"]["taints"], "spec.machineTemplate.spec.taints", true, found);
  check_kubeadm_spec(spec["kubeadmConfigSpec"], "spec.kubeadmConfigSpec", found);
  check_timeouts(spec["kubeadmConfigSpec"], found);
}

// kubeadm moves a control plane by one minor version at a time and never back.
void check_upgrade(const Json& doc, const Json& old, Findings& found) {
  const Json& wanted = doc["spec"]["version"];
  const auto from = parse_release(old["spec"]["version"].string()), to = parse_release(wanted.string());
  if (!from || !to) return;
  const std::string now = old["spec"]["version"].string();
  if (to->major != from->major) {
    found.push_back(meta::field_forbidden("spec.version", "cannot change the major version from " + now));
  } else if (to->minor < from->minor) {
    found.push_back(meta::field_forbidden(
        "spec.version", "cannot go back from " + now + " to " + wanted.string() + ": kubeadm has no downgrade"));
  } else if (to->minor > from->minor + 1) {
    found.push_back(meta::field_forbidden(
        "spec.version", "cannot go from " + now + " to " + wanted.string() + ": upgrade one minor version at a time"));
  }
}

void check_transition(const Json& doc, const Json& old, Findings& found) {
  check_upgrade(doc, old, found);
  check_immutable(doc, &old,
                  {"spec.kubeadmConfigSpec.clusterConfiguration.controlPlaneEndpoint",
                   "spec.kubeadmConfigSpec.clusterConfiguration.certificatesDir",
                   "spec.kubeadmConfigSpec.clusterConfiguration.caCertificateValidityPeriodDays"},
                  found);
  if (has_external_etcd(doc) != has_external_etcd(old)) {
    found.push_back(meta::field_forbidden("spec.kubeadmConfigSpec.clusterConfiguration.etcd",
                                          "cannot change between stacked and external etcd"));
  }
}

}  // namespace

void fill_control_plane(Json& doc, const Json*) {
  set_default(doc, "spec.replicas", 1);
  prefix_version(doc, "spec.version");
  set_default(doc, "spec.rollout.strategy.type", "RollingUpdate");
  set_default(doc, "spec.rollout.strategy.rollingUpdate.maxSurge", 1);
  set_default(doc, "spec.kubeadmConfigSpec.format", "cloud-config");
}

Findings check_control_plane(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_control_plane_itself);
  if (old) check_transition(doc, *old, found);
  return found;
}

std::vector<std::string> warn_control_plane(const Json& doc) {
  if (!has_external_etcd(doc)) return {};
  return {
      "spec.kubeadmConfigSpec.clusterConfiguration.etcd.external: external etcd is not supported yet, the control "
      "plane will not grow beyond its first machine"};
}

Findings check_control_plane_template(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  Findings found;
  check_immutable(doc, old, {"spec.template.spec"}, found);
  return found;
}

}  // namespace api::rules
