// The life of machines once a cluster runs: more and fewer, failures, pauses, the end.
#include <doctest/doctest.h>

#include <algorithm>

#include "cli/test_world.h"
#include "sim/node/workload_cluster.h"
#include "wire/yaml.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* machines = "machines.cluster.x-k8s.io";
constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* planes = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io";
constexpr const char* clusters = "clusters.cluster.x-k8s.io";
const std::string core = "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/";
const std::string plane_path =
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/dev-cp";

Json yaml(std::string_view text) {
  const auto docs = wire::parse_yaml(text);
  REQUIRE_MESSAGE(docs.ok(), text);
  return docs->front();
}
Json replicas(int count) { return yaml("spec: {replicas: " + std::to_string(count) + "}"); }

std::vector<Json> machines_of(World& world, bool control_plane) {
  std::vector<Json> out;
  for (const auto& machine : world.store().list(machines, "clusters")) {
    if (machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane") == control_plane)
      out.push_back(machine->doc());
  }
  return out;
}
std::string name_of(const Json& doc) { return doc.path("metadata.name").string(); }
std::string node_of(const Json& machine) { return machine.path("status.nodeRef.name").string(); }
bool deleting(const Json& doc) { return !doc.path("metadata.deletionTimestamp").is_null(); }

// All there, none on its way out, each with a healthy Node.
bool settled(World& world, bool control_plane, size_t count) {
  const auto all = machines_of(world, control_plane);
  return all.size() == count && std::all_of(all.begin(), all.end(), [&](const Json& machine) {
           return !deleting(machine) && world.condition(machines, name_of(machine), "Ready") == "True";
         });
}
void until_settled(World& world, bool control_plane, size_t count) {
  const bool done = world.run_until([&] { return settled(world, control_plane, count); }, base::hours(4));
  REQUIRE_MESSAGE(done, world.trouble());
}

size_t voters(World& world) { return world.rack().cluster("dev")->etcd().all().size(); }

std::string event_with(World& world, std::string_view reason) {
  for (const auto& event : world.store().list("events", "clusters")) {
    if (event->doc()["reason"].string() == reason) return event->doc()["message"].string();
  }
  return {};
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The dev cluster with that many machines.
void bring_up(World& world, int control_plane, int workers) {
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.patch(plane_path, replicas(control_plane));
  world.patch(core + "machinedeployments/dev-workers", replicas(workers));
  world.until_ready();
  until_settled(world, true, static_cast<size_t>(control_plane));
  until_settled(world, false, static_cast<size_t>(workers));
}

// A health check of the control plane that allows two at a time to be replaced.
void watch_control_plane(World& world) {
  world.apply(yaml(R"(
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: dev-cp-health, namespace: clusters}
spec:
  clusterName: dev
  selector: {matchLabels: {cluster.x-k8s.io/control-plane: ""}}
  checks: {unhealthyNodeConditions: [{type: Ready, status: Unknown, timeoutSeconds: 300}]}
  remediation: {triggerIf: {unhealthyLessThanOrEqualTo: 2}}
)"));
}

TEST_CASE("a control plane grows from one machine to three and shrinks back, and etcd with it") {
  World world(31, Size{.control_plane = 3, .worker = 0, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 1, 0);
  CHECK(voters(world) == 1);
  world.patch(plane_path, replicas(3));
  until_settled(world, true, 3);
  CHECK(voters(world) == 3);
  world.patch(plane_path, replicas(1));
  until_settled(world, true, 1);
  CHECK(voters(world) == 1);
  CHECK(world.rack().log().count("etcd lost its quorum") == 0);
  const auto freed = [&] {
    const auto all = world.store().list(hosts, "clusters");
    return std::count_if(all.begin(), all.end(), [](const auto& host) {
      return host->doc().path("status.provisioning.state").string() == "available";
    });
  };
  CHECK_MESSAGE(world.run_until([&] { return freed() == 2; }, base::hours(2)), world.trouble());
  CHECK(world.ready("dev"));
}

TEST_CASE("a control-plane machine that loses power is replaced, and etcd keeps its quorum all the time") {
  World world(32, Size{.control_plane = 4, .worker = 0, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 3, 0);
  watch_control_plane(world);
  // The member that leads is the hardest one to lose.
  const std::string node = world.rack().cluster("dev")->etcd().leader()->name;
  std::string lost;
  for (const auto& machine : machines_of(world, true)) {
    if (node_of(machine) == node) lost = name_of(machine);
  }
  auto* server = world.rack().server_of_node(node);
  REQUIRE(server);
  server->cut_power(base::hours(2));
  CHECK_MESSAGE(world.run_until([&] { return deleting(world.object(machines, lost)); }, base::hours(1)),
                world.trouble());
  const Json last = world.object(planes, "dev-cp").path("status.lastRemediation");
  CHECK(last["machine"].string() == lost);
  CHECK(last["retryCount"].integer(-1) == 0);
  // Its member leaves at once; the host follows when its BMC answers again.
  CHECK_MESSAGE(world.run_until([&] { return voters(world) == 2; }, base::minutes(10)), world.trouble());
  until_settled(world, true, 3);
  CHECK(voters(world) == 3);
  CHECK(world.object(machines, lost).is_null());
  CHECK(world.rack().log().count("etcd lost its quorum") == 0);
  CHECK(world.ready("dev"));
  size_t replacements = 0;
  for (const auto& machine : machines_of(world, true)) {
    const auto& note = machine.path("metadata.annotations")["controlplane.cluster.x-k8s.io/remediation-for"];
    if (note.is_null()) continue;
    ++replacements;
    CHECK(contains(note.string(), lost));
  }
  CHECK(replacements == 1);
  CHECK(world.object(planes, "dev-cp")
            .path("metadata.annotations")["controlplane.cluster.x-k8s.io/remediation-in-progress"]
            .is_null());
}

TEST_CASE("a second control-plane machine that fails while the first is being replaced is replaced, too") {
  World world(37, Size{.control_plane = 4, .worker = 0, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 3, 0);
  watch_control_plane(world);
  std::vector<std::string> lost;
  for (const auto& machine : machines_of(world, true)) {
    auto* server = world.rack().server_of_node(node_of(machine));
    if (lost.size() == 2) continue;
    if (lost.empty())
      server->cut_power(base::minutes(30));
    else
      server->stop_kubelet();
    lost.push_back(name_of(machine));
  }
  // The machine whose kubelet stopped does not come back. The other may have its power again before its turn comes:
  // then it is healthy and stays.
  const auto replaced = [&] { return world.object(machines, lost.back()).is_null() && settled(world, true, 3); };
  CHECK_MESSAGE(world.run_until(replaced, base::hours(4)), world.trouble());
  CHECK(voters(world) == 3);
  CHECK(world.rack().log().count("etcd lost its quorum") == 0);
}

TEST_CASE("a worker without kubelet is replaced by a free host that matches, and only that one") {
  World world(33, Size{.control_plane = 1, .worker = 4, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 1, 3);
  const auto before = machines_of(world, false);
  const std::string lost = name_of(before.front());
  world.rack().server_of_node(node_of(before.front()))->stop_kubelet();
  CHECK_MESSAGE(world.run_until([&] { return world.object(machines, lost).is_null(); }, base::hours(2)),
                world.trouble());
  until_settled(world, false, 3);
  for (size_t i = 1; i < before.size(); ++i) CHECK(!world.object(machines, name_of(before[i])).is_null());
  world.until_ready();
}

TEST_CASE("five unhealthy workers of ten at 40 % are left alone, and an event gives the numbers") {
  World world(34, Size{.control_plane = 1, .worker = 12, .spare = 0, .clusters = {"production"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.patch("/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/production-cp",
              replicas(1));
  world.patch(core + "machinedeployments/production-workers", replicas(10));
  world.until_ready();
  until_settled(world, false, 10);
  const auto before = machines_of(world, false);
  for (size_t i = 0; i < 5; ++i) world.rack().server_of_node(node_of(before[i]))->stop_kubelet();
  world.run_for(base::minutes(40));
  const auto after = machines_of(world, false);
  REQUIRE(after.size() == 10);
  for (size_t i = 0; i < 10; ++i) {
    CHECK(name_of(after[i]) == name_of(before[i]));
    CHECK_FALSE(deleting(after[i]));
  }
  const std::string why = event_with(world, "RemediationRestricted");
  for (const char* number : {"5", "10", "40%"}) CHECK_MESSAGE(contains(why, number), why);
  CHECK(event_with(world, "MachineRemediation").empty());

  // One comes back: four of ten are within the limit.
  world.rack().server_of_node(node_of(before[0]))->start_kubelet();
  CHECK_MESSAGE(world.run_until([&] { return !event_with(world, "MachineRemediation").empty(); }, base::minutes(30)),
                world.trouble());
  CHECK_FALSE(deleting(world.object(machines, name_of(before[0]))));
}

TEST_CASE("a paused cluster keeps its machines as they are, and goes on where it was") {
  World world(35, Size{.control_plane = 2, .worker = 4, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 1, 3);
  world.patch(core + "clusters/dev", yaml("spec: {paused: true}"));
  world.patch(core + "machinedeployments/dev-workers", replicas(4));
  world.patch(plane_path, yaml("spec: {version: v1.32.1}"));
  const auto before = machines_of(world, false);
  world.rack().server_of_node(node_of(before.front()))->stop_kubelet();
  world.run_for(base::minutes(30));
  CHECK(machines_of(world, false).size() == 3);
  CHECK(machines_of(world, true).size() == 1);
  CHECK_FALSE(deleting(world.object(machines, name_of(before.front()))));
  for (const char* resource : {clusters, planes}) {
    CHECK(world.condition(resource, resource == planes ? "dev-cp" : "dev", "Paused") == "True");
  }
  CHECK(world.condition(machines, name_of(before.front()), "Paused") == "True");
  world.rack().server_of_node(node_of(before.front()))->start_kubelet();
  world.patch(core + "clusters/dev", yaml("spec: {paused: null}"));
  until_settled(world, false, 4);
  CHECK(!world.object(machines, name_of(before.front())).is_null());
  CHECK(world.condition(clusters, "dev", "Paused") == "False");
  const auto upgraded = [&] {
    const auto all = machines_of(world, true);
    return all.size() == 1 && all.front().path("spec.version").string() == "v1.32.1" && settled(world, true, 1);
  };
  CHECK_MESSAGE(world.run_until(upgraded, base::hours(2)), world.trouble());
}

TEST_CASE(
    "a Node that could not be deleted with its machine does not keep the next machine on that host from joining") {
  World world(38, Size{.control_plane = 1, .worker = 1, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 1, 1);
  const Json before = machines_of(world, false).front();
  const Json plane = machines_of(world, true).front();
  world.patch(core + "machinedeployments/dev-workers",
              yaml("spec: {template: {spec: {deletion: {nodeDrainTimeoutSeconds: 1}}}}"));
  world.run_for(base::minutes(1));
  world.rack().server_of_node(node_of(plane))->cut_power(base::minutes(20));
  world.remove(core + "machines/" + name_of(before));
  const auto gone = [&] { return world.object(machines, name_of(before)).is_null(); };
  REQUIRE_MESSAGE(world.run_until(gone, base::minutes(20)), world.trouble());
  until_settled(world, false, 1);
  CHECK(node_of(machines_of(world, false).front()) == node_of(before));
}

TEST_CASE("a deleted cluster goes from the outside in: workers, then control plane, then infrastructure") {
  World world(36, Size{.control_plane = 3, .worker = 1, .spare = 0, .clusters = {"dev"}});
  bring_up(world, 3, 1);
  world.remove(core + "clusters/dev");
  bool workers_first = true, infrastructure_last = true;
  const auto gone = [&] {
    const auto plane_machines = machines_of(world, true);
    if (!machines_of(world, false).empty()) {
      for (const auto& machine : plane_machines) workers_first = workers_first && !deleting(machine);
    }
    const Json infrastructure = world.object("metal3clusters.infrastructure.cluster.x-k8s.io", "dev");
    if (!plane_machines.empty() || !world.object(planes, "dev-cp").is_null())
      infrastructure_last = infrastructure_last && !infrastructure.is_null() && !deleting(infrastructure);
    return world.object(clusters, "dev").is_null();
  };
  CHECK_MESSAGE(world.run_until(gone, base::hours(4)), world.trouble());
  CHECK(workers_first);
  CHECK(infrastructure_last);
  for (const auto& host : world.store().list(hosts, "clusters")) {
    CHECK(host->doc().path("spec.consumerRef").is_null());
    CHECK(world.host_state(host->key.name) == "available");
  }
}

}  // namespace
