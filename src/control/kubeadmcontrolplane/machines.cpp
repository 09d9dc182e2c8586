// The machines of a control plane: what is known of them, how they are made and kept in step.
#include <algorithm>

#include "base/text.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"

namespace control::kubeadmcontrolplane {

std::vector<Ref<Machine>> machines(const Scope& scope) { return scope.ctx.children_of<Machine>(scope.plane.meta); }

namespace {

Ref<api::KubeadmConfig> config_of(const Scope& scope, const Machine& machine) {
  return scope.ctx.find<api::KubeadmConfig>(machine.meta.ns, machine.spec.bootstrap.config.name);
}

// joinConfiguration without the discovery part that the bootstrap provider fills in.
Json without_discovery(Json join) {
  join.erase("discovery");
  return join.empty() ? Json() : join;
}

bool same_kubeadm(const api::KubeadmConfigSpec& wanted, const api::KubeadmConfigSpec& have) {
  api::KubeadmConfigSpec a = wanted, b = have;
  for (auto* one : {&a, &b}) {
    one->cluster_configuration.erase("dns");  // changed in the running cluster, not on machines
    if (one->cluster_configuration.empty()) one->cluster_configuration = Json();
    if (one->format.empty()) one->format = "cloud-config";
  }
  if (!have.init_configuration.is_null()) {
    // The first machine was made by init; it is current when it looks like an init or a join of today.
    const Json& registered = have.init_configuration["nodeRegistration"];
    if (registered != wanted.init_configuration["nodeRegistration"] &&
        registered != wanted.join_configuration["nodeRegistration"])
      return false;
  } else if (!(without_discovery(wanted.join_configuration) == without_discovery(have.join_configuration))) {
    return false;
  }
  a.init_configuration = b.init_configuration = a.join_configuration = b.join_configuration = Json();
  return a == b;
}

std::vector<std::string> component_problems(const Scope& scope, const Machine& machine) {
  std::vector<std::string> out;
  if (machine.status.node.name.empty() || !scope.workload) return out;
  for (const char* component : {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}) {
    const auto found = std::find_if(scope.workload->components.begin(), scope.workload->components.end(),
                                    [&](const workload::ComponentPod& pod) {
                                      return pod.component == component && pod.node == machine.status.node.name;
                                    });
    const std::string pod = std::string(component) + "-" + machine.status.node.name;
    if (found == scope.workload->components.end())
      out.push_back("Pod " + pod + " does not exist");
    else if (!found->ready)
      out.push_back("Pod " + pod + " is not ready" + (found->problem.empty() ? "" : ": " + found->problem));
  }
  return out;
}

}  // namespace

std::vector<std::string> outdated_reasons(const Scope& scope, const Machine& machine) {
  std::vector<std::string> why;
  const auto& spec = scope.plane.spec;
  if (machine.spec.version != spec.version)
    why.push_back("Version " + machine.spec.version + ", " + spec.version + " required");
  const External infrastructure = external(scope.ctx, machine.meta.ns, machine.spec.infrastructure);
  const std::string& cloned =
      infrastructure.doc.path("metadata.annotations")[api::cloned_from_name_annotation].string();
  if (infrastructure.exists() && !cloned.empty() && cloned != spec.machine.spec.infrastructure.name) {
    why.push_back(spec.machine.spec.infrastructure.kind + " " + cloned + ", " + spec.machine.spec.infrastructure.name +
                  " required");
  }
  if (const auto config = config_of(scope, machine); config && !same_kubeadm(spec.kubeadm, config->spec))
    why.push_back("KubeadmConfig is not up-to-date");
  if (spec.rollout.after && *spec.rollout.after <= scope.ctx.now() && machine.meta.created < *spec.rollout.after)
    why.push_back("KubeadmControlPlane spec.rollout.after expired");
  const auto& expiry = machine.status.certificates_expiry;
  const auto& days = spec.rollout.before.certificates_expiry_days;
  if (expiry && days && *expiry - scope.ctx.now() < base::hours(24) * *days) {
    why.push_back("Certificates expire at " + base::rfc3339(*expiry) +
                  ", within spec.rollout.before.certificatesExpiryDays (" + std::to_string(*days) + ")");
  }
  return why;
}

void observe(Scope& scope) {
  auto& out = scope.situation;
  out = {.replicas = scope.plane.spec.replicas.value_or(1),
         .initialized = scope.status.initialization.control_plane_initialized.value_or(false)};
  const auto& surge = scope.plane.spec.rollout.strategy.rolling.max_surge;
  out.surge = surge.is_null() ? 1 : scaled(surge, out.replicas, true);
  for (const auto& domain : scope.cluster->status.failure_domains) {
    if (domain.control_plane.value_or(false)) out.domains.push_back(domain.name);
  }
  if (scope.workload && scope.workload->reachable) {
    out.etcd = scope.workload->etcd;
    out.etcd_known = scope.workload->etcd_problem.empty() && !out.etcd.empty();
  }
  for (auto& machine : machines(scope)) {
    Member member{.machine = machine,
                  .outdated = outdated_reasons(scope, *machine),
                  .unhealthy = component_problems(scope, *machine)};
    for (const auto& etcd : out.etcd) {
      if (!machine->status.node.name.empty() && etcd.name == machine->status.node.name) member.etcd = &etcd;
    }
    if (!machine->status.node.name.empty() && out.etcd_known && !member.etcd)
      member.unhealthy.push_back("etcd has no member " + machine->status.node.name);
    if (member.etcd && !member.etcd->healthy)
      member.unhealthy.push_back("etcd member " + member.etcd->name + " is not healthy: " + member.etcd->problem);
    const Condition* checked = api::find_condition(machine->status.conditions, "HealthCheckSucceeded");
    const Condition* owner = api::find_condition(machine->status.conditions, "OwnerRemediated");
    member.marked_unhealthy = checked && checked->status == "False" && owner && owner->status == "False";
    out.members.push_back(std::move(member));
  }
}

namespace {

api::Labels machine_labels(const Scope& scope) {
  api::Labels labels = scope.plane.spec.machine.meta.labels;
  labels[std::string(api::cluster_name_label)] = scope.cluster->meta.name;
  labels[std::string(api::control_plane_label)] = "";
  labels[std::string(api::control_plane_name_label)] = label_value(scope.plane.meta.name);
  return labels;
}

// The failure domain with the fewest machines, for spreading; empty when the cluster has none.
std::string choose_domain(const Scope& scope) {
  std::string best;
  size_t fewest = 0;
  for (const auto& domain : scope.cluster->status.failure_domains) {
    if (!domain.control_plane.value_or(false)) continue;
    const auto count = static_cast<size_t>(
        std::count_if(scope.situation.members.begin(), scope.situation.members.end(), [&](const Member& member) {
          return !member.machine->meta.deleting() && member.outdated.empty() &&
                 member.machine->spec.failure_domain == domain.name;
        }));
    if (best.empty() || count < fewest) {
      best = domain.name;
      fewest = count;
    }
  }
  return best;
}

}  // namespace

Result<void> create_machine(Scope& scope, bool init) {
  const auto& plane = scope.plane;
  Machine machine;
  machine.meta.name = TRY(
      new_machine_name(scope.ctx, plane.spec.naming, scope.cluster->meta.name, "kubeadmControlPlane", plane.meta.name));
  machine.meta.ns = plane.meta.ns;
  machine.meta.labels = machine_labels(scope);
  machine.meta.annotations = plane.spec.machine.meta.annotations;
  machine.meta.annotations[std::string(cleanup_hook)] = "";
  const std::string replaces = plane.meta.annotation(remediation_in_progress);
  if (!replaces.empty()) machine.meta.annotations[std::string(remediation_for)] = replaces;
  machine.meta.owners = {scope.ctx.owner_reference(plane, true)};
  machine.spec.cluster_name = scope.cluster->meta.name;
  machine.spec.version = plane.spec.version;
  machine.spec.failure_domain = choose_domain(scope);
  machine.spec.readiness_gates = plane.spec.machine.spec.readiness_gates;
  machine.spec.deletion = plane.spec.machine.spec.deletion;
  machine.spec.taints = plane.spec.machine.spec.taints;
  machine.spec.infrastructure = TRY(clone_template(scope.ctx, {.from = plane.spec.machine.spec.infrastructure,
                                                               .ns = plane.meta.ns,
                                                               .name = machine.meta.name,
                                                               .cluster_name = scope.cluster->meta.name,
                                                               .labels = machine.meta.labels,
                                                               .owner = scope.ctx.owner_reference(plane, false)}));
  api::KubeadmConfig config;
  config.meta.name = machine.meta.name;
  config.meta.ns = plane.meta.ns;
  config.meta.labels = machine.meta.labels;
  config.meta.owners = {scope.ctx.owner_reference(plane, false)};
  config.spec = plane.spec.kubeadm;
  if (init)
    config.spec.join_configuration = Json();
  else
    config.spec.init_configuration = Json();
  TRY(scope.ctx.create(config));
  machine.spec.bootstrap.config = {"bootstrap.cluster.x-k8s.io", "KubeadmConfig", machine.meta.name};
  TRY(scope.ctx.create(machine));
  if (!replaces.empty()) {
    TRY(scope.ctx.update(plane, [](api::KubeadmControlPlane& changed) {
      changed.meta.annotations.erase(std::string(remediation_in_progress));
    }));
  }
  scope.ctx.event(plane, EventKind::normal, init ? "InitializingControlPlane" : "ScalingUp",
                  "Created Machine " + machine.meta.name + " with version " + machine.spec.version);
  return {};
}

Result<void> sync_in_place(Scope& scope) {
  const auto& wanted = scope.plane.spec.machine;
  for (const auto& machine : machines(scope)) {
    if (machine->meta.deleting()) continue;
    TRY(scope.ctx.update(*machine, [&](Machine& changed) {
      for (const auto& [key, value] : machine_labels(scope)) changed.meta.labels[key] = value;
      for (const auto& [key, value] : wanted.meta.annotations) changed.meta.annotations[key] = value;
      changed.meta.annotations.emplace(cleanup_hook, "");
      changed.spec.deletion = wanted.spec.deletion;
      changed.spec.readiness_gates = wanted.spec.readiness_gates;
      changed.spec.taints = wanted.spec.taints;
    }));
  }
  return {};
}

}  // namespace control::kubeadmcontrolplane
