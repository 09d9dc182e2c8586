// References that lead nowhere: each has a condition and one event that say so, and the object that was missing is all
// it takes to go on.
#include <doctest/doctest.h>

#include "api/kinds.h"
#include "cli/test_world.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::World;

constexpr const char* sets = "machinesets.cluster.x-k8s.io";
constexpr const char* planes = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io";
constexpr const char* clusters = "clusters.cluster.x-k8s.io";

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void apply(World& world, const char* yaml) {
  auto all = wire::parse_yaml(yaml);
  REQUIRE_MESSAGE(all.ok(), all.error().text());
  for (const auto& doc : *all) world.apply(doc);
}

// Told, and not again and again.
bool told_once(int64_t count) { return count >= 1 && count <= 3; }

// How often an event with this reason was told, over all its objects.
int64_t events(World& world, std::string_view reason) {
  int64_t count = 0;
  for (const auto& event : world.store().list("events", "clusters")) {
    if (event->doc()["reason"].string() != reason) continue;
    count += event->doc()["count"].integer(1);
  }
  return count;
}

std::string set_name(World& world) {
  const auto all = world.store().list(sets, "clusters");
  return all.empty() ? std::string() : all.front()->key.name;
}

constexpr const char* cluster = R"(
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: c, namespace: clusters}
spec:
  controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: KubeadmControlPlane, name: c-cp}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3Cluster, name: c}
)";
constexpr const char* infrastructure = R"(
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3Cluster
metadata: {name: c, namespace: clusters}
spec: {controlPlaneEndpoint: {host: 10.0.0.101, port: 6443}}
)";
constexpr const char* plane = R"(
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlane
metadata: {name: c-cp, namespace: clusters}
spec:
  replicas: 1
  version: v1.32.0
  machineTemplate:
    spec:
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3MachineTemplate, name: t}
)";
constexpr const char* machine_template = R"(
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3MachineTemplate
metadata: {name: t, namespace: clusters}
spec:
  template:
    spec: {image: {url: "https://images.example.com/a.raw", checksum: "https://images.example.com/a.raw.sha256sum"}}
)";
constexpr const char* deployment = R"(
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: md, namespace: clusters}
spec:
  clusterName: c
  replicas: 1
  selector: {matchLabels: {}}
  template:
    spec:
      clusterName: c
      version: v1.32.0
      bootstrap:
        configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: KubeadmConfigTemplate, name: b}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3MachineTemplate, name: t}
)";
constexpr const char* bootstrap = R"(
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfigTemplate
metadata: {name: b, namespace: clusters}
spec: {template: {spec: {}}}
)";

TEST_CASE("a missing infrastructure object, control plane and template of a cluster") {
  World world(21, {.control_plane = 0, .worker = 0, .spare = 0, .clusters = {}});
  world.start_manager();
  world.apply_inventory();
  apply(world, cluster);
  world.run_for(base::seconds(15));
  CHECK(events(world, "ObjectDoesNotExist") == 0);  // the rest of the manifests may be on its way
  world.run_for(base::minutes(30));
  const auto why = [&] { return world.condition(clusters, "c", "Ready", "message"); };
  CHECK_MESSAGE(contains(why(), "Metal3Cluster c, named by spec.infrastructureRef, does not exist; next: "), why());
  CHECK_MESSAGE(contains(why(), "KubeadmControlPlane c-cp, named by spec.controlPlaneRef"), why());
  CHECK(events(world, "ObjectDoesNotExist") <= 4);  // two objects, each told for a moment, however long it lasts
  CHECK(events(world, "ObjectDoesNotExist") >= 2);

  apply(world, infrastructure);
  apply(world, plane);
  const auto told = [&] { return world.condition(planes, "c-cp", "ScalingUp", "message"); };
  CHECK_MESSAGE(world.run_until([&] { return contains(told(), "Metal3MachineTemplate t"); }, base::seconds(10)),
                told());
  CHECK(world.condition(clusters, "c", "InfrastructureReady") == "True");
  world.run_for(base::minutes(20));
  CHECK(told_once(events(world, "FailedInitialization")));
  CHECK_MESSAGE(contains(why(), "Metal3MachineTemplate t"), why());

  apply(world, machine_template);
  const auto machines = [&] { return world.store().list("machines.cluster.x-k8s.io", "clusters").size(); };
  CHECK_MESSAGE(world.run_until([&] { return machines() == 1; }, base::seconds(10)), world.trouble());
}

TEST_CASE("a deployment without its cluster, then without its templates") {
  World world(22, {.control_plane = 0, .worker = 0, .spare = 0, .clusters = {}});
  world.start_manager();
  world.apply_inventory();
  apply(world, deployment);
  const auto why = [&] { return world.condition("machinedeployments.cluster.x-k8s.io", "md", "ScalingUp", "message"); };
  CHECK_MESSAGE(world.run_until([&] { return contains(why(), "Cluster c, named by spec.clusterName, does not exist"); },
                                base::seconds(10)),
                why());
  world.run_for(base::minutes(15));
  CHECK(told_once(events(world, "ClusterNotFound")));

  apply(world, cluster);
  const auto lacks = [&](const char* what) {
    return world.run_until([&] { return contains(why(), std::string(what) + " does not exist"); }, base::seconds(10));
  };
  CHECK_MESSAGE(lacks("KubeadmConfigTemplate b"), why());
  world.run_for(base::minutes(15));
  const int64_t first = events(world, "FailedCreate");
  CHECK(told_once(first));
  apply(world, bootstrap);
  CHECK_MESSAGE(lacks("Metal3MachineTemplate t"), why());
  world.run_for(base::minutes(15));
  CHECK(told_once(events(world, "FailedCreate") - first));
  apply(world, machine_template);
  CHECK_MESSAGE(world.run_until([&] { return world.condition(sets, set_name(world), "ScalingUp") == "False"; },
                                base::seconds(10)),
                world.trouble());
}

}  // namespace
