// The first control-plane machine of a cluster, on which everything waits.
#include <doctest/doctest.h>

#include "cli/test_world.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* machines = "machines.cluster.x-k8s.io";

Json document(std::string_view yaml) {
  const auto docs = wire::parse_yaml(yaml);
  REQUIRE(docs.ok());
  return docs->front();
}

std::string plane_machine(World& world) {
  for (const auto& machine : world.store().list(machines, "clusters")) {
    if (machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane")) return machine->key.name;
  }
  return {};
}

TEST_CASE("a first machine whose cloud-init fails is replaced by a health check, with the corrected configuration") {
  World world(17, Size{.control_plane = 1, .worker = 2, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply(document(R"(
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlane
metadata: {name: dev-cp, namespace: clusters}
spec:
  replicas: 1
  version: v1.32.0
  machineNaming: {template: "{{ .cluster.name }}-first-{{ .random }}"}
  machineTemplate:
    spec:
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3MachineTemplate, name: dev-cp}
  kubeadmConfigSpec:
    preKubeadmCommands: ["echo {{ ds.meta_data.no_such_field }}"]
)"));
  world.apply(document(R"(
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: dev-control-plane, namespace: clusters}
spec:
  clusterName: dev
  selector: {matchLabels: {cluster.x-k8s.io/control-plane: ""}}
)"));
  world.apply_clusters();
  const auto provisioned = [&] {
    const std::string name = plane_machine(world);
    return !name.empty() && world.condition(machines, name, "InfrastructureReady") == "True";
  };
  REQUIRE_MESSAGE(world.run_until(provisioned, base::hours(2)), world.trouble());
  const std::string failed = plane_machine(world);
  CHECK(failed.starts_with("dev-first-"));
  const auto told = [&] {
    const std::string why = world.condition(machines, failed, "NodeReady", "message");
    return why.find("kubeadm init on Machine " + failed) != std::string::npos &&
           why.find("does not answer: ") != std::string::npos;
  };
  CHECK_MESSAGE(world.run_until(told, base::minutes(15)), world.condition(machines, failed, "NodeReady", "message"));
  world.patch("/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/dev-cp",
              document("spec: {kubeadmConfigSpec: {preKubeadmCommands: [echo]}}"));
  world.until_ready();
  CHECK(plane_machine(world) != failed);
  CHECK(plane_machine(world).starts_with("dev-first-"));
}

}  // namespace
