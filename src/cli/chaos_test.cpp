// Users who change their minds at any time, hardware that fails, and a manager that dies at the worst moments. The
// invariants hold all the way; when people stop and the faults are over, everything is deployed or free again.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/test_world.h"

namespace {

using base::Json;
using base::Result;
using cli::test::Size;
using cli::test::World;
using workload::KubeClient;

constexpr uint64_t seeds = 11;
constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* machines = "machines.cluster.x-k8s.io";
constexpr const char* core = "/api/v1/namespaces/clusters/";
constexpr const char* capi = "/apis/cluster.x-k8s.io/v1beta2/namespaces/clusters/";
constexpr const char* plane =
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/clusters/kubeadmcontrolplanes/dev-cp";
constexpr const char* metal3 = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/";

Json spec(Json members) { return Json::object({{"spec", std::move(members)}}); }
Json meta(const char* part, const std::string& key, Json value) {
  return Json::object({{"metadata", Json::object({{part, Json::object({{key, std::move(value)}})}})}});
}

class Chaos {
 public:
  explicit Chaos(World& world) : world_(world), random_(world.sim().random()) {}

  void run() {
    start_faults();
    const uint64_t steps = 8 + random_.below(16);
    for (uint64_t step = 0; step < steps; ++step) {
      world_.run_for(base::seconds(random_.below(1500)));
      act();
    }
    world_.run_for(base::seconds(random_.below(1500)));
    stop_faults();
  }

  // People put right what they did, and let go.
  void heal() {
    until_up();
    for (const auto& server : world_.rack().servers()) server->start_kubelet();
    for (const auto& entry : world_.store().list(hosts)) {
      Json notes =
          Json::object({{"baremetalhost.metal3.io/paused", Json()}, {"baremetalhost.metal3.io/detached", Json()}});
      notes.set("reboot.metal3.io", Json()).set("reboot.metal3.io/people", Json());
      Json change = spec(Json::object({{"externallyProvisioned", false}, {"online", true}}));
      change.set("metadata", Json::object({{"annotations", std::move(notes)}}));
      change.set_path("metadata.labels.role", role_of(entry->key.name));
      insist(metal3 + entry->key.name, change);
      // What is on such a server nobody but its owner knows: it is added anew.
      if (entry->doc().path("status.provisioning.state").string() == "externally provisioned") {
        remove(metal3 + entry->key.name);
      }
    }
    for (const auto& doc : world_.host_manifests()) restore(doc);
    world_.run_for(base::minutes(5));  // a Secret goes with the host that used it, a moment later
    for (const auto& doc : world_.host_manifests()) restore(doc);
    if (!cluster().path("metadata.deletionTimestamp").is_null()) delete_cluster();
    if (gone()) return;
    complete_cluster();
    steady();
  }

  // A request to create something may have been lost: people look again.
  void complete_cluster() {
    for (const auto& doc : world_.cluster_manifests()) {
      const std::string path = World::collection(doc);
      const std::string& version = doc["apiVersion"].string();
      const std::string resource = path.substr(path.rfind('/') + 1) + "." + version.substr(0, version.find('/'));
      if (world_.object(resource, doc.path("metadata.name").string()).is_null()) world_.apply(doc);
    }
  }

  // Ready as the manifests say, on hosts that are deployed or free.
  void converge() {
    if (gone()) recreate();
    bool good = world_.run_until([&] { return settled(); }, base::hours(4));
    if (!good && delete_failed_workers()) good = world_.run_until([&] { return settled(); }, base::hours(4));
    // A lost control plane and workers that could not join while it was away need a decision of people.
    if (!good && (control_plane_lost_ || world_.rack().log().count("cloud-init failed") > 0)) {
      delete_cluster();
      recreate();
      good = world_.run_until([&] { return settled(); }, base::hours(6));
    }
    REQUIRE_MESSAGE(good, unsettled_ << story() << world_.log() << world_.trouble());
  }

  std::string story() const {
    std::string out = "\n";
    for (const auto& line : story_) out += "user: " + line + "\n";
    return out;
  }

