// What an upgrade changes inside the workload cluster: kubeadm's stored configuration before machines are replaced,
// kube-proxy and CoreDNS after.
#include <algorithm>

#include "base/text.h"
#include "control/kubeadm/render.h"
#include "control/kubeadmcontrolplane/kubeadmcontrolplane.h"
#include "wire/yaml.h"

namespace control::kubeadmcontrolplane {

namespace {

constexpr std::string_view skip_kube_proxy = "controlplane.cluster.x-k8s.io/skip-kube-proxy";
constexpr std::string_view skip_coredns = "controlplane.cluster.x-k8s.io/skip-coredns";
constexpr base::Duration check_interval = base::minutes(10);  // people change these objects by hand, too
constexpr const char* rbac = "rbac.authorization.k8s.io/v1";

Json rbac_object(const char* kind, const char* name) {
  return Json::object({{"apiVersion", rbac}, {"kind", kind}, {"metadata", Json::object({{"name", name}})}});
}

Json cluster_role_binding(const char* name, const char* role, const char* group) {
  Json reference = Json::object({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role}});
  Json subject = Json::object({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Group"}, {"name", group}});
  return rbac_object("ClusterRoleBinding", name)
      .set("roleRef", std::move(reference))
      .set("subjects", Json::array({std::move(subject)}));
}

// kubeadm join looks its Node up with the bootstrap token, and writes admin.conf for a group of its own since 1.29. A
// cluster that an older kubeadm made lacks these.
std::vector<Json> permissions() {
  Json rule = Json::object({{"apiGroups", Json::array({""})}, {"resources", Json::array({"nodes"})}});
  rule.set("verbs", Json::array({"get"}));
  return {
      rbac_object("ClusterRole", "kubeadm:get-nodes").set("rules", Json::array({std::move(rule)})),
      cluster_role_binding("kubeadm:get-nodes", "kubeadm:get-nodes", "system:bootstrappers:kubeadm:default-node-token"),
      cluster_role_binding("kubeadm:cluster-admins", "cluster-admin", "kubeadm:cluster-admins")};
}

Json config_map(const Json& configuration) {
  Json meta = Json::object({{"name", "kubeadm-config"}, {"namespace", "kube-system"}});
  Json map = Json::object({{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", std::move(meta)}});
  return map.set("data", Json::object({{"ClusterConfiguration", wire::to_yaml(configuration)}}));
}

Result<Json> stored_configuration(const Json& map) {
  auto docs = wire::parse_yaml(map["data"]["ClusterConfiguration"].string());
  if (docs && !docs->empty() && docs->front().is_object()) return std::move(docs->front());
  return base::Error{base::Code::invalid, "ConfigMap kube-system/kubeadm-config has no readable ClusterConfiguration",
                     base::Layer::node, "repair it: kubeadm join needs it"};
}

bool rolling(const Scope& scope) {
  return std::any_of(scope.situation.members.begin(), scope.situation.members.end(),
                     [](const Member& member) { return !member.outdated.empty(); });
}

struct Image {
  std::string repository, name, tag;  // registry.k8s.io/coredns, coredns, v1.11.3
  std::string text() const { return repository + "/" + name + ":" + tag; }
};

// Errors: invalid (no repository or no tag; a digest has no version that could be compared).
Result<Image> parse_image(const std::string& text) {
  const size_t slash = text.rfind('/');
  const size_t colon = text.rfind(':');
  if (slash == std::string::npos || colon == std::string::npos || colon < slash || text.find('@') != std::string::npos)
    return base::invalid("image " + text + " is not of the form REPOSITORY/NAME:TAG");
  return Image{text.substr(0, slash), text.substr(slash + 1, colon - slash - 1), text.substr(colon + 1)};
}

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// The patch that gives the container of that name another image; null when it has it already (or does not exist).
Result<Json> with_image(const Json& object, const std::string& container,
                        const std::function<Result<std::string>(const std::string&)>& wanted) {
  Json containers = object.path("spec.template.spec.containers");
  for (size_t i = 0; i < containers.size(); ++i) {
    const std::string have = containers.at(i)["image"].string();
    if (containers.at(i)["name"].string() != container) continue;
    const std::string want = TRY(wanted(have));
    if (want == have) return Json();
    containers.item(i).set("image", want);
    Json patch = Json::object();
    // The list is written as a whole: not over what somebody else changed meanwhile.
    patch.set_path("metadata.resourceVersion", object.path("metadata.resourceVersion"));
    return patch.set_path("spec.template.spec.containers", std::move(containers));
  }
  return Json();
}

// CoreDNS moved to a folder of its own in the default registry with 1.8.0; everywhere else it is REPOSITORY/coredns.
std::string coredns_repository(const Json& configuration, const Image& have) {
  std::string wanted = without_slash(configuration["dns"]["imageRepository"].string());
  if (wanted.empty()) wanted = without_slash(configuration["imageRepository"].string());
  if (wanted.empty()) return have.repository;
  return wanted == "registry.k8s.io" ? wanted + "/coredns" : wanted;
}

// Numbers of v1.11.3 or 1.11.3; nothing when the tag is not a version.
std::vector<int64_t> version_numbers(std::string_view tag) {
  if (tag.starts_with("v")) tag.remove_prefix(1);
  std::vector<int64_t> out;
  for (const auto part : base::split(tag.substr(0, tag.find_first_of("-+_")), '.')) {
    const auto number = base::parse_int(part);
    if (!number) return {};
    out.push_back(*number);
  }
  return out;
}

// True when the job has ended well; its failure is an error.
Result<bool> finished(Scope& scope, const workload::Job& job, const std::string& what) {
  if (job.state == workload::JobState::failed) {
    if (job.error->code == base::Code::conflict) return false;  // somebody else wrote: read again
    return base::Error(*job.error).context("updating " + what + " of the workload cluster");
  }
  if (job.state != workload::JobState::done) return false;
  if (job.result.boolean())
    scope.ctx.event(scope.plane, EventKind::normal, "AddonUpdated",
                    "Updated " + what + " of the workload cluster for " + scope.plane.spec.version);
  return true;
}

Result<bool> update_kube_proxy(Scope& scope) {
  std::string tag = base::replace_all(scope.plane.spec.version, "+", "_");
  const std::string repository =
      without_slash(scope.plane.spec.kubeadm.cluster_configuration["imageRepository"].string());
  const auto job = scope.clusters.change_object(
      cluster_key(*scope.cluster), "apps/v1", "daemonsets", "kube-system", "kube-proxy",
      [tag, repository](const Json& object) {
        return with_image(object, "kube-proxy", [&](const std::string& have) -> Result<std::string> {
          Image image = TRY(parse_image(have));
          image.tag = tag;
          if (!repository.empty()) image.repository = repository;
          return image.text();
        });
      });
  return finished(scope, job, "DaemonSet kube-proxy");
}

// The image changes only on request (clusterConfiguration.dns, imageRepository); the Corefile stays as it is.
Result<bool> update_coredns(Scope& scope) {
  const Json configuration = scope.plane.spec.kubeadm.cluster_configuration;
  const auto job = scope.clusters.change_object(
      cluster_key(*scope.cluster), "apps/v1", "deployments", "kube-system", "coredns",
      [configuration](const Json& object) {
        return with_image(object, "coredns", [&](const std::string& have) -> Result<std::string> {
          Image image = TRY(parse_image(have));
          const std::string& tag = configuration["dns"]["imageTag"].string();
          if (!tag.empty() && version_numbers(tag) < version_numbers(image.tag)) {
            return base::Error{base::Code::invalid, "CoreDNS " + image.tag + " cannot be downgraded to " + tag,
                               base::Layer::api,
                               "set spec.kubeadmConfigSpec.clusterConfiguration.dns.imageTag to a newer version"};
          }
          image.repository = coredns_repository(configuration, image);
          if (!tag.empty()) image.tag = tag;
          return image.text();
        });
      });
  return finished(scope, job, "Deployment coredns");
}

// kubeadm's own record of the DNS settings, for the next kubeadm that looks.
Result<bool> record_dns(Scope& scope) {
  const Json dns = scope.plane.spec.kubeadm.cluster_configuration["dns"];
  const Json configuration = TRY(stored_configuration(scope.workload->kubeadm_config));
  const auto same = [&](const char* key) { return !dns.has(key) || dns[key] == configuration["dns"][key]; };
  if (same("imageRepository") && same("imageTag")) return true;
  Json changed = configuration;
  for (const char* key : {"imageRepository", "imageTag"}) {
    if (dns.has(key)) changed.child("dns").set(key, dns[key]);
  }
  const auto job = scope.clusters.apply(cluster_key(*scope.cluster), "kubeadm-config", {config_map(changed)});
  const bool done = TRY(finished(scope, job, "ConfigMap kubeadm-config"));
  if (done) scope.clusters.refresh(cluster_key(*scope.cluster));
  return false;  // until the new state has been seen
}

}  // namespace

Result<bool> prepare_rollout(Scope& scope) {
  if (!rolling(scope) || !scope.workload || scope.workload->kubeadm_config.is_null()) return true;
  const Json stored = TRY(stored_configuration(scope.workload->kubeadm_config));
  const Json wanted = kubeadm::updated_cluster_configuration(stored, {.spec = scope.plane.spec.kubeadm,
                                                                      .cluster = *scope.cluster,
                                                                      .version = scope.plane.spec.version,
                                                                      .control_plane = true});
  if (wanted == stored) return true;
  std::vector<Json> objects = permissions();
  objects.push_back(config_map(wanted));
  const auto job = scope.clusters.apply(cluster_key(*scope.cluster), "kubeadm-config", objects);
  if (job.state == workload::JobState::failed)
    return base::Error(*job.error).context("updating kubeadm-config for " + scope.plane.spec.version);
  // The change counts once it has been read back, so that a machine never joins with what was before.
  if (job.state == workload::JobState::done) scope.clusters.refresh(cluster_key(*scope.cluster));
  scope.blocked.push_back("storing the configuration for " + scope.plane.spec.version + " in the workload cluster");
  scope.again_in(base::seconds(5));
  return false;
}

Result<void> reconcile_addons(Scope& scope) {
  const bool settled = scope.situation.initialized && scope.workload && scope.workload->reachable &&
                       !scope.workload->kubeadm_config.is_null() && !scope.situation.members.empty() && !rolling(scope);
  if (!settled) return {};
  const auto& configuration = scope.plane.spec.kubeadm.cluster_configuration;
  const bool proxy = !scope.plane.meta.has_annotation(skip_kube_proxy);
  const bool dns = !scope.plane.meta.has_annotation(skip_coredns) && configuration.is_object();
  const std::string wanted = scope.plane.spec.version + (proxy ? "+proxy " : " ") + (dns ? "+dns " : " ") +
                             configuration["imageRepository"].dump() + configuration["dns"].dump();
  Check& check = scope.checks[scope.plane.meta.uid];
  if (check.wanted == wanted && scope.ctx.now() - check.at < check_interval) return {};
  if (proxy && !TRY(update_kube_proxy(scope))) return {};
  if (dns && !(TRY(record_dns(scope)) && TRY(update_coredns(scope)))) return {};
  check = {wanted, scope.ctx.now()};
  return {};
}

}  // namespace control::kubeadmcontrolplane
