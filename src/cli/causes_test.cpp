// From an object to what it waits for.
#include <doctest/doctest.h>

#include "cli/why.h"

namespace {

using base::Json;
using cli::StatusInput;

Json json(const std::string& text) {
  auto parsed = base::parse_json(text);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error().text());
  return *parsed;
}

std::string condition(const std::string& type, const std::string& status, const std::string& message) {
  return R"({"type": ")" + type + R"(", "status": ")" + status + R"(", "reason": "R", "message": ")" + message + "\"}";
}

// A cluster with one control plane machine and one deployment, nothing Ready.
StatusInput sample(const std::string& plane_scaling = "Scaling up from 0 to 1 replicas") {
  StatusInput in;
  in.clusters = json(R"([{"metadata": {"name": "dev", "namespace": "x"},
    "spec": {"controlPlaneRef": {"kind": "KubeadmControlPlane", "name": "dev-cp"}},
    "status": {"phase": "Provisioned", "conditions": [)" +
                     condition("InfrastructureReady", "True", "") + "," +
                     condition("Ready", "False", "everything at once") + "]}}]");
  in.planes = json(R"([{"metadata": {"name": "dev-cp", "namespace": "x",
      "labels": {"cluster.x-k8s.io/cluster-name": "dev"}}, "spec": {"replicas": 1},
    "status": {"conditions": [)" +
                   condition("ScalingUp", "True", plane_scaling) + "]}}]");
  in.deployments =
      json(R"([{"metadata": {"name": "md", "namespace": "x"}, "spec": {"clusterName": "dev", "replicas": 2},
    "status": {"conditions": [)" +
           condition("ScalingUp", "True", "Scaling up from 0 to 2 replicas:\\n* API: no template t") + "]}}]");
  in.machines = Json::array();
  in.metal3machines = Json::array();
  in.hosts = Json::array();
  in.machine_sets = Json::array();
  return in;
}

void add_machine(StatusInput& in, const std::string& name, bool control_plane, const std::string& conditions) {
  const std::string label =
      control_plane ? R"("cluster.x-k8s.io/control-plane": "")" : R"("cluster.x-k8s.io/deployment-name": "md")";
  in.machines.push(json(R"({"metadata": {"name": ")" + name + R"(", "namespace": "x", "labels": {)" + label +
                        R"(}}, "spec": {"clusterName": "dev", "infrastructureRef": {"name": ")" + name +
                        R"("}}, "status": {"phase": "Provisioning", "conditions": [)" + conditions + "]}}"));
}

void add_metal(StatusInput& in, const std::string& name, const std::string& host, const std::string& why) {
  in.metal3machines.push(json(R"({"metadata": {"name": ")" + name + R"(", "namespace": "x", "annotations": {)" +
                              (host.empty() ? "" : R"("metal3.io/BareMetalHost": "x/)" + host + "\"") +
                              R"(}}, "status": {"conditions": [{"type": "Ready", "status": "False",
                              "reason": "NoAvailableBareMetalHost", "message": ")" +
                              why + "\"}]}}"));
}

void add_host(StatusInput& in, const std::string& name, const std::string& error) {
  in.hosts.push(json(R"({"metadata": {"name": ")" + name + R"(", "namespace": "x"},
    "status": {"provisioning": {"state": "provisioning"}, "errorMessage": ")" +
                     error + R"(", "conditions": [)" + condition("Progressing", "True", error) + "]}}"));
}

std::vector<std::string> way(const StatusInput& in, const char* kind, const char* name) {
  std::vector<std::string> out;
  for (const auto& link : cli::chain_from(in, kind, "x", name)) out.push_back(cli::short_name(link));
  return out;
}
std::string cause(const StatusInput& in, const char* kind, const char* name) {
  const auto chain = cli::chain_from(in, kind, "x", name);
  const auto* last = cli::decisive(chain);
  return last ? cli::short_name(*last) + ": " + last->text : "";
}

using Way = std::vector<std::string>;