 private:
  void note(const std::string& text, const std::string& problem) {
    story_.push_back(base::rfc3339(world_.loop().now()) + " " + text + (problem.empty() ? "" : " (" + problem + ")"));
    if (std::getenv("INGOT_SEED")) std::fprintf(stderr, "%s\n", story_.back().c_str());
  }
  void patch(const std::string& path, const Json& change) {
    const auto asked = [&](KubeClient& client) -> Result<void> {
      TRY(client.merge_patch(path, change));
      return {};
    };
    note("patch " + path + " " + change.dump(), world_.attempt(asked));
  }
  void insist(const std::string& path, const Json& change) {
    until_up();
    patch(path, change);
  }
  void create(const Json& doc) {
    const auto asked = [&](KubeClient& client) -> Result<void> {
      TRY(client.create(World::collection(doc), doc));
      return {};
    };
    note("create " + doc["kind"].string() + " " + doc.path("metadata.name").string(), world_.attempt(asked));
  }
  void remove(const std::string& path) {
    const auto asked = [&](KubeClient& client) -> Result<void> {
      TRY(client.remove(path));
      return {};
    };
    note("delete " + path, world_.attempt(asked));
  }

  void until_up() {
    REQUIRE(world_.run_until([&] { return world_.manager_runs(); }, base::hours(1)));
  }
  // What is being deleted comes back once it is gone. A Secret that a host uses stays as long as the host.
  void restore(const Json& doc) {
    const std::string& name = doc.path("metadata.name").string();
    const bool host = doc["kind"].string() == "BareMetalHost";
    const char* resource = host ? hosts : "secrets";
    const auto over = [&] { return world_.object(resource, name).path("metadata.deletionTimestamp").is_null(); };
    const bool ended = !host || world_.run_until(over, base::hours(12));
    REQUIRE_MESSAGE(ended, name << " is never gone" << story() << world_.log() << world_.trouble());
    if (doc["kind"].string() != "Namespace" && world_.object(resource, name).is_null()) world_.apply(doc);
  }
  std::string role_of(const std::string& host) const {
    for (const auto& doc : world_.host_manifests()) {
      if (doc.path("metadata.name").string() == host) return doc.path("metadata.labels.role").string();
    }
    return {};
  }

  sim::Server& any_server() { return *world_.rack().servers()[random_.below(world_.rack().servers().size())]; }
  std::string any_host() { return any_server().spec().name; }
  bool toss() { return random_.below(2) == 0; }
  base::Duration minutes(uint64_t most) { return base::seconds(10 + random_.below(60 * most)); }

