// The controllers on somebody else's API server: one of ours without controllers plays it, across the network.
#include <doctest/doctest.h>

#include "base/text.h"
#include "cli/test_world.h"
#include "sys/fiber.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

const Size small{.control_plane = 1, .worker = 2, .spare = 0, .clusters = {"dev"}};
constexpr auto commit_takes = base::milliseconds(2);

// Nothing is left to do, and both sides show the same objects.
void check_settled(World& world) {
  world.run_for(base::minutes(10));
  auto& theirs = world.store();
  auto& mine = world.manager().registry().store();
  for (const char* resource : {"machines.cluster.x-k8s.io", "baremetalhosts.metal3.io", "secrets",
                               "metal3machines.infrastructure.cluster.x-k8s.io", "machinesets.cluster.x-k8s.io"}) {
    const auto a = theirs.list(resource), b = mine.list(resource);
    REQUIRE_MESSAGE(a.size() == b.size(), resource);
    for (size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i]->key.text() == b[i]->key.text());
      CHECK(a[i]->uid() == b[i]->uid());
      CHECK(a[i]->doc().path("metadata.resourceVersion").string() ==
            b[i]->doc().path("metadata.resourceVersion").string());
    }
  }
  const uint64_t before = theirs.revision();
  world.run_for(base::minutes(30));
  // The lease is renewed every two seconds; nothing else writes.
  std::map<std::string, int> writers;
  for (const auto& resource : theirs.resources()) {
    for (const auto& entry : theirs.list(resource)) {
      if (entry->revision > before) ++writers[entry->key.text()];
    }
  }
  writers.erase("leases.coordination.k8s.io/ingot-system/ingot");
  for (const auto& [key, count] : writers) CHECK_MESSAGE(count == 0, key);
}

TEST_CASE("a cluster becomes Ready on a foreign API server, and then nothing is written any more") {
  World world(11, small, commit_takes, true);
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  check_settled(world);
}

TEST_CASE("whichever process serves the webhooks, the API server believes them") {
  World world(31, small, commit_takes, true);
  world.start_manager();  // whose authority becomes the common one
  auto& api = world.sim().process("192.168.99.4", "api");
  auto& on = world.sim().process("192.168.99.3", "second");
  REQUIRE(on.disk.write("kubeconfig", *api.disk.read("ingot-data/admin.kubeconfig"), 0600).ok());
  cli::ManagerOptions options;
  options.data_dir = "second-data";
  options.names = {"192.168.99.3"};
  options.stock.emplace();
  options.stock->access.kubeconfig = "kubeconfig";
  options.stock->webhook_listen = sys::Address{"192.168.99.3", 9443};
  cli::Manager second(on, std::move(options));
  sys::spawn(on.loop, "second", [&] { (void)second.start(); });  // parks until it gets the lease
  world.run_for(base::seconds(30));
  const std::string ca =
      *base::unbase64(world.object("secrets", "ingot-identity", "ingot-system").path("data")["ca.crt"].string());
  std::string problem = "no answer";
  sys::spawn(world.user_sys().loop, "caller", [&] {
    auto& net = world.user_sys().net;
    auto stream = net.connect({"192.168.99.3", 9443}, base::seconds(5));
    if (stream) {
      sys::TlsClient tls;
      tls.ca_pem = ca;
      tls.server_name = "192.168.99.3";
      stream = net.start_tls(std::move(*stream), tls, base::seconds(5));
    }
    problem = stream ? "" : stream.error().text();
  });
  world.run_for(base::seconds(20));
  CHECK(problem == "");
  world.sim().kill(on);
}

// Status and body; status 0: no answer.
std::pair<int, std::string> scrape(World& world, sys::Sys& from, sys::Address server, const std::string& token) {
  std::pair<int, std::string> out;
  bool over = false;
  sys::spawn(from.loop, "prometheus", [&] {
    net::ClientOptions options;
    options.tls = server.host != "127.0.0.1";
    options.tls_options.verify = false;
    options.server = server;
    net::HttpClient client(from.loop, from.net, options);
    net::Request request;
    request.target = "/metrics";
    if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
    if (const auto answer = client.send(request)) out = {answer->status, answer->body};
    over = true;
  });
  REQUIRE(world.loop().run_until([&] { return over; }));
  return out;
}