TEST_CASE("from the cluster down to the host whose BMC refuses") {
  auto in = sample();
  add_machine(in, "cp-1", true, condition("BootstrapConfigReady", "True", ""));
  add_metal(in, "cp-1", "h1", "BareMetalHost h1: provisioning error");
  add_host(in, "h1", "BMC: 401; next: correct the password");
  CHECK(way(in, "Cluster", "dev") == Way{"cluster/dev", "kcp/dev-cp", "machine/cp-1", "m3m/cp-1", "bmh/h1"});
  CHECK(cause(in, "Cluster", "dev") == "bmh/h1: BMC: 401; next: correct the password");
  const std::string text = cli::render_why(cli::chain_from(in, "Cluster", "x", "dev"), {}, base::Time(), 0);
  CHECK_MESSAGE(text.starts_with("BMC: 401\nnext: correct the password\n\nCluster x/dev: Provisioned\n"), text);
  CHECK_MESSAGE(text.find("└ BareMetalHost h1: provisioning, error\n") != std::string::npos, text);
}

TEST_CASE("a worker whose bootstrap data waits for the control plane leads there, and round in no circle") {
  auto in = sample();
  add_machine(in, "cp-1", true,
              condition("BootstrapConfigReady", "True", "") + "," +
                  condition("InfrastructureReady", "False", "controller: no host matches"));
  add_metal(in, "cp-1", "", "controller: no host matches");
  add_machine(in, "w-1", false, condition("BootstrapConfigReady", "False", "waiting for the control plane"));
  CHECK(way(in, "MachineDeployment", "md") ==
        Way{"md/md", "machine/w-1", "cluster/dev", "kcp/dev-cp", "machine/cp-1", "m3m/cp-1"});
  CHECK(cause(in, "MachineDeployment", "md") == "machine/cp-1: controller: no host matches");
}

TEST_CASE("what a control plane or deployment cannot make is its own cause") {
  auto in = sample("Scaling up from 0 to 1 replicas:\\n* API: Metal3MachineTemplate t does not exist");
  CHECK(cause(in, "Cluster", "dev") == "kcp/dev-cp: API: Metal3MachineTemplate t does not exist");
  CHECK(cause(in, "MachineDeployment", "md") == "md/md: API: no template t");
}

TEST_CASE("a workload cluster that does not answer is the cluster's own cause") {
  auto in = sample();
  in.clusters.item(0).set_path("status.conditions",
                               json("[" + condition("ControlPlaneInitialized", "True", "") + "," +
                                    condition("RemoteConnectionProbe", "False", "node: no answer since 12:00") + "]"));
  CHECK(cause(in, "Cluster", "dev") == "cluster/dev: node: no answer since 12:00");
}

TEST_CASE("of several machines the one that failed decides") {
  auto in = sample();
  for (const char* name : {"cp-1", "cp-2"}) {
    add_machine(in, name, true, condition("BootstrapConfigReady", "True", ""));
    add_metal(in, name, std::string("h-") + name, "");
    add_host(in, std::string("h-") + name, name == std::string("cp-2") ? "agent: broken" : "");
  }
  CHECK(cause(in, "KubeadmControlPlane", "dev-cp") == "bmh/h-cp-2: agent: broken");
}

TEST_CASE("kinds are taken under every name, and next steps apart from causes") {
  for (const char* name : {"bmh", "BareMetalHost", "baremetalhosts", "host"}) {
    CHECK(cli::kind_from(name) == "BareMetalHost");
  }
  CHECK(cli::kind_from("kcp") == "KubeadmControlPlane");
  CHECK(cli::kind_from("pod") == "");
  CHECK(cli::kind_from("") == "");
  CHECK(cli::parts_of("a. Next: b").next == "b");
  CHECK(cli::parts_of("a; next: b; next: c").cause == "a");
  CHECK(cli::wrapped("one two three", 33, 2) == "  one two three\n");
  CHECK(cli::wrapped("a long line that has to go on below the first", 32, 2) ==
        "  a long line that has to go on\n  below the first\n");
}

}  // namespace
