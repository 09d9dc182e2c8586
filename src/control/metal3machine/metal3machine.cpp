#include "control/metal3machine/metal3machine.h"

#include <algorithm>

#include "base/text.h"
#include "control/metal3machine/node.h"

namespace control {

namespace metal3machine {

using api::BareMetalHostSpec;
using api::Metal3MachineStatus;
namespace host_state = api::host_state;

namespace {

constexpr std::string_view finalizer = "metal3machine.infrastructure.cluster.x-k8s.io";
constexpr std::string_view host_annotation = "metal3.io/BareMetalHost";

struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  const Metal3Machine& machine;
  Ref<Machine> owner;  // the Machine; null when there is none (yet)
  Ref<Cluster> cluster;
  Metal3MachineStatus status;
};

void associated(Scope& scope, bool done, std::string_view reason, const std::string& message) {
  api::set_condition(scope.status.conditions, condition("AssociateBareMetalHost", done, reason, message),
                     scope.ctx.now());
}
void ready(Scope& scope, bool done, std::string_view reason, const std::string& message) {
  api::set_condition(scope.status.conditions, condition("Ready", done, reason, message), scope.ctx.now());
}

Result<void> save(Scope& scope) {
  TRY(scope.ctx.update_status(scope.machine, [&](Metal3MachineStatus& status) { status = scope.status; }));
  return {};
}

bool consumes(const Metal3Machine& machine, const BareMetalHost& host) {
  const auto& consumer = host.spec.consumer_ref;
  return consumer && consumer->kind == "Metal3Machine" && consumer->name == machine.meta.name &&
         consumer->ns == machine.meta.ns;
}

// The host that this machine holds: its consumerRef decides, the annotation only says where to look first (a crash may
// fall between the two writes). A host that somebody else holds is never touched.
Ref<BareMetalHost> host_of(const Scope& scope) {
  const std::string& name = scope.machine.meta.annotation(host_annotation);
  const size_t slash = name.find('/');
  if (slash != std::string::npos && name.substr(0, slash) == scope.machine.meta.ns) {
    auto host = scope.ctx.find<BareMetalHost>(scope.machine.meta.ns, name.substr(slash + 1));
    if (host && consumes(scope.machine, *host)) return host;
  }
  for (auto& host : scope.ctx.list<BareMetalHost>(scope.machine.meta.ns)) {
    if (consumes(scope.machine, *host)) return host;
  }
  return nullptr;
}

// The reason the host itself gives for what it is doing.
std::string host_progress(const BareMetalHost& host) {
  if (!host.status.error_message.empty()) return host.status.error_type + ": " + host.status.error_message;
  const Condition* progress = api::find_condition(host.status.conditions, "Progressing");
  if (progress && !progress->message.empty()) return progress->message;
  return host.status.provisioning.state;
}

// Claims the host. One thread and assumed writes make this safe: whoever reads next already sees the consumerRef, and a
// write on an older version of the host is refused.
Result<void> claim(Scope& scope, const BareMetalHost& host) {
  const auto& machine = scope.machine;
  TRY(scope.ctx.update(host, [&](BareMetalHost& changed) {
    changed.spec.consumer_ref = api::ObjectReference{.api_version = "infrastructure.cluster.x-k8s.io/v1beta2",
                                                     .kind = "Metal3Machine",
                                                     .ns = machine.meta.ns,
                                                     .name = machine.meta.name};
    changed.meta.labels[std::string(api::cluster_name_label)] = scope.owner->spec.cluster_name;
    changed.meta.labels.erase(std::string(node_reuse_label));
  }));
  TRY(scope.ctx.update(machine, [&](Metal3Machine& changed) {
    changed.meta.annotations[std::string(host_annotation)] = host.meta.ns + "/" + host.meta.name;
  }));
  scope.ctx.event(machine, EventKind::normal, "BareMetalHostAssociated", "Took BareMetalHost " + host.meta.name);
  return {};
}

// What goes to the host. An image that is already there is never changed: that would wipe a running node.
Result<void> order(Scope& scope, const BareMetalHost& host) {
  const auto& spec = scope.machine.spec;
  TRY(scope.ctx.update(host, [&](BareMetalHost& changed) {
    BareMetalHostSpec& out = changed.spec;
    if (!out.image && !out.custom_deploy) {
      if (spec.image)
        out.image = api::HostImage{.url = spec.image->url,
                                   .checksum = spec.image->checksum,
                                   .checksum_type = spec.image->checksum_type,
                                   .format = spec.image->disk_format};
      out.custom_deploy = spec.custom_deploy;
      out.user_data = scope.status.user_data;
      out.meta_data = spec.meta_data;
      out.network_data = spec.network_data;
    }
    out.online = true;
  }));
  return {};
}

// Decides how the disks are treated when the host is given back, so it follows for as long as the machine lives.
Result<void> order_cleaning(Scope& scope, const BareMetalHost& host) {
  const std::string& mode = scope.machine.spec.automated_cleaning_mode;
  if (mode.empty() || host.spec.automated_cleaning_mode == mode) return {};
  TRY(scope.ctx.update(host, [&](BareMetalHost& changed) { changed.spec.automated_cleaning_mode = mode; }));
  return {};
}

void addresses(Scope& scope, const BareMetalHost& host) {
  std::vector<api::MachineAddress> out;
  const auto add = [&](const char* type, const std::string& address) {
    const api::MachineAddress one{type, address};
    if (!address.empty() && std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
  };
  if (host.status.hardware) {
    for (const auto& nic : host.status.hardware->nics) add("InternalIP", nic.ip);
  }
  const std::string& hostname =
      host.status.hardware && !host.status.hardware->hostname.empty() ? host.status.hardware->hostname : host.meta.name;
  add("Hostname", hostname);
  add("InternalDNS", hostname);
  scope.status.addresses = std::move(out);
}

Result<void> follow_host(Scope& scope, const BareMetalHost& host) {
  const auto& state = host.status.provisioning.state;
  associated(scope, true, "AssociateBareMetalHostSuccess", "");
  addresses(scope, host);
  if (state != host_state::provisioned && state != host_state::externally_provisioned) {
    remove_stale_node(scope.ctx, scope.clusters, *scope.cluster, scope.machine, host);
    const bool failed = !host.status.error_message.empty();
    ready(scope, false, failed ? "BareMetalHostError" : "BareMetalHostNotReady",
          "BareMetalHost " + host.meta.name + ": " + host_progress(host));
    return {};
  }
  const std::string id = provider_id(scope.machine, host);
  if (scope.machine.spec.provider_id != id) {
    TRY(scope.ctx.update(scope.machine, [&](Metal3Machine& changed) { changed.spec.provider_id = id; }));
  }
  scope.status.initialization.provisioned = true;
  const bool healthy = host.status.error_message.empty();
  ready(scope, healthy, healthy ? "Ready" : "BareMetalHostError",
        healthy ? "" : "BareMetalHost " + host.meta.name + ": " + host_progress(host));
  const auto obstacle = TRY(link_node(scope.ctx, scope.clusters, *scope.cluster, scope.machine, host));
  if (healthy && !obstacle.empty()) ready(scope, false, "NodeProviderIDConflict", obstacle);
  return {};
}

// True when everything that has to be there before a host may be taken is there.
bool may_claim(Scope& scope) {
  const auto wait = [&](std::string_view reason, const std::string& message) {
    associated(scope, false, reason, message);
    ready(scope, false, reason, message);
    return false;
  };
  if (!scope.cluster->status.initialization.infrastructure_provisioned.value_or(false)) {
    return wait("WaitingForClusterInfrastructureReady",
                "controller: waiting for the Cluster's infrastructure to be provisioned");
  }
  if (scope.machine.spec.user_data) {
    scope.status.user_data =
        api::SecretReference{.name = scope.machine.spec.user_data->name, .ns = scope.machine.meta.ns};
  } else if (scope.owner->spec.bootstrap.data_secret_name) {
    scope.status.user_data =
        api::SecretReference{.name = *scope.owner->spec.bootstrap.data_secret_name, .ns = scope.machine.meta.ns};
  } else {
    const Condition* bootstrap = api::find_condition(scope.owner->status.conditions, "BootstrapConfigReady");
    return wait("WaitingForBootstrapData",
                "bootstrap: waiting for bootstrap data" +
                    (bootstrap && !bootstrap->message.empty() ? ": " + bootstrap->message : std::string()));
  }
  if (scope.machine.spec.data_template) {
    return wait("Metal3DataTemplateNotServed",
                "API: spec.dataTemplate names Metal3DataTemplate " + scope.machine.spec.data_template->name +
                    ", a kind that is not served yet; remove it and use spec.metaData and spec.networkData");
  }
  return true;
}

Result<void> reconcile_association(Scope& scope) {
  auto host = host_of(scope);
  if (!host) {
    if (scope.status.initialization.provisioned.value_or(false)) {
      ready(scope, false, "BareMetalHostMissing",
            "controller: the BareMetalHost of this machine is gone; delete the Machine to replace it");
      return {};
    }
    if (!may_claim(scope)) return {};
    const auto choice = TRY(choose_host(scope.machine, scope.ctx.list<BareMetalHost>(scope.machine.meta.ns)));
    if (!choice.host) {
      associated(scope, false, "NoAvailableBareMetalHost", choice.why);
      ready(scope, false, "NoAvailableBareMetalHost", choice.why);
      return {};
    }
    TRY(claim(scope, *choice.host));
    host = scope.ctx.find<BareMetalHost>(choice.host->meta.ns, choice.host->meta.name);
  }
  if (!scope.status.initialization.provisioned.value_or(false) && may_claim(scope)) {
    TRY(order(scope, *host));
    host = scope.ctx.find<BareMetalHost>(host->meta.ns, host->meta.name);
  }
  TRY(order_cleaning(scope, *host));
  return follow_host(scope, *host);
}

bool busy(const BareMetalHost& host) {
  const auto& state = host.status.provisioning.state;
  return state == host_state::provisioning || state == host_state::provisioned || state == host_state::deprovisioning ||
         state == host_state::inspecting || state == host_state::preparing ||
         host.status.provisioning.image.has_value();
}

// Gives the host back: it cleans itself and powers off; only then is the claim dropped.
Result<bool> release(Scope& scope) {
  const auto host = host_of(scope);
  if (!host) return true;
  const bool external = host->status.provisioning.state == host_state::externally_provisioned;
  TRY(scope.ctx.update(*host, [&](BareMetalHost& changed) {
    BareMetalHostSpec& out = changed.spec;
    out.image = std::nullopt;
    out.custom_deploy = std::nullopt;
    out.user_data = std::nullopt;
    out.meta_data = std::nullopt;
    out.network_data = std::nullopt;
    out.online = out.disable_power_off;
  }));
  if (!host->meta.deleting() && (external ? host->status.powered_on && !host->spec.disable_power_off : busy(*host))) {
    ready(scope, false, "Deleting",
          "Waiting for BareMetalHost " + host->meta.name + " to be released: " + host_progress(*host));
    return false;
  }
  const auto current = scope.ctx.find<BareMetalHost>(host->meta.ns, host->meta.name);
  const bool kept = keeps_host(scope.ctx, scope.machine, scope.cluster.get());
  TRY(scope.ctx.update(*current, [&](BareMetalHost& changed) {
    changed.spec.consumer_ref = std::nullopt;
    changed.meta.labels.erase(std::string(api::cluster_name_label));
    if (!kept) return;
    changed.meta.labels[std::string(node_reuse_label)] = node_reuse_value(scope.machine);
    changed.spec.consumer_ref = api::ObjectReference{.api_version = "cluster.x-k8s.io/v1beta2",
                                                     .kind = "Cluster",
                                                     .ns = scope.cluster->meta.ns,
                                                     .name = scope.cluster->meta.name};
  }));
  scope.ctx.event(scope.machine, EventKind::normal, "BareMetalHostReleased",
                  "Released BareMetalHost " + host->meta.name + (kept ? ", kept for the next machine" : ""));
  return true;
}

Result<Outcome> reconcile_delete(Scope& scope) {
  if (!scope.machine.meta.has_finalizer(finalizer)) return Outcome::done();
  if (TRY(release(scope))) {
    TRY(scope.ctx.update(scope.machine, [](Metal3Machine& changed) { changed.meta.remove_finalizer(finalizer); }));
    return Outcome::done();
  }
  TRY(save(scope));
  return Outcome::done();
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, const Metal3Machine& machine) {
  Scope scope{.ctx = ctx, .clusters = clusters, .machine = machine, .status = machine.status};
  for (const auto& owner : machine.meta.owners) {
    if (owner.kind == "Machine") scope.owner = ctx.find<Machine>(machine.meta.ns, owner.name);
  }
  if (scope.owner) scope.cluster = ctx.find<Cluster>(machine.meta.ns, scope.owner->spec.cluster_name);
  const bool paused = is_paused(scope.cluster.get(), machine.meta);
  api::set_condition(scope.status.conditions, paused_condition(paused, scope.cluster.get()), ctx.now());
  if (paused) {
    TRY(save(scope));
    return Outcome::done();
  }
  if (machine.meta.deleting()) return reconcile_delete(scope);
  if (!scope.owner || !scope.cluster) {
    ready(scope, false, "WaitingForMachine", "Waiting for the Machine controller to set an owner reference");
    TRY(save(scope));
    return Outcome::done();
  }
  if (!machine.meta.has_finalizer(finalizer)) {
    TRY(ctx.update(machine, [](Metal3Machine& changed) { changed.meta.add_finalizer(finalizer); }));
    return Outcome::done();
  }
  TRY(follow_template(ctx, machine));
  auto done = reconcile_association(scope);
  if (!done && done.error().code != base::Code::conflict) ready(scope, false, "Error", done.error().text());
  TRY(save(scope));
  if (!done) return std::move(done).error();
  return Outcome::done();
}

std::vector<Key> key_of(std::string_view ns, std::string_view name) {
  return {{std::string(Metal3Machine::resource), std::string(ns), std::string(name)}};
}

// A changed host concerns its consumer; a free one everybody who waits for a host.
std::vector<Key> of_host(Context& ctx, const BareMetalHost& host) {
  const auto& consumer = host.spec.consumer_ref;
  const bool kept = consumer && consumer->kind == "Cluster";  // for a machine that waits for it
  if (consumer && !consumer->name.empty() && !kept)
    return consumer->kind == "Metal3Machine" ? key_of(consumer->ns, consumer->name) : std::vector<Key>();
  std::vector<Key> keys;
  for (const auto& machine : ctx.list<Metal3Machine>(host.meta.ns)) {
    if (!machine->meta.has_annotation(host_annotation))
      keys.push_back(key_of(machine->meta.ns, machine->meta.name).front());
  }
  return keys;
}

}  // namespace
}  // namespace metal3machine

runtime::Controller metal3machine_controller(workload::Clusters& clusters) {
  return runtime::For<api::Metal3Machine>("metal3machine",
                                          [&clusters](Context& ctx, const api::Metal3Machine& machine) {
                                            return metal3machine::reconcile(ctx, clusters, machine);
                                          })
      .watches<api::BareMetalHost>(metal3machine::of_host)
      .watches<api::Metal3MachineTemplate>(metal3machine::machines_of_template)
      .watches<Machine>([](Context&, const Machine& machine) {
        if (machine.spec.infrastructure.kind != "Metal3Machine") return std::vector<Key>();
        return metal3machine::key_of(machine.meta.ns, machine.spec.infrastructure.name);
      })
      .watches<Cluster>([](Context& ctx, const Cluster& cluster) {
        std::vector<Key> keys;
        for (const auto& machine : machines_of(ctx, cluster)) {
          if (machine->spec.infrastructure.kind == "Metal3Machine")
            keys.push_back(metal3machine::key_of(machine->meta.ns, machine->spec.infrastructure.name).front());
        }
        return keys;
      });
}

}  // namespace control
