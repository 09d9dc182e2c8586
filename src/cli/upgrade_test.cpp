// Changes of version and settings: what happens to the machines, and inside the cluster that runs on them.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"
#include "cli/test_world.h"
#include "sim/node/workload_cluster.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* machines = "machines.cluster.x-k8s.io";
constexpr const char* planes = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io";
constexpr const char* deployments = "machinedeployments.cluster.x-k8s.io";
constexpr const char* sets = "machinesets.cluster.x-k8s.io";
constexpr const char* plane_path =
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/dev-cp";
constexpr const char* deployment_path =
    "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/machinedeployments/dev-workers";

Json yaml(std::string_view text) {
  const auto docs = wire::parse_yaml(text);
  REQUIRE_MESSAGE(docs.ok(), text);
  return docs->front();
}

std::vector<Json> machines_of(World& world, bool control_plane) {
  std::vector<Json> out;
  for (const auto& machine : world.store().list(machines, "clusters")) {
    if (machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane") == control_plane)
      out.push_back(machine->doc());
  }
  return out;
}

// An object inside the workload cluster.
Json inside(World& world, std::string_view resource, std::string_view name, std::string_view ns = "kube-system") {
  const auto cluster = world.rack().cluster("dev");
  REQUIRE(cluster);
  const auto found = cluster->registry().store().get(resource, ns, name);
  return found ? found->doc() : Json();
}
std::string image_inside(World& world, std::string_view resource, std::string_view name) {
  return inside(world, resource, name).path("spec.template.spec.containers").at(0)["image"].string();
}
Json configuration_inside(World& world) {
  return yaml(inside(world, "configmaps", "kubeadm-config")["data"]["ClusterConfiguration"].string());
}

bool runs(World& world, bool control_plane, size_t count, std::string_view version) {
  const auto all = machines_of(world, control_plane);
  return all.size() == count && std::all_of(all.begin(), all.end(), [&](const Json& machine) {
           return machine.path("status.nodeInfo.kubeletVersion").string() == version &&
                  machine.path("status.phase").string() == "Running";
         });
}

TEST_CASE("an upgrade: stored configuration first, then the control plane, then kube-proxy and CoreDNS, then workers") {
  World world(21, Size{.control_plane = 2, .worker = 3, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  CHECK(image_inside(world, "daemonsets.apps", "kube-proxy") == "registry.k8s.io/kube-proxy:v1.32.0");

  world.patch(plane_path, yaml(R"(
spec:
  version: v1.33.1
  kubeadmConfigSpec:
    clusterConfiguration:
      imageRepository: mirror.example.com/k8s
      featureGates: {RootlessControlPlane: true}
      dns: {imageTag: v1.12.0}
      apiServer: {extraArgs: [{name: audit-log-maxage, value: "30"}]}
      controllerManager: {extraArgs: [{name: v, value: "4"}]}
      scheduler: {extraArgs: [{name: v, value: "5"}]}
)"));
  // The first machine that joins must find the new settings there.
  CHECK_MESSAGE(world.run_until([&] { return machines_of(world, true).size() == 2; }, base::minutes(10)),
                world.trouble());
  const Json stored = configuration_inside(world);
  CHECK(stored["kubernetesVersion"].string() == "v1.33.1");
  CHECK(stored["imageRepository"].string() == "mirror.example.com/k8s");
  CHECK(stored["featureGates"]["RootlessControlPlane"].boolean());
  CHECK(stored["apiServer"]["extraArgs"].at(0)["name"].string() == "audit-log-maxage");
  CHECK(stored["controllerManager"]["extraArgs"].at(0)["value"].string() == "4");
  CHECK(stored["scheduler"]["extraArgs"].at(0)["value"].string() == "5");
  CHECK(stored["clusterName"].string() == "dev");
  CHECK_FALSE(stored["networking"].empty());
  CHECK(inside(world, "clusterroles.rbac.authorization.k8s.io", "kubeadm:get-nodes", "").is_object());
  CHECK(inside(world, "clusterrolebindings.rbac.authorization.k8s.io", "kubeadm:cluster-admins", "").is_object());
  CHECK(image_inside(world, "daemonsets.apps", "kube-proxy") == "registry.k8s.io/kube-proxy:v1.32.0");

  CHECK_MESSAGE(world.run_until([&] { return runs(world, true, 1, "v1.33.1"); }, base::hours(4)), world.trouble());
  CHECK_MESSAGE(world.run_until(
                    [&] {
                      return image_inside(world, "daemonsets.apps", "kube-proxy") ==
                                 "mirror.example.com/k8s/kube-proxy:v1.33.1" &&
                             image_inside(world, "deployments.apps", "coredns") ==
                                 "mirror.example.com/k8s/coredns:v1.12.0";
                    },
                    base::minutes(10)),
                world.trouble());
  CHECK(configuration_inside(world)["dns"]["imageTag"].string() == "v1.12.0");

  // A worker rollout by one more machine than wanted, never fewer.
  world.patch(deployment_path, yaml("spec: {template: {spec: {version: v1.33.1}}}"));
  size_t most = 0, fewest_ready = 99;
  const auto rolled = [&] {
    const auto all = machines_of(world, false);
    most = std::max(most, all.size());
    size_t ready = 0;
    for (const auto& machine : all) {
      if (!machine.path("status.nodeRef.name").string().empty()) ++ready;
    }
    fewest_ready = std::min(fewest_ready, ready);
    return runs(world, false, 2, "v1.33.1") && world.store().list(sets, "clusters").size() == 1;
  };
  CHECK_MESSAGE(world.run_until(rolled, base::hours(4)), world.trouble());
  CHECK(most == 3);
  CHECK(fewest_ready >= 2);
  const Json deployment = world.object(deployments, "dev-workers");
  CHECK(deployment.path("metadata.annotations")["machinedeployment.clusters.x-k8s.io/revision"].string() == "2");
  CHECK(world.condition(deployments, "dev-workers", "RollingOut") == "False");
  CHECK(world.condition(planes, "dev-cp", "RollingOut") == "False");
}

TEST_CASE("kube-proxy and CoreDNS that people manage themselves are left alone") {
  World world(22, Size{.control_plane = 2, .worker = 0, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.patch(deployment_path, yaml("spec: {replicas: 0}"));
  world.until_ready();
  world.patch(plane_path, yaml(R"(
metadata:
  annotations:
    controlplane.cluster.x-k8s.io/skip-kube-proxy: ""
    controlplane.cluster.x-k8s.io/skip-coredns: ""
spec:
  version: v1.33.1
  kubeadmConfigSpec: {clusterConfiguration: {dns: {imageTag: v1.12.0}}}
)"));
  CHECK_MESSAGE(world.run_until([&] { return runs(world, true, 1, "v1.33.1"); }, base::hours(4)), world.trouble());
  world.run_for(base::minutes(15));
  CHECK(image_inside(world, "daemonsets.apps", "kube-proxy") == "registry.k8s.io/kube-proxy:v1.32.0");
  CHECK(image_inside(world, "deployments.apps", "coredns") == "registry.k8s.io/coredns/coredns:v1.11.3");
}

TEST_CASE("certificates that expire within spec.rollout.before make the control plane roll") {
  World world(23, Size{.control_plane = 2, .worker = 0, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.patch(deployment_path, yaml("spec: {replicas: 0}"));
  world.until_ready();
  const auto expiry = [&] { return machines_of(world, true).front().path("status.certificatesExpiryDate").string(); };
  CHECK_MESSAGE(world.run_until([&] { return !expiry().empty(); }, base::minutes(5)), world.trouble());
  const auto expires = base::parse_rfc3339(expiry());
  REQUIRE(expires);
  const auto left = *expires - world.loop().now();
  CHECK(left < base::hours(24 * 365));
  CHECK(left > base::hours(24 * 364));
  const std::string first = machines_of(world, true).front().path("metadata.name").string();

  world.patch(plane_path, yaml("spec: {rollout: {before: {certificatesExpiryDays: 90}}}"));
  world.run_for(base::minutes(5));
  CHECK(machines_of(world, true).size() == 1);
  CHECK(world.condition(planes, "dev-cp", "RollingOut") == "False");

  world.patch(plane_path, yaml("spec: {rollout: {before: {certificatesExpiryDays: 365}}}"));
  CHECK_MESSAGE(world.run_until([&] { return machines_of(world, true).size() == 2; }, base::minutes(5)),
                world.trouble());
  const std::string why = world.condition(planes, "dev-cp", "RollingOut", "message");
  CHECK_MESSAGE(why.find("Certificates expire at " + expiry().substr(0, 10)) != std::string::npos, why);
  // The new ones are fresh enough, and the old machine still is the one to go: rollout.after says so.
  const std::string now = base::rfc3339(world.loop().now());
  world.patch(plane_path, yaml("spec: {rollout: {before: {certificatesExpiryDays: 90}}}"));
  world.patch(plane_path, Json::object({{"spec", Json::object({{"rollout", Json::object({{"after", now}})}})}}));
  const auto rolled = [&] { return runs(world, true, 1, "v1.32.0") && world.object(machines, first).is_null(); };
  CHECK_MESSAGE(world.run_until(rolled, base::hours(4)), world.trouble());
  CHECK(world.rack().log().count("etcd lost its quorum") == 0);
}

TEST_CASE("a rollout with nodeReuse takes the same hosts again, and disks are cleaned only when they are to be") {
  World world(24, Size{.control_plane = 1, .worker = 3, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  constexpr const char* hosts = "baremetalhosts.metal3.io";
  // The host that stays free is the one that would be taken first if none were kept.
  std::string first;
  for (const auto& host : world.store().list(hosts, "clusters")) {
    if (first.empty() && host->doc().path("metadata.labels.role").string() == "worker") first = host->key.name;
  }
  const auto set_role = [&](const char* role) {
    world.patch("/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/" + first,
                yaml(std::string("metadata: {labels: {role: ") + role + "}}"));
  };
  set_role("resting");
  world.apply_clusters();
  const std::string template_path =
      "/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/clusters/metal3machinetemplates/dev-workers";
  world.patch(deployment_path, yaml("spec: {rollout: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, "
                                    "maxUnavailable: 1}}}}"));
  world.until_ready();
  const auto used = [&] {
    std::vector<std::string> out;
    for (const auto& host : world.store().list(hosts, "clusters")) {
      const Json& doc = host->doc();
      if (doc.path("spec.consumerRef.kind").string() == "Metal3Machine" &&
          doc.path("metadata.labels.role").string() == "worker")
        out.push_back(host->key.name);
    }
    return out;
  };
  const auto wipes = [&](const std::string& host) {
    const auto& disks = world.rack().server(host)->counters().disks;
    return disks.metadata_wipes;
  };
  const auto before = used();
  REQUIRE(before.size() == 2);
  set_role("worker");
  // Machines that exist follow the template in this.
  world.patch(template_path, yaml("spec: {nodeReuse: true, template: {spec: {automatedCleaningMode: disabled}}}"));
  const auto followed = [&] {
    return std::all_of(before.begin(), before.end(), [&](const std::string& host) {
      return world.object(hosts, host).path("spec.automatedCleaningMode").string() == "disabled";
    });
  };
  CHECK_MESSAGE(world.run_until(followed, base::minutes(5)), world.trouble());
  const std::vector<uint64_t> wiped = {wipes(before[0]), wipes(before[1])};

  world.patch(deployment_path, yaml("spec: {template: {spec: {version: v1.32.1}}}"));
  const auto replaced = [&] {
    const auto all = machines_of(world, false);
    return all.size() == 2 && std::all_of(all.begin(), all.end(), [](const Json& machine) {
             return machine.path("spec.version").string() == "v1.32.1" &&
                    !machine.path("status.nodeRef.name").string().empty();
           });
  };
  CHECK_MESSAGE(world.run_until(replaced, base::hours(4)), world.trouble());
  CHECK(used() == before);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(wipes(before[i]) == wiped[i]);
    CHECK(
        world.object(hosts, before[i]).path("metadata.labels")["infrastructure.cluster.x-k8s.io/node-reuse"].is_null());
  }

  // Fewer replicas: the host is not kept for anybody.
  world.patch(deployment_path, yaml("spec: {replicas: 1}"));
  const auto freed = [&] {
    const auto all = world.store().list(hosts, "clusters");
    return used().size() == 1 && std::none_of(all.begin(), all.end(), [](const auto& host) {
             return host->doc().path("spec.consumerRef.kind").string() == "Cluster";
           });
  };
  CHECK_MESSAGE(world.run_until([&] { return machines_of(world, false).size() == 1; }, base::hours(2)),
                world.trouble());
  CHECK(freed());
}

}  // namespace
