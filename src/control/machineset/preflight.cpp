// Checks before a worker is made, so that no host is wiped for a machine that could not join.
#include "base/text.h"
#include "control/machineset/machineset.h"

namespace control::machineset {

namespace {

struct Minor {
  int64_t major = 0, minor = 0;
  bool known = false;
};

Minor parse_minor(std::string_view version) {
  if (version.starts_with("v")) version.remove_prefix(1);
  const auto parts = base::split(version, '.');
  if (parts.size() < 2) return {};
  const auto major = base::parse_int(parts[0]), minor = base::parse_int(parts[1]);
  if (!major || !minor) return {};
  return {*major, *minor, true};
}

bool skipped(const api::MachineSet& set, std::string_view check) {
  for (const auto one : base::split(set.meta.annotation("machineset.cluster.x-k8s.io/skip-preflight-checks"), ',')) {
    if (base::trim(one) == check || base::trim(one) == "All") return true;
  }
  return false;
}

// A control plane that is being made or upgraded is not a good moment for a join.
std::string control_plane_unstable(const External& control_plane) {
  if (!control_plane.doc.path("status.initialization.controlPlaneInitialized").boolean()) {
    return "";  // the bootstrap provider waits for that by itself, with its own reason
  }
  const std::string& wanted = control_plane.doc.path("spec.version").string();
  std::string lowest;
  for (const auto& one : control_plane.doc.path("status.versions").items()) {
    if (one["version"].string() != wanted) lowest = one["version"].string();
  }
  if (lowest.empty()) return "";
  return control_plane.text + " is upgrading from " + lowest + " to " + wanted +
         " (\"ControlPlaneIsStable\" preflight check failed)";
}

}  // namespace

std::vector<std::string> preflight(const Context& ctx, const Cluster& cluster, const api::MachineSet& set) {
  std::vector<std::string> failed;
  const External control_plane = external(ctx, cluster.meta.ns, cluster.spec.control_plane);
  const std::string& cluster_version = control_plane.doc.path("spec.version").string();
  if (cluster_version.empty() || control_plane.deleting()) return failed;
  if (!skipped(set, "ControlPlaneIsStable")) {
    if (auto why = control_plane_unstable(control_plane); !why.empty()) failed.push_back(std::move(why));
  }
  const Minor cp = parse_minor(cluster_version), worker = parse_minor(set.spec.machine.spec.version);
  if (!cp.known || !worker.known) return failed;
  const std::string versions =
      "MachineSet version (" + set.spec.machine.spec.version + ") and control plane version (" + cluster_version + ")";
  constexpr int64_t skew_max = 3;
  if (!skipped(set, "KubernetesVersionSkew") &&
      (worker.major != cp.major || worker.minor > cp.minor || worker.minor + skew_max < cp.minor)) {
    failed.push_back(
        versions +
        " do not conform to the Kubernetes version skew policy (\"KubernetesVersionSkew\" preflight check failed)");
  }
  if (!skipped(set, "KubeadmVersionSkew") && set.spec.machine.spec.bootstrap.config.kind == "KubeadmConfigTemplate" &&
      (worker.major != cp.major || worker.minor != cp.minor)) {
    failed.push_back(
        versions +
        " do not have the same minor version, as kubeadm join needs (\"KubeadmVersionSkew\" preflight check failed)");
  }
  return failed;
}

}  // namespace control::machineset