  void start_faults() {
    world_.sim().faults().connect_refused = 0.02 * random_.unit();
    world_.sim().faults().stream_reset = 0.004 * random_.unit();
    world_.sim().faults().datagram_lost = 0.05 * random_.unit();
    for (const auto& server : world_.rack().servers()) {
      auto& bmc = server->bmc_faults();
      bmc.http_unavailable = bmc.node_busy = 0.05 * random_.unit();
      bmc.http_reset = 0.03 * random_.unit();
      bmc.datagram_lost = 0.05 * random_.unit();
    }
    // One in `rarity` events of the rack costs the manager its life at that very moment.
    const uint64_t rarity = 5 + random_.below(60);
    world_.on_event([this, rarity](const sim::RackEvent& event) {
      if (event.subject == "rack" || random_.below(rarity) != 0) return;
      world_.kill_in(base::microseconds(random_.below(50'000)), base::seconds(random_.below(90)));
    });
  }

  void stop_faults() {
    world_.on_event({});
    world_.sim().faults() = {};
    for (const auto& server : world_.rack().servers()) server->bmc_faults() = {};
    world_.rack().images().corrupt("*", false);
  }

  void act() {
    static constexpr void (Chaos::*acts[])() = {&Chaos::scale_workers,  &Chaos::scale_control_plane,
                                                &Chaos::toggle_cluster, &Chaos::relabel,
                                                &Chaos::pause,          &Chaos::detach,
                                                &Chaos::roll_out,       &Chaos::upgrade,
                                                &Chaos::toggle_host,    &Chaos::toggle_host,
                                                &Chaos::toggle_secret,  &Chaos::reboot,
                                                &Chaos::cut_power,      &Chaos::restart_bmc,
                                                &Chaos::corrupt,        &Chaos::kill,
                                                &Chaos::switch_online,  &Chaos::delete_machine,
                                                &Chaos::stop_kubelet,   &Chaos::make_external,
                                                &Chaos::pause_cluster};
    (this->*acts[random_.below(std::size(acts))])();
  }

  void scale_workers() {
    patch(std::string(capi) + "machinedeployments/dev-workers", spec(Json::object({{"replicas", random_.below(4)}})));
  }
  void scale_control_plane() { patch(plane, spec(Json::object({{"replicas", 1 + 2 * random_.below(2)}}))); }
  void toggle_cluster() {
    if (!gone() && toss()) {
      remove(std::string(capi) + "clusters/dev");
    } else {
      for (const auto& doc : world_.cluster_manifests()) create(doc);
    }
  }
  const Json& cluster() { return world_.object("clusters.cluster.x-k8s.io", "dev"); }
  bool gone() { return world_.manager_runs() && cluster().is_null(); }
  void relabel() {
    static constexpr const char* roles[] = {"worker", "spare", "control-plane"};
    patch(metal3 + any_host(), meta("labels", "role", roles[random_.below(3)]));
  }
  void pause() {
    const char* key = "baremetalhost.metal3.io/paused";
    patch(metal3 + any_host(), meta("annotations", key, random_.below(3) == 0 ? Json() : Json("people")));
  }
  void detach() {
    Json how = random_.below(3) == 0 ? Json() : toss() ? Json("{\"force\": true}") : Json("");
    patch(metal3 + any_host(), meta("annotations", "baremetalhost.metal3.io/detached", std::move(how)));
  }
  void roll_out() {
    const std::string name = "dev-workers-" + std::to_string(++templates_);
    for (Json doc : world_.cluster_manifests()) {
      if (doc["kind"].string() != "Metal3MachineTemplate" || doc.path("metadata.name").string() != "dev-workers")
        continue;
      const std::string url = "https://images.example.com/" + name + ".qcow2";
      doc.set_path("metadata.name", name).set_path("spec.template.spec.image.url", url);
      create(doc.set_path("spec.template.spec.image.checksum", url + ".sha256sum"));
    }
    patch(std::string(capi) + "machinedeployments/dev-workers",
          Json::object({{"spec", Json::object()}}).set_path("spec.template.spec.infrastructureRef.name", name));
  }
  void upgrade() {
    const std::string version = "v1.32." + std::to_string(1 + random_.below(3));
    patch(plane, spec(Json::object({{"version", version}})));
  }
  void toggle_host() {
    const auto& docs = world_.host_manifests();
    const std::string name = any_host();
    if (toss()) {
      if (role_of(name) == "control-plane") control_plane_lost_ = true;
      return remove(metal3 + name);
    }
    for (const auto& doc : docs) {
      if (doc.path("metadata.name").string().starts_with(name)) create(doc);
    }
  }
  void toggle_secret() {
    const std::string name = any_host() + "-bmc";
    if (toss()) return remove(std::string(core) + "secrets/" + name);
    for (const auto& doc : world_.host_manifests()) {
      if (doc.path("metadata.name").string() == name) create(doc);
    }
  }
  void reboot() {
    const char* key = toss() ? "reboot.metal3.io" : "reboot.metal3.io/people";
    Json how = toss() ? Json("") : toss() ? Json("{\"mode\": \"hard\"}") : Json();
    patch(metal3 + any_host(), meta("annotations", key, std::move(how)));
  }
  void cut_power() {
    sim::Server& server = any_server();
    const auto outage = minutes(15);
    note("power cut of " + server.spec().name, "");
    server.cut_power(outage);
  }
  void restart_bmc() {
    sim::Server& server = any_server();
    note("BMC restart of " + server.spec().name, "");
    server.restart_bmc();
  }
  void corrupt() {
    const bool on = toss();
    note(on ? "images become corrupt" : "images are good", "");
    world_.rack().images().corrupt("*", on);
  }
  void kill() { world_.kill_in(base::microseconds(random_.below(50'000)), base::seconds(random_.below(600))); }
  void switch_online() { patch(metal3 + any_host(), spec(Json::object({{"online", toss()}}))); }
  void make_external() { patch(metal3 + any_host(), spec(Json::object({{"externallyProvisioned", toss()}}))); }
  void pause_cluster() { patch(std::string(capi) + "clusters/dev", spec(Json::object({{"paused", toss()}}))); }
  void delete_machine() {
    if (!world_.manager_runs()) return;
    const auto all = world_.store().list(machines);
    if (all.empty()) return;
    const auto& one = all[random_.below(all.size())];
    if (one->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane")) control_plane_lost_ = true;
    remove(std::string(capi) + "machines/" + one->key.name);
  }
  void stop_kubelet() {
    sim::Server& server = any_server();
    note("kubelet of " + server.spec().name + " stops", "");
    server.stop_kubelet();
  }

  void steady() {
    insist(std::string(capi) + "clusters/dev", spec(Json::object({{"paused", false}})));
    insist(std::string(capi) + "machinedeployments/dev-workers", spec(Json::object({{"replicas", 2}})));
    insist(plane, spec(Json::object({{"replicas", 1}})));
  }
  void delete_cluster() {
    until_up();
    insist(std::string(capi) + "clusters/dev", spec(Json::object({{"paused", false}})));
    remove(std::string(capi) + "clusters/dev");
    const bool over =
        world_.run_until([&] { return gone() && world_.store().list(machines).empty(); }, base::hours(12));
    REQUIRE_MESSAGE(over, "the cluster is never gone" << story() << world_.log() << world_.trouble());
  }
  // What a health check at its limit leaves to people. False when there are none.
  bool delete_failed_workers() {
    until_up();
    std::vector<std::string> failed;
    for (const auto& machine : world_.store().list(machines)) {
      const bool worker = !machine->doc().path("metadata.labels").has("cluster.x-k8s.io/control-plane");
      if (worker && world_.condition(machines, machine->key.name, "Ready") != "True")
        failed.push_back(machine->key.name);
    }
    for (const auto& name : failed) remove(std::string(capi) + "machines/" + name);
    return !failed.empty();
  }
  void recreate() {
    for (const auto& doc : world_.cluster_manifests()) world_.apply(doc);
    steady();
  }

  bool settled() {
    unsettled_ = why_unsettled();
    return unsettled_.empty();
  }
  std::string why_unsettled() {
    if (!world_.manager_runs()) return "the manager does not run";
    if (!world_.ready("dev")) return "the cluster is not Ready";
    const auto all = world_.store().list(machines);
    if (all.size() != 3) return std::to_string(all.size()) + " machines";
    size_t deployed = 0;
    for (const auto& entry : world_.store().list(hosts)) {
      const Json& doc = entry->doc();
      const std::string& state = doc.path("status.provisioning.state").string();
      const bool claimed = !doc.path("spec.consumerRef").is_null();
      if (state != (claimed ? "provisioned" : "available")) return entry->key.name + " is " + state;
      if (!doc.path("status.errorMessage").string().empty()) return entry->key.name + " has an error";
      if (claimed && world_.rack().server(entry->key.name)->node_name().empty()) return entry->key.name + " is no node";
      deployed += claimed;
    }
    return deployed == 3 ? "" : std::to_string(deployed) + " hosts are deployed";
  }

  World& world_;
  sys::Random& random_;
  std::vector<std::string> story_;
  std::string unsettled_;
  uint64_t templates_ = 0;
  bool control_plane_lost_ = false;
};

void run_seed(uint64_t seed) {
  const auto commit_takes = base::milliseconds(1 + seed * seed % 300);
  World world(seed, Size{.control_plane = 2, .worker = 3, .spare = 1, .clusters = {"dev"}}, commit_takes);
  world.start_manager();
  world.apply_inventory();
  world.apply_clusters();
  Chaos chaos(world);
  chaos.run();
  chaos.heal();
  chaos.converge();
}

TEST_CASE("seeds of people, faults and crashes at the worst moments erase nothing by accident, and settle") {
  const char* only = std::getenv("INGOT_SEED");
  const uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
  const uint64_t last = only ? first : seeds;
  for (uint64_t seed = first; seed <= last; ++seed) {
    INFO("seed " << seed << "; run it alone with INGOT_SEED=" << seed);
    run_seed(seed);
  }
}

}  // namespace
