#include "control/kubeadm/render.h"

#include "base/text.h"
#include "base/time.h"
#include "wire/yaml.h"

namespace control::kubeadm {

namespace {

constexpr std::string_view v1beta4 = "kubeadm.k8s.io/v1beta4";
constexpr std::string_view v1beta3 = "kubeadm.k8s.io/v1beta3";
constexpr std::string_view kubelet_local_mode = "ControlPlaneKubeletLocalMode";
constexpr std::string_view sentinel = "echo success > /run/cluster-api/bootstrap-success.complete";

int64_t minor_of(std::string_view version) {
  if (version.starts_with("v")) version.remove_prefix(1);
  const auto parts = base::split(version, '.');
  return parts.size() < 2 ? 0 : base::parse_int(parts[1]).value_or(0);
}

bool is_beta4(const Input& input) { return kubeadm_api_version(input.version) == v1beta4; }

// Arguments are an ordered list in v1beta4 and a map before.
void fit_arguments(Json& holder, const char* key, bool beta4) {
  if (beta4 || !holder.has(key)) return;
  Json map = Json::object();
  for (const auto& one : holder[key].items()) map.set(one["name"].string(), one["value"]);
  holder.set(key, std::move(map));
}

Json registration(const Json& given, bool beta4, bool worker_join) {
  Json out = given.is_object() ? given : Json::object();
  fit_arguments(out, "kubeletExtraArgs", beta4);
  if (!beta4) out.erase("imagePullSerial");
  if (worker_join) {
    // Keeps pods away until the Machine controller has put the labels in place; it removes the taint itself.
    const Json taint = Json::object({{"key", "node.cluster.x-k8s.io/uninitialized"}, {"effect", "NoSchedule"}});
    if (!out.has("taints")) out.set("taints", Json::array());
    out.child("taints").push(taint);
  }
  return out;
}

// timeouts: {fooSeconds: 60} becomes {foo: 1m0s} in v1beta4.
Json timeouts(const Json& given) {
  Json out = Json::object();
  constexpr std::string_view suffix = "Seconds";
  for (const auto& [key, value] : given.members()) {
    if (key.ends_with(suffix))
      out.set(key.substr(0, key.size() - suffix.size()), base::go_duration(base::seconds(value.integer())));
  }
  return out;
}

std::string endpoint_text(const Cluster& cluster) {
  return sys::Address{cluster.spec.endpoint.host, static_cast<uint16_t>(cluster.spec.endpoint.port)}.text();
}

Json networking(const Cluster& cluster) {
  Json out = Json::object();
  const auto& network = cluster.spec.network;
  out.set("dnsDomain", network.service_domain.empty() ? "cluster.local" : network.service_domain);
  if (!network.pods.cidr_blocks.empty()) out.set("podSubnet", base::join(network.pods.cidr_blocks, ","));
  if (!network.services.cidr_blocks.empty()) out.set("serviceSubnet", base::join(network.services.cidr_blocks, ","));
  return out;
}

Json cluster_configuration(const Input& input) {
  const bool beta4 = is_beta4(input);
  Json out = Json::object({{"apiVersion", kubeadm_api_version(input.version)}, {"kind", "ClusterConfiguration"}});
  for (const auto& [key, value] : input.spec.cluster_configuration.members()) out.set(key, value);
  out.set("clusterName", input.cluster.meta.name);
  out.set("kubernetesVersion", input.version);
  if (!out.has("controlPlaneEndpoint")) out.set("controlPlaneEndpoint", endpoint_text(input.cluster));
  out.set("networking", networking(input.cluster));
  for (const char* component : {"apiServer", "controllerManager", "scheduler"}) {
    if (out.has(component)) fit_arguments(out.child(component), "extraArgs", beta4);
    if (!beta4 && out.has(component)) out.child(component).erase("extraEnvs");
  }
  if (out.path("etcd.local").is_object()) {
    Json& etcd = out.child("etcd").child("local");
    fit_arguments(etcd, "extraArgs", beta4);
    if (!beta4) etcd.erase("extraEnvs");
  }
  // Days are v1beta4 durations; older kubeadm has fixed lifetimes.
  const Json days = out["certificateValidityPeriodDays"], ca_days = out["caCertificateValidityPeriodDays"];
  out.erase("certificateValidityPeriodDays");
  out.erase("caCertificateValidityPeriodDays");
  if (beta4 && days.is_integer())
    out.set("certificateValidityPeriod", base::go_duration(base::hours(24 * days.integer())));
  if (beta4 && ca_days.is_integer())
    out.set("caCertificateValidityPeriod", base::go_duration(base::hours(24 * ca_days.integer())));
  if (!beta4) out.erase("encryptionAlgorithm");
  // A kubelet of the next minor version must not talk to API servers of the old one during an upgrade: it asks its own.
  // From 1.36 on there is no other way.
  const auto minor = minor_of(input.version);
  if (minor >= 31 && minor <= 35 && !out["featureGates"].has(kubelet_local_mode))
    out.child("featureGates").set(kubelet_local_mode, true);
  const Json& health = input.spec.init_configuration.path("timeouts.controlPlaneComponentHealthCheckSeconds");
  if (!beta4 && health.is_integer())
    out.child("apiServer").set("timeoutForControlPlane", base::go_duration(base::seconds(health.integer())));
  return out;
}

Json init_configuration(const Input& input) {
  const bool beta4 = is_beta4(input);
  Json out = Json::object({{"apiVersion", kubeadm_api_version(input.version)}, {"kind", "InitConfiguration"}});
  for (const auto& [key, value] : input.spec.init_configuration.members()) out.set(key, value);
  out.set("nodeRegistration", registration(out["nodeRegistration"], beta4, false));
  for (size_t i = 0; i < out["bootstrapTokens"].size(); ++i) {
    Json& token = out.child("bootstrapTokens").item(i);
    const Json seconds = token["ttlSeconds"];
    token.erase("ttlSeconds");
    if (seconds.is_integer()) token.set("ttl", base::go_duration(base::seconds(seconds.integer())));
  }
  const Json given = out["timeouts"];
  out.erase("timeouts");
  if (beta4 && given.is_object()) out.set("timeouts", timeouts(given));
  return out;
}

void write_file(Json& list, const File& file) {
  Json out = Json::object({{"path", file.path}});
  if (!file.owner.empty()) out.set("owner", file.owner);
  if (!file.permissions.empty()) out.set("permissions", file.permissions);
  if (!file.encoding.empty()) out.set("encoding", file.encoding);
  if (file.append) out.set("append", true);
  out.set("content", file.content);
  list.push(std::move(out));
}

Json cloud_users(const Json& users) {
  Json out = Json::array();
  for (const auto& user : users.items()) {
    Json one = Json::object({{"name", user["name"]}});
    const std::pair<const char*, const char*> names[] = {
        {"passwd", "passwd"},     {"gecos", "gecos"},
        {"groups", "groups"},     {"homeDir", "homedir"},
        {"inactive", "inactive"}, {"lockPassword", "lock_passwd"},
        {"shell", "shell"},       {"primaryGroup", "primary_group"},
        {"sudo", "sudo"},         {"sshAuthorizedKeys", "ssh_authorized_keys"}};
    for (const auto& [from, to] : names) {
      if (user.has(from)) one.set(to, user[from]);
    }
    out.push(std::move(one));
  }
  return out;
}

void disk_setup(Json& doc, const Json& setup) {
  Json partitions = Json::object(), systems = Json::array();
  for (const auto& one : setup["partitions"].items()) {
    Json entry = Json::object({{"table_type", one["tableType"].string_or("mbr")}});
    Json layout = one["layout"];
    if (one["diskLayout"].is_array()) {
      layout = Json::array();
      for (const auto& part : one["diskLayout"].items()) {
        layout.push(part.has("partitionType") ? Json::array({part["percentage"], part["partitionType"]})
                                              : part["percentage"]);
      }
    }
    entry.set("layout", layout);
    if (one.has("overwrite")) entry.set("overwrite", one["overwrite"]);
    partitions.set(one["device"].string(), std::move(entry));
  }
  for (const auto& one : setup["filesystems"].items()) {
    Json entry = Json::object({{"filesystem", one["filesystem"]}, {"device", one["device"]}});
    const std::pair<const char*, const char*> names[] = {{"label", "label"},
                                                         {"partition", "partition"},
                                                         {"overwrite", "overwrite"},
                                                         {"replaceFS", "replace_fs"},
                                                         {"extraOpts", "extra_opts"}};
    for (const auto& [from, to] : names) {
      if (one.has(from)) entry.set(to, one[from]);
    }
    systems.push(std::move(entry));
  }
  if (!partitions.empty()) doc.set("disk_setup", std::move(partitions));
  if (!systems.empty()) doc.set("fs_setup", std::move(systems));
}

std::string verbosity_flag(const api::KubeadmConfigSpec& spec) {
  return spec.verbosity ? " --v " + std::to_string(*spec.verbosity) : std::string();
}

}  // namespace

std::string_view kubeadm_api_version(std::string_view kubernetes_version) {
  return minor_of(kubernetes_version) >= 31 ? v1beta4 : v1beta3;
}

std::string init_yaml(const Input& input) {
  return "---\n" + wire::to_yaml(cluster_configuration(input)) + "---\n" + wire::to_yaml(init_configuration(input));
}

Json updated_cluster_configuration(const Json& stored, const Input& input) {
  const Json wanted = cluster_configuration(input);
  Json out = stored;
  for (const char* key : {"apiVersion", "kubernetesVersion"}) out.set(key, wanted[key]);
  for (const char* key : {"featureGates", "apiServer", "controllerManager", "scheduler", "certificateValidityPeriod"}) {
    if (wanted.has(key))
      out.set(key, wanted[key]);
    else
      out.erase(key);
  }
  if (wanted.has("imageRepository")) out.set("imageRepository", wanted["imageRepository"]);
  const bool external = stored.path("etcd.external").is_object();
  if (external && wanted.path("etcd.external").is_object())
    out.child("etcd").set("external", wanted.path("etcd.external"));
  if (!external && wanted.path("etcd.local").is_object()) {
    Json local = wanted.path("etcd.local");
    const Json& directory = stored.path("etcd.local.dataDir");
    if (!local.has("dataDir") && !directory.is_null()) local.set("dataDir", directory);
    out.child("etcd").set("local", std::move(local));
  }
  return out;
}

std::string join_yaml(const Input& input, const Discovery& discovery) {
  const bool beta4 = is_beta4(input);
  Json out = Json::object({{"apiVersion", kubeadm_api_version(input.version)}, {"kind", "JoinConfiguration"}});
  for (const auto& [key, value] : input.spec.join_configuration.members()) out.set(key, value);
  out.set("nodeRegistration", registration(out["nodeRegistration"], beta4, !input.control_plane));
  if (!out.path("discovery.file").is_object()) {
    Json& bootstrap = out.child("discovery").child("bootstrapToken");
    if (!bootstrap.has("apiServerEndpoint")) bootstrap.set("apiServerEndpoint", endpoint_text(input.cluster));
    if (!bootstrap.has("token")) bootstrap.set("token", discovery.token);
    if (!bootstrap["unsafeSkipCAVerification"].boolean() && !bootstrap.has("caCertHashes")) {
      bootstrap.set("caCertHashes", Json::array({discovery.ca_cert_hash}));
    }
  }
  if (input.control_plane && !out.has("controlPlane"))
    out.set("controlPlane", Json::object({{"localAPIEndpoint", Json::object()}}));
  if (!input.control_plane) out.erase("controlPlane");
  const Json given = out["timeouts"];
  out.erase("timeouts");
  if (beta4 && given.is_object()) out.set("timeouts", timeouts(given));
  if (!beta4 && given["tlsBootstrapSeconds"].is_integer()) {
    out.child("discovery").set("timeout", base::go_duration(base::seconds(given["tlsBootstrapSeconds"].integer())));
  }
  return "---\n" + wire::to_yaml(out);
}

std::vector<File> certificate_files(const api::KubeadmConfigSpec& spec, const Certificates& certificates) {
  const std::string dir = spec.cluster_configuration["certificatesDir"].string_or("/etc/kubernetes/pki");
  std::vector<File> files;
  const auto add = [&](const std::string& name, const std::string& certificate, const std::string& key,
                       const char* extension) {
    files.push_back(
        {.path = dir + "/" + name + extension, .owner = "root:root", .permissions = "0640", .content = certificate});
    files.push_back({.path = dir + "/" + name + ".key", .owner = "root:root", .permissions = "0600", .content = key});
  };
  add("ca", certificates.ca.certificate, certificates.ca.key, ".crt");
  if (!spec.cluster_configuration.path("etcd.external").is_object())
    add("etcd/ca", certificates.etcd.certificate, certificates.etcd.key, ".crt");
  add("front-proxy-ca", certificates.proxy.certificate, certificates.proxy.key, ".crt");
  add("sa", certificates.service_account.certificate, certificates.service_account.key, ".pub");
  return files;
}

std::string init_command(const api::KubeadmConfigSpec& spec) {
  return "kubeadm init --config /run/kubeadm/kubeadm.yaml" + verbosity_flag(spec) + " && " + std::string(sentinel);
}
std::string join_command(const api::KubeadmConfigSpec& spec) {
  return "kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml" + verbosity_flag(spec) + " && " +
         std::string(sentinel);
}

std::string cloud_init(const api::KubeadmConfigSpec& spec, const std::vector<File>& files,
                       const std::string& kubeadm_command) {
  Json doc = Json::object();
  Json list = Json::array();
  for (const auto& file : files) write_file(list, file);
  write_file(list, {.path = "/run/cluster-api/placeholder",
                    .owner = "root:root",
                    .permissions = "0640",
                    .content = "makes the directory of the bootstrap sentinel file"});
  doc.set("write_files", std::move(list));
  if (!spec.boot_commands.empty()) doc.set("bootcmd", Json::strings(spec.boot_commands));
  Json commands = Json::strings(spec.pre_kubeadm_commands);
  commands.push(kubeadm_command);
  for (const auto& command : spec.post_kubeadm_commands) commands.push(command);
  doc.set("runcmd", std::move(commands));
  if (spec.ntp.is_object()) {
    Json ntp = Json::object();
    if (spec.ntp.has("enabled")) ntp.set("enabled", spec.ntp["enabled"]);
    if (spec.ntp.has("servers")) ntp.set("servers", spec.ntp["servers"]);
    doc.set("ntp", std::move(ntp));
  }
  if (!spec.users.empty()) doc.set("users", cloud_users(spec.users));
  if (spec.disk_setup.is_object()) disk_setup(doc, spec.disk_setup);
  if (!spec.mounts.empty()) doc.set("mounts", spec.mounts);
  return "## template: jinja\n#cloud-config\n\n" + wire::to_yaml(doc);
}

}  // namespace control::kubeadm
