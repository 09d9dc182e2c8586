#include "control/kubeadmconfig/kubeadmconfig.h"

#include <memory>

#include "api/core.h"
#include "base/text.h"
#include "control/kubeadm/render.h"
#include "crypto/x509.h"

namespace control {

namespace kubeadmconfig {

using api::KubeadmConfig;
using api::KubeadmConfigStatus;

namespace {

// When each token was last made valid, by the uid of its KubeadmConfig. Lost with the process: then it is simply done
// once more.
using Refreshed = std::map<std::string, Time>;

struct Scope {
  Context& ctx;
  workload::Clusters& clusters;
  Refreshed& refreshed;
  const KubeadmConfig& config;
  Ref<Machine> machine;
  Ref<Cluster> cluster;
  KubeadmConfigStatus status;
  Duration look_again = Duration::zero();
};

void data_available(Scope& scope, bool done, std::string_view reason, const std::string& message = {}) {
  api::set_condition(scope.status.conditions, condition("DataSecretAvailable", done, reason, message), scope.ctx.now());
}

Result<void> save(Scope& scope) {
  api::set_condition(scope.status.conditions,
                     summarize(scope.status.conditions, {.type = "Ready",
                                                         .types = {"DataSecretAvailable", "CertificatesAvailable"},
                                                         .optional = {"CertificatesAvailable"}}),
                     scope.ctx.now());
  scope.status.observed_generation = scope.config.meta.generation;
  TRY(scope.ctx.update_status(scope.config, [&](KubeadmConfigStatus& status) { status = scope.status; }));
  return {};
}

std::string lock_name(const Scope& scope) { return scope.cluster->meta.name + "-lock"; }

// Only one machine of a cluster may run kubeadm init. The lock is a ConfigMap that names it; it falls to the next when
// that machine is gone.
Result<bool> take_lock(Scope& scope) {
  auto lock = scope.ctx.find<api::ConfigMap>(scope.config.meta.ns, lock_name(scope));
  const auto holder_of = [](const api::ConfigMap& map) {
    const auto text = map.data.find("lock-information");
    const auto info = base::parse_json(text == map.data.end() ? "" : text->second);
    return info ? (*info)["machineName"].string() : std::string();
  };
  if (lock) {
    const std::string holder = holder_of(*lock);
    if (holder == scope.machine->meta.name) return true;
    if (scope.ctx.find<Machine>(scope.config.meta.ns, holder)) {
      data_available(scope, false, "NotAvailable",
                     "bootstrap: Machine " + holder + " is initializing the control plane");
      return false;
    }
    TRY(scope.ctx.remove(*lock));
  }
  api::ConfigMap made;
  made.meta.name = lock_name(scope);
  made.meta.ns = scope.config.meta.ns;
  made.meta.labels[std::string(api::cluster_name_label)] = scope.cluster->meta.name;
  made.meta.owners = {scope.ctx.owner_reference(*scope.cluster, false)};
  made.data["lock-information"] = Json::object({{"machineName", scope.machine->meta.name}}).dump();
  TRY(scope.ctx.create(made));
  return true;
}

Result<void> drop_lock(Scope& scope) {
  const auto lock = scope.ctx.find<api::ConfigMap>(scope.config.meta.ns, lock_name(scope));
  if (!lock) return {};
  return scope.ctx.remove(*lock);
}

Result<std::string> secret_value(const Scope& scope, const Json& source, const std::string& wanted_by) {
  const std::string& name = source.path("secret.name").string();
  const std::string& key = source.path("secret.key").string();
  const auto secret = scope.ctx.find<api::Secret>(scope.config.meta.ns, name);
  const auto value = secret ? secret->value(key) : std::nullopt;
  if (value) return *value;
  return base::Error{base::Code::not_found,
                     secret ? "Secret " + name + ", needed for " + wanted_by + ", has no key " + key
                            : "Secret " + name + ", needed for " + wanted_by + ", does not exist",
                     base::Layer::bootstrap, "create it in namespace " + scope.config.meta.ns};
}

Result<std::vector<kubeadm::File>> user_files(const Scope& scope) {
  std::vector<kubeadm::File> out;
  for (const auto& file : scope.config.spec.files.items()) {
    kubeadm::File one{.path = file["path"].string(),
                      .owner = file["owner"].string(),
                      .permissions = file["permissions"].string(),
                      .content = file["content"].string(),
                      .encoding = file["encoding"].string(),
                      .append = file["append"].boolean()};
    if (file["contentFrom"].is_object())
      one.content = TRY(secret_value(scope, file["contentFrom"], "file " + one.path));
    out.push_back(std::move(one));
  }
  return out;
}

Result<api::KubeadmConfigSpec> resolved_spec(const Scope& scope) {
  api::KubeadmConfigSpec spec = scope.config.spec;
  for (size_t i = 0; i < spec.users.size(); ++i) {
    const Json& source = spec.users.at(i)["passwdFrom"];
    if (!source.is_object()) continue;
    const auto value = TRY(secret_value(scope, source, "user " + spec.users.at(i)["name"].string()));
    spec.users.item(i).set("passwd", value);
  }
  return spec;
}

Result<void> store_data(Scope& scope, const std::string& user_data) {
  if (!scope.ctx.find<api::Secret>(scope.config.meta.ns, scope.config.meta.name)) {
    api::Secret secret;
    secret.meta.name = scope.config.meta.name;
    secret.meta.ns = scope.config.meta.ns;
    secret.meta.labels[std::string(api::cluster_name_label)] = scope.cluster->meta.name;
    secret.meta.owners = {scope.ctx.owner_reference(scope.config, true)};
    secret.type = kubeadm::secret_type;
    secret.set("value", user_data);
    secret.set("format", scope.config.spec.format.empty() ? "cloud-config" : scope.config.spec.format);
    TRY(scope.ctx.create(secret));
  }
  scope.status.data_secret_name = scope.config.meta.name;
  scope.status.initialization.data_secret_created = true;
  data_available(scope, true, "Available");
  return {};
}

std::string version_of(const Scope& scope) {
  if (!scope.machine->spec.version.empty()) return scope.machine->spec.version;
  return external(scope.ctx, scope.cluster->meta.ns, scope.cluster->spec.control_plane)
      .doc.path("spec.version")
      .string();
}

Result<void> render(Scope& scope, bool init, const kubeadm::Certificates& certificates, const std::string& token) {
  const auto spec = TRY(resolved_spec(scope));
  const bool control_plane = scope.machine->is_control_plane();
  const kubeadm::Input input{
      .spec = spec, .cluster = *scope.cluster, .version = version_of(scope), .control_plane = control_plane};
  std::vector<kubeadm::File> files;
  if (control_plane) files = kubeadm::certificate_files(spec, certificates);
  for (auto& file : TRY(user_files(scope))) files.push_back(std::move(file));
  const std::string mode = "0640", owner = "root:root";
  if (init) {
    files.push_back({.path = "/run/kubeadm/kubeadm.yaml",
                     .owner = owner,
                     .permissions = mode,
                     .content = kubeadm::init_yaml(input)});
  } else {
    const kubeadm::Discovery discovery{.token = token,
                                       .ca_cert_hash = TRY(crypto::ca_cert_hash(certificates.ca.certificate))};
    files.push_back({.path = "/run/kubeadm/kubeadm-join-config.yaml",
                     .owner = owner,
                     .permissions = mode,
                     .content = kubeadm::join_yaml(input, discovery)});
  }
  return store_data(scope,
                    kubeadm::cloud_init(spec, files, init ? kubeadm::init_command(spec) : kubeadm::join_command(spec)));
}

// The token is first made durable in the spec, then made known to the workload cluster, then rendered.
Result<std::string> join_token(Scope& scope) {
  const std::string& known = scope.config.spec.join_configuration.path("discovery.bootstrapToken.token").string();
  if (!known.empty()) return known;
  const std::string token = scope.ctx.random().token(6) + "." + scope.ctx.random().token(16);
  TRY(scope.ctx.update(scope.config, [&](KubeadmConfig& changed) {
    changed.spec.join_configuration.set_path("discovery.bootstrapToken.token", token);
  }));
  return std::string();  // used from the next reconcile on, when it is durable
}

// Keeps the token valid until the machine has joined. True when the workload cluster knows it.
bool publish_token(Scope& scope, const std::string& token) {
  const Time now = scope.ctx.now();
  const auto last = scope.refreshed.find(scope.config.meta.uid);
  const Duration every = token_ttl / 3;
  if (last != scope.refreshed.end() && now - last->second < every) {
    scope.look_again = every - (now - last->second);
    return true;
  }
  const auto job = scope.clusters.apply(cluster_key(*scope.cluster), "token/" + scope.config.meta.name,
                                        {token_secret(token, now + token_ttl)});
  if (job.state == workload::JobState::done) {
    scope.refreshed[scope.config.meta.uid] = now;
    scope.look_again = every;
    return true;
  }
  constexpr std::string_view refused = "node: the join token could not be stored in the workload cluster: ";
  const auto* said = api::find_condition(scope.status.conditions, "DataSecretAvailable");
  // A renewal that fails shows at the node, not here.
  const bool renewal = scope.status.initialization.data_secret_created.value_or(false);
  if (!renewal && job.error) {
    data_available(scope, false, "NotAvailable", std::string(refused) + job.error->text());
  } else if (!renewal && (!said || !said->message.starts_with(refused))) {
    // Each change of it is written, and starts the next attempt.
    data_available(scope, false, "NotAvailable", "bootstrap: storing a join token in the workload cluster");
  }
  scope.look_again = base::seconds(10);
  return last != scope.refreshed.end();
}

Result<void> reconcile_init(Scope& scope) {
  if (!scope.machine->is_control_plane()) {
    data_available(
        scope, false, "NotAvailable",
        "bootstrap: waiting for the control plane of Cluster " + scope.cluster->meta.name + " to be initialized");
    return {};
  }
  const auto certificates = TRY(kubeadm::read_certificates(scope.ctx, scope.config.meta.ns, scope.cluster->meta.name));
  if (!certificates) {
    api::set_condition(
        scope.status.conditions,
        condition("CertificatesAvailable", false, "NotAvailable", "bootstrap: waiting for the cluster's certificates"),
        scope.ctx.now());
    data_available(scope, false, "NotAvailable", "bootstrap: waiting for the cluster's certificates");
    return {};
  }
  api::set_condition(scope.status.conditions, condition("CertificatesAvailable", true, "Available"), scope.ctx.now());
  if (!TRY(take_lock(scope))) return {};
  return render(scope, true, *certificates, "");
}

Result<void> reconcile_join(Scope& scope) {
  const auto certificates = TRY(kubeadm::read_certificates(scope.ctx, scope.config.meta.ns, scope.cluster->meta.name));
  if (!certificates) {
    data_available(scope, false, "NotAvailable", "bootstrap: waiting for the cluster's certificates");
    return {};
  }
  api::set_condition(scope.status.conditions, condition("CertificatesAvailable", true, "Available"), scope.ctx.now());
  const std::string token = TRY(join_token(scope));
  if (token.empty()) {
    data_available(scope, false, "NotAvailable", "bootstrap: making a join token");
    return {};
  }
  if (!publish_token(scope, token)) return {};
  return render(scope, false, *certificates, token);
}

Result<void> reconcile_data(Scope& scope) {
  const bool initialized = scope.cluster->status.initialization.control_plane_initialized.value_or(false);
  if (scope.status.initialization.data_secret_created.value_or(false)) {
    if (initialized) TRY(drop_lock(scope));
    const std::string& token = scope.config.spec.join_configuration.path("discovery.bootstrapToken.token").string();
    if (!token.empty() && initialized && scope.machine->status.node.name.empty() && !scope.machine->meta.deleting())
      publish_token(scope, token);
    data_available(scope, true, "Available");
    return {};
  }
  if (!scope.cluster->status.initialization.infrastructure_provisioned.value_or(false)) {
    data_available(scope, false, "NotAvailable",
                   "controller: waiting for the Cluster's infrastructure to be provisioned");
    return {};
  }
  if (!scope.cluster->spec.endpoint) {
    data_available(scope, false, "NotAvailable", "controller: waiting for the Cluster's spec.controlPlaneEndpoint");
    return {};
  }
  if (scope.config.spec.format == "ignition") {
    return base::Error{base::Code::invalid, "spec.format ignition is not supported yet", base::Layer::bootstrap,
                       "use cloud-config"};
  }
  return initialized ? reconcile_join(scope) : reconcile_init(scope);
}

Result<Outcome> reconcile(Context& ctx, workload::Clusters& clusters, Refreshed& refreshed,
                          const KubeadmConfig& config) {
  Scope scope{.ctx = ctx, .clusters = clusters, .refreshed = refreshed, .config = config, .status = config.status};
  if (config.meta.deleting()) {
    refreshed.erase(config.meta.uid);
    return Outcome::done();
  }
  for (const auto& owner : config.meta.owners) {
    if (owner.kind == "Machine") scope.machine = ctx.find<Machine>(config.meta.ns, owner.name);
  }
  if (scope.machine) scope.cluster = ctx.find<Cluster>(config.meta.ns, scope.machine->spec.cluster_name);
  const bool paused = is_paused(scope.cluster.get(), config.meta);
  api::set_condition(scope.status.conditions, paused_condition(paused, scope.cluster.get()), ctx.now());
  if (paused || !scope.machine || !scope.cluster) {
    if (!paused)
      data_available(scope, false, "NotAvailable",
                     "controller: waiting for the Machine controller to set an owner reference");
    TRY(save(scope));
    return Outcome::done();
  }
  auto done = reconcile_data(scope);
  if (!done && done.error().code != base::Code::conflict)
    data_available(scope, false, "DataSecretGenerationFailed", done.error().text());
  TRY(save(scope));
  if (!done) return std::move(done).error();
  const bool waiting_for_lock =
      !scope.status.initialization.data_secret_created.value_or(false) && scope.look_again == Duration::zero();
  return Outcome::after(waiting_for_lock ? base::seconds(30) : scope.look_again);
}

}  // namespace

Json token_secret(std::string_view token, Time expires) {
  const size_t dot = token.find('.');
  const std::string id(token.substr(0, dot)), secret(token.substr(dot + 1));
  Json data = Json::object();
  const auto set = [&](const char* key, const std::string& value) { data.set(key, base::base64(value)); };
  set("token-id", id);
  set("token-secret", secret);
  set("expiration", base::rfc3339(expires));
  set("usage-bootstrap-signing", "true");
  set("usage-bootstrap-authentication", "true");
  set("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token");
  set("description", "join token of one machine");
  return Json::object({{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", Json::object({{"name", "bootstrap-token-" + id}, {"namespace", "kube-system"}})},
                       {"type", "bootstrap.kubernetes.io/token"},
                       {"data", std::move(data)}});
}

}  // namespace kubeadmconfig

runtime::Controller kubeadmconfig_controller(workload::Clusters& clusters) {
  auto refreshed = std::make_shared<kubeadmconfig::Refreshed>();
  const auto key_of = [](const Machine& machine) {
    return Key{std::string(api::KubeadmConfig::resource), machine.meta.ns, machine.spec.bootstrap.config.name};
  };
  return runtime::For<api::KubeadmConfig>("kubeadmconfig",
                                          [&clusters, refreshed](Context& ctx, const api::KubeadmConfig& config) {
                                            return kubeadmconfig::reconcile(ctx, clusters, *refreshed, config);
                                          })
      .watches<Machine>([key_of](Context&, const Machine& machine) {
        return machine.spec.bootstrap.config.kind == "KubeadmConfig" ? std::vector<Key>{key_of(machine)}
                                                                     : std::vector<Key>();
      })
      .watches<Cluster>([key_of](Context& ctx, const Cluster& cluster) {
        std::vector<Key> keys;
        for (const auto& machine : machines_of(ctx, cluster)) {
          if (machine->spec.bootstrap.config.kind == "KubeadmConfig") keys.push_back(key_of(*machine));
        }
        return keys;
      })
      .watches<api::Secret>([](Context& ctx, const api::Secret& secret) {
        // Certificates that appear, and files that were missing.
        std::vector<Key> keys;
        if (secret.meta.label(api::cluster_name_label).empty()) return keys;
        for (const auto& config : ctx.list<api::KubeadmConfig>(secret.meta.ns)) {
          if (!config->status.initialization.data_secret_created.value_or(false))
            keys.push_back({std::string(api::KubeadmConfig::resource), config->meta.ns, config->meta.name});
        }
        return keys;
      });
}

}  // namespace control
