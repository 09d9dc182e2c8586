// What users get wrong and what hardware does wrong: each ends in a condition that names the layer, and nothing is
// wiped or lost.
#include <doctest/doctest.h>

#include "base/text.h"
#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* machines = "machines.cluster.x-k8s.io";
constexpr const char* clusters_path = "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/clusters/";
constexpr const char* deployments_path = "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/machinedeployments/";
constexpr const char* planes_path =
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/";
constexpr const char* hosts_path = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/";

Json spec(Json members) { return Json::object({{"spec", std::move(members)}}); }
Json label(const char* key, const char* value) {
  return Json::object({{"metadata", Json::object({{"labels", Json::object({{key, value}})}})}});
}

std::string waiting_machine(World& world) {
  for (const auto& machine : world.store().list(machines, "clusters")) {
    if (machine->doc().path("status.nodeRef.name").string().empty()) return machine->key.name;
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string event_with(World& world, std::string_view reason) {
  for (const auto& event : world.store().list("events", "clusters")) {
    if (event->doc()["reason"].string() == reason) return event->doc()["message"].string();
  }
  return {};
}

Size small() { return {.control_plane = 1, .worker = 2, .spare = 1, .clusters = {"dev"}}; }

TEST_CASE("scaling beyond the matching hosts waits with numbers and labels, and goes on after a relabel") {
  World world(11, small());
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  world.patch(std::string(deployments_path) + "dev-workers", spec(Json::object({{"replicas", 3}})));
  const auto why = [&] { return world.condition(machines, waiting_machine(world), "InfrastructureReady", "message"); };
  CHECK_MESSAGE(world.run_until([&] { return contains(why(), "role=worker"); }, base::minutes(10)), world.trouble());
  CHECK_MESSAGE(contains(why(), "1"), why());
  CHECK_MESSAGE(contains(why(), "spare"), why());
  CHECK(!world.ready("dev"));

  std::string spare;
  for (const auto& host : world.store().list(hosts, "clusters")) {
    if (host->doc().path("metadata.labels.role").string() == "spare") spare = host->key.name;
  }
  world.patch(hosts_path + spare, label("role", "worker"));
  world.until_ready();
  CHECK(world.host_state(spare) == "provisioned");

  // Back again: one host is cleaned, powered off and free.
  world.patch(std::string(deployments_path) + "dev-workers", spec(Json::object({{"replicas", 2}})));
  const auto freed = [&]() -> std::string {
    for (const auto& host : world.store().list(hosts, "clusters")) {
      if (host->doc().path("status.provisioning.state").string() == "available") return host->key.name;
    }
    return {};
  };
  CHECK_MESSAGE(world.run_until([&] { return !freed().empty(); }, base::hours(2)), world.trouble());
  auto* server = world.rack().server(freed());
  CHECK_MESSAGE(world.run_until([&] { return !server->powered_on(); }, base::minutes(30)), world.trouble());
  CHECK(server->counters().disks.metadata_wipes >= 2);  // before the first use, and now
  CHECK(world.object(hosts, freed()).path("spec.consumerRef").is_null());
  CHECK(world.object(hosts, freed()).path("spec.image").is_null());

  SUBCASE("deleting the cluster returns all its hosts") {
    world.remove(std::string(clusters_path) + "dev");
    const auto returned = [&] {
      for (const auto& host : world.store().list(hosts, "clusters")) {
        if (host->doc().path("status.provisioning.state").string() != "available") return false;
      }
      return world.object("clusters.cluster.x-k8s.io", "dev").is_null();
    };
    CHECK_MESSAGE(world.run_until(returned, base::hours(3)), world.trouble());
    CHECK(world.store().list(machines).empty());
    CHECK(world.store().list("metal3machines.infrastructure.cluster.x-k8s.io").empty());
    CHECK(world.store().list("kubeadmconfigs.bootstrap.cluster.x-k8s.io").empty());
  }
}

TEST_CASE("a control plane upgrade rolls one machine at a time and keeps the quorum; without a spare it says so") {
  World world(12, Size{.control_plane = 5, .worker = 6, .spare = 1, .clusters = {"production"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  // Both free control-plane hosts become something else, so that nothing is left to roll with.
  std::vector<std::string> free;
  for (const auto& host : world.store().list(hosts, "clusters")) {
    const Json& doc = host->doc();
    if (doc.path("metadata.labels.role").string() == "control-plane" && doc.path("spec.consumerRef").is_null()) {
      free.push_back(host->key.name);
    }
  }
  REQUIRE(free.size() == 2);
  for (const auto& name : free) world.patch(hosts_path + name, label("role", "resting"));
  world.patch(std::string(planes_path) + "production-cp", spec(Json::object({{"version", "v1.33.0"}})));
  const auto why = [&] { return world.condition(machines, waiting_machine(world), "InfrastructureReady", "message"); };
  CHECK_MESSAGE(world.run_until([&] { return contains(why(), "role=control-plane"); }, base::minutes(30)),
                world.trouble());
  world.patch(hosts_path + free.front(), label("role", "control-plane"));
  const auto upgraded = [&] {
    size_t current = 0, planes = 0;
    for (const auto& machine : world.store().list(machines, "clusters")) {
      if (!machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane")) continue;
      ++planes;
      current += machine->doc().path("spec.version").string() == "v1.33.0";
    }
    return planes == 3 && current == 3 && world.ready("production");
  };
  CHECK_MESSAGE(world.run_until(upgraded, base::hours(8)), world.trouble());
  CHECK(world.rack().log().count("etcd lost its quorum") == 0);
}

TEST_CASE("a worker without kubelet is replaced when a spare matches, and too many at once are left alone") {
  World world(13, Size{.control_plane = 1, .worker = 3, .spare = 0, .clusters = {"dev"}});
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  const auto workers = [&] {
    std::vector<std::string> out;
    for (const auto& machine : world.store().list(machines, "clusters")) {
      const Json& doc = machine->doc();
      if (!doc.path("metadata.labels").has("cluster.x-k8s.io/control-plane")) {
        out.push_back(doc.path("status.nodeRef.name").string());
      }
    }
    return out;
  };
  const auto before = workers();
  REQUIRE(before.size() == 2);
  SUBCASE("both of two at 40 % are left alone, with the numbers in an event") {
    for (const auto& node : before) world.rack().server_of_node(node)->stop_kubelet();
    world.run_for(base::minutes(30));
    CHECK(workers() == before);
    const std::string why = event_with(world, "RemediationRestricted");
    CHECK_MESSAGE(contains(why, "2"), why);
    CHECK_MESSAGE(contains(why, "40%"), why);
  }
}

TEST_CASE("wrong passwords, silent BMCs, missing Secrets and bad checksums each say so") {
  World world(14, small());
  world.start_manager();
  const auto& servers = world.rack().servers();
  world.apply_inventory();
  const std::string name = servers.front()->spec().name;

  SUBCASE("wrong password") {
    world.patch("/api/v1/namespaces/clusters/secrets/" + name + "-bmc",
                Json::object({{"data", Json::object({{"password", base::base64("wrong")}})}}));
    const auto error = [&] { return world.object(hosts, name).path("status.errorMessage").string(); };
    CHECK_MESSAGE(world.run_until([&] { return !error().empty(); }, base::minutes(30)), world.trouble());
    CHECK_MESSAGE(contains(error(), "BMC"), error());
    CHECK(world.object(hosts, name).path("status.errorType").string() == "registration error");
  }
  SUBCASE("no Secret") {
    world.patch(hosts_path + name, spec(Json::object({{"bmc", Json::object({{"credentialsName", "nothing"}})}})));
    const auto error = [&] { return world.object(hosts, name).path("status.errorMessage").string(); };
    CHECK_MESSAGE(world.run_until([&] { return contains(error(), "nothing"); }, base::minutes(30)), world.trouble());
  }
  SUBCASE("nobody at the BMC's address") {
    Json host = Json::object({{"apiVersion", "metal3.io/v1alpha1"}, {"kind", "BareMetalHost"}});
    host.set_path("metadata.name", "ghost").set_path("metadata.namespace", "clusters");
    host.set_path("spec.bmc.address", "redfish+https://192.0.2.1/redfish/v1/Systems/1");
    host.set_path("spec.bmc.credentialsName", name + "-bmc").set_path("spec.online", true);
    host.set_path("spec.bootMACAddress", "00:00:5e:00:53:01");
    world.apply(host);
    const auto error = [&] { return world.object(hosts, "ghost").path("status.errorMessage").string(); };
    CHECK_MESSAGE(world.run_until([&] { return contains(error(), "192.0.2.1"); }, base::minutes(30)), world.trouble());
    world.remove(std::string(hosts_path) + "ghost");
    CHECK_MESSAGE(world.run_until([&] { return world.object(hosts, "ghost").is_null(); }, base::hours(1)),
                  world.trouble());
  }
  SUBCASE("an image that does not match its checksum is never booted") {
    world.rack().images().corrupt("/ubuntu-22.04-k8s.qcow2", true);
    world.apply_clusters();
    const auto failed = [&] {
      for (const auto& host : world.store().list(hosts, "clusters")) {
        if (contains(host->doc().path("status.errorMessage").string(), "checksum")) return true;
      }
      return false;
    };
    CHECK_MESSAGE(world.run_until(failed, base::hours(2)), world.trouble());
    for (const auto& server : servers) CHECK(server->counters().nodes_started == 0);
    world.rack().images().corrupt("/ubuntu-22.04-k8s.qcow2", false);
    world.until_ready(base::hours(5));
  }
  // The other hosts are none the worse.
  CHECK_MESSAGE(world.run_until(
                    [&] {
                      const std::string state = world.host_state(servers.back()->spec().name);
                      return state == "available" || state == "provisioned";
                    },
                    base::hours(1)),
                world.trouble());
}

TEST_CASE("two Clusters that name one Metal3Cluster do not fight over it; the second is told") {
  World world(15, small());
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  const auto m3cluster = [&] {
    return world.object("metal3clusters.infrastructure.cluster.x-k8s.io", "dev")
        .path("metadata.resourceVersion")
        .string();
  };
  CHECK(world.run_until(
      [&] { return world.condition("clusters.cluster.x-k8s.io", "dev", "InfrastructureReady") == "True"; },
      base::minutes(5)));
  Json second = Json::object({{"apiVersion", "cluster.x-k8s.io/v1beta2"}, {"kind", "Cluster"}});
  second.set_path("metadata.name", "copy").set_path("metadata.namespace", "clusters");
  second.set_path(
      "spec.infrastructureRef",
      Json::object({{"apiGroup", "infrastructure.cluster.x-k8s.io"}, {"kind", "Metal3Cluster"}, {"name", "dev"}}));
  world.apply(second);
  const auto why = [&] {
    return world.condition("clusters.cluster.x-k8s.io", "copy", "InfrastructureReady", "message");
  };
  CHECK_MESSAGE(world.run_until([&] { return contains(why(), "belongs to Cluster dev"); }, base::minutes(5)), why());
  const std::string before = m3cluster();
  world.run_for(base::minutes(10));
  CHECK(m3cluster() == before);
  CHECK(world.object("metal3clusters.infrastructure.cluster.x-k8s.io", "dev")
            .path("metadata.labels")["cluster.x-k8s.io/cluster-name"]
            .string() == "dev");
}

}  // namespace