TEST_CASE("metrics without an API of its own: to this machine, and to those whom the cluster lets see them") {
  World world(37, small, commit_takes, true);
  world.start_manager();  // has the lease
  auto& api = world.sim().process("192.168.99.4", "api");
  const std::string kubeconfig = *api.disk.read("ingot-data/admin.kubeconfig");
  sys::Address where{"127.0.0.1", 8080};
  SUBCASE("loopback") {}
  SUBCASE("another address") { where.host = "192.168.99.3"; }
  auto& on = world.sim().process("192.168.99.3", "second");
  REQUIRE(on.disk.write("kubeconfig", kubeconfig, 0600).ok());
  cli::ManagerOptions options;
  options.data_dir = "second-data";
  options.stock.emplace();
  options.stock->access.kubeconfig = "kubeconfig";
  options.stock->metrics_listen = where;
  options.stock->metrics_needed = true;
  cli::Manager second(on, std::move(options));
  sys::spawn(on.loop, "second", [&] { (void)second.start(); });  // parks until it gets the lease
  world.run_for(base::seconds(30));
  if (where.host == "127.0.0.1") {
    const auto [status, text] = scrape(world, on, where, "");
    CHECK(status == 200);
    CHECK(text.find("ingot_leader 0\n") != std::string::npos);
    CHECK(scrape(world, world.user_sys(), where, "").first == 0);
  } else {
    auto& user = world.user_sys();
    world.apply(*base::parse_json(R"({"apiVersion":"v1","kind":"ServiceAccount",
      "metadata":{"name":"prometheus","namespace":"default"}})"));
    std::string token;
    world.attempt([&](workload::KubeClient& client) -> base::Result<void> {
      const Json asked = Json::object({{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}});
      const std::string path = "/api/v1/namespaces/default/serviceaccounts/prometheus/token";
      token = TRY(client.create(path, Json(asked).set("spec", Json::object()))).path("status.token").string();
      return {};
    });
    REQUIRE_FALSE(token.empty());
    CHECK(scrape(world, user, where, "").first == 401);
    CHECK(scrape(world, user, where, "stranger").first == 401);
    CHECK(scrape(world, user, where, token).first == 403);
    world.apply(*base::parse_json(R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding",
      "metadata":{"name":"monitoring"},
      "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:monitoring"},
      "subjects":[{"kind":"ServiceAccount","name":"prometheus","namespace":"default"}]})"));
    const auto [status, text] = scrape(world, user, where, token);
    CHECK(status == 200);
    CHECK(text.find("ingot_boot_refused_total{service=\"agent\",reason=\"command\"} 0\n") != std::string::npos);
  }
  world.sim().kill(on);
}

void come_up_in_spite_of_everything(uint64_t seed) {
  World world(seed, small, commit_takes, true);
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  auto& dice = world.sim().random();
  for (int round = 0; round < 60 && !world.all_ready(); ++round) {
    world.run_for(base::seconds(static_cast<int64_t>(5 + dice.below(60))));
    switch (dice.below(5)) {
      case 0:
        world.kill_manager();
        world.run_for(base::seconds(static_cast<int64_t>(dice.below(30))));
        world.start_manager();
        break;
      case 1:  // shorter than the lease, mostly
        world.kill_api();
        world.run_for(base::seconds(static_cast<int64_t>(dice.below(14))));
        world.start_api();
        break;
      case 2:  // the manager loses the lease in the midst of its work, and stops
        world.sim().set_unreachable("192.168.99.10", true);
        // By a timer: a manager that starts again meanwhile waits for the server.
        world.loop().after(base::seconds(static_cast<int64_t>(dice.below(40))),
                           [&world] { world.sim().set_unreachable("192.168.99.10", false); });
        world.run_for(base::seconds(40));
        break;
      case 3:
        world.sim().faults().stream_reset = 0.2;
        world.run_for(base::seconds(3));
        world.sim().faults().stream_reset = 0;
        break;
      default:
        for (const auto& host : world.store().list("baremetalhosts.metal3.io")) {
          (void)world.attempt([&](workload::KubeClient& client) -> base::Result<void> {
            const std::string path = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/" + host->key.name;
            Json patch = Json::object();
            patch.set_path("metadata.labels.touched", std::to_string(round));
            TRY(client.merge_patch(path, patch));
            return {};
          });
        }
    }
    if (!world.manager_runs()) world.start_manager();
  }
  world.until_ready();
  check_settled(world);
}

TEST_CASE("a cluster becomes Ready while server, manager and connections fail and users interfere") {
  for (uint64_t seed = 12; seed < 16; ++seed) come_up_in_spite_of_everything(seed);
}

TEST_CASE("three clusters become Ready on a foreign API server, and are taken back") {
  World world(21, {}, commit_takes, true);
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  for (const auto& server : world.rack().servers()) {
    CHECK_MESSAGE(server->counters().disks.image_writes_started <= 1, server->spec().name);
  }
  world.remove("/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/clusters/staging");
  const auto left = [&] {
    size_t out = world.store().get("clusters.cluster.x-k8s.io", "clusters", "staging") ? 1 : 0;
    for (const auto& machine : world.store().list("machines.cluster.x-k8s.io")) {
      if (machine->doc().path("spec.clusterName").string() == "staging") ++out;
    }
    return out;
  };
  CHECK(world.run_until([&] { return left() == 0; }, base::hours(3)));
  CHECK(world.ready("dev"));
  CHECK(world.ready("production"));
}

}  // namespace
