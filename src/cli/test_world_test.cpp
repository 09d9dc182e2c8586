// Named so that it is built into the tests only.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "api/kinds.h"
#include "cli/status.h"
#include "cli/test_world.h"
#include "store/sim_disk.h"
#include "sys/fiber.h"
#include "wire/yaml.h"

namespace cli::test {

namespace {

constexpr const char* manager_host = "192.168.99.1";
constexpr const char* leader_host = "192.168.99.100";
constexpr const char* api_host = "192.168.99.10";
constexpr base::Duration request_patience = base::minutes(5);

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<Json> documents(const std::string& path) {
  auto all = wire::parse_yaml(file_text(path));
  REQUIRE_MESSAGE(all.ok(), path << ": " << all.error().text());
  return *all;
}

// Namespaces, and the hosts that take part with their Secrets.
std::vector<Json> inventory(const Size& size) {
  std::vector<Json> out;
  std::map<std::string, size_t> left = {
      {"control-plane", size.control_plane}, {"worker", size.worker}, {"spare", size.spare}};
  Json secret;
  for (const auto& doc : documents("samples/inventory-20-servers.yaml")) {
    if (doc["kind"].string() == "Secret") secret = doc;
    if (doc["kind"].string() == "Namespace") out.push_back(doc);
    if (doc["kind"].string() != "BareMetalHost") continue;
    if (!size.only.empty() && doc.path("metadata.name").string() != size.only) continue;
    size_t& more = left[doc.path("metadata.labels.role").string()];
    if (more == 0) continue;
    --more;
    REQUIRE(doc.path("spec.bmc.credentialsName").string() == secret.path("metadata.name").string());
    out.push_back(secret);
    out.push_back(doc);
  }
  return out;
}

}  // namespace

World::World(uint64_t seed, Size size, base::Duration commit_takes, bool stock, size_t processes)
    : sim_(seed),
      seed_(seed),
      commit_takes_(commit_takes),
      stock_(stock),
      rack_sys_(&sim_.process("10.0.0.1", "rack")),
      user_sys_(&sim_.process("192.168.99.2", "user")),
      size_(std::move(size)) {
  sim::RackOptions options;
  options.inventory = inventory(size_);
  options.seed = seed;
  options.dhcp_server = {processes > 0 ? leader_host : manager_host, 67};
  rack_ = std::make_unique<sim::Rack>(*rack_sys_, options);
  invariants_ = std::make_unique<Invariants>(loop(), *rack_);
  rack_->log().on_event([this](const sim::RackEvent& event) {
    invariants_->on_event(event);
    if (event_hook_) event_hook_(event);
  });
  store::on_durable(*database_, [this](const store::Record& record) {
    invariants_->on_durable(record);
    if (durable_hook_) durable_hook_(record);
  });
  const auto started = rack_->start();
  REQUIRE_MESSAGE(started.ok(), started.error().text());
  if (processes > 0) make_processes(processes);
}

World::~World() {
  rack_->log().on_event({});
  for (auto& process : processes_) {
    if (process.manager) kill_process(process);
  }
  if (manager_) kill_manager();
  if (api_) kill_api();
  sim_.loop().shut();
}

void World::start_api() {
  if (api_) return;
  api_sys_ = &sim_.process(api_host, "api");
  ManagerOptions options;
  options.data_dir = "ingot-data";
  options.listen = {api_host, 6443};
  options.controllers = false;
  options.open_engine = [this] {
    return Result<std::unique_ptr<store::Engine>>(store::make_sim_engine(api_sys_->loop, database_, commit_takes_));
  };
  run_manager(api_, *api_sys_, std::move(options));
}

void World::kill_api() {
  sim_.kill(*api_sys_);
  api_.reset();
  last_.reset();
}

ManagerOptions World::working_options(const std::string& host, const std::string& endpoint) const {
  ManagerOptions options;
  options.data_dir = "ingot-data";
  options.listen = {host, 6443};
  options.endpoint.provisioning_listen = {endpoint, 6385};
  options.endpoint.boot_listen = {endpoint, 6180};
  options.dhcp = *metal::parse_dhcp_range("172.22.0.100-172.22.0.250/24");
  options.dhcp->listen = {endpoint, 67};
  options.site_ca_pem = rack_->site_ca_pem();
  return options;
}

void World::start_manager() {
  if (etcd_) {
    for (auto& process : processes_) {
      if (!process.manager) start_process(process);
    }
    return;
  }
  manager_sys_ = &sim_.process(manager_host, "manager");
  ManagerOptions options = working_options(manager_host, manager_host);
  if (stock_) {
    if (!api_) start_api();
    REQUIRE(manager_sys_->disk.write("kubeconfig", *api_sys_->disk.read("ingot-data/admin.kubeconfig"), 0600).ok());
    options.stock.emplace();
    options.stock->access.kubeconfig = "kubeconfig";
    options.lost = [this] {
      kill_due_ = true;
      outage_ = base::seconds(1);
    };
  } else {
    options.open_engine = [this] {
      return Result<std::unique_ptr<store::Engine>>(
          store::make_sim_engine(manager_sys_->loop, database_, commit_takes_));
    };
  }
  run_manager(manager_, *manager_sys_, std::move(options));
}

void World::run_manager(std::unique_ptr<Manager>& manager, sys::Sys& on, ManagerOptions options) {
  const auto problem = try_manager(manager, on, std::move(options));
  REQUIRE_MESSAGE(problem.empty(), problem);
}

// What went wrong, "" when it runs.
std::string World::try_manager(std::unique_ptr<Manager>& manager, sys::Sys& on, ManagerOptions options) {
  // Not what scenarios are about: what these write would only make them longer.
  options.chosen = *ControllerSet::parse({"*", "-serviceaccount-controller", "-serviceaccount-token-controller",
                                          "-root-ca-certificate-publisher-controller"});
  options.flow.priorities = false;
  manager = std::make_unique<Manager>(on, std::move(options));
  bool up = false;
  std::string problem;
  sys::spawn(on.loop, "manager", [&] {
    const auto started = manager->start();
    if (!started) problem = started.error().text();
    up = true;
  });
  sim_.loop().run_until([&] { return up; });
  return problem;
}

void World::kill_in(base::Duration delay, base::Duration outage) {
  if (kill_planned_) return;
  kill_planned_ = true;
  outage_ = outage;
  loop().after(delay, [this] { kill_due_ = true; });
}

void World::drive(const std::function<bool()>& done) {
  for (;;) {
    loop().run_until(
        [&] { return !due_.empty() || kill_due_ || start_due_ || !invariants_->broken().empty() || done(); });
    check_invariants();
    if (!due_.empty()) {
      for (const auto& fn : std::exchange(due_, {})) fn();
    } else if (kill_due_) {
      kill_due_ = false;
      if (manager_) kill_manager();
      loop().after(outage_, [this] { start_due_ = true; });
    } else if (start_due_) {
      start_due_ = kill_planned_ = false;
      if (!manager_) start_manager();
    } else {
      return;
    }
  }
}

void World::check_invariants() {
  REQUIRE_MESSAGE(trespass_.empty(), "seed " << seed_ << ": " << trespass_ << log());
  if (invariants_->broken().empty()) return;
  std::string text = "seed " + std::to_string(seed_) + "; run it alone with INGOT_SEED=" + std::to_string(seed_) + "\n";
  for (const auto& one : invariants_->broken()) text += one;
  FAIL(text);
}

void World::kill_manager() {
  sim_.kill(*manager_sys_);
  manager_.reset();
  last_.reset();
}

// A failed check must not leave a fiber as an exception, so problems are carried out as text.
std::string World::run_fiber(const std::function<std::string(workload::KubeClient&)>& body) {
  struct Call {
    bool done = false;
    std::string problem = "the API did not answer";
  };
  // A call that is given up goes on without its caller.
  const auto call = std::make_shared<Call>();
  auto fiber = sys::spawn(user_sys_->loop, "user", [this, call, body] {
    call->problem = [&]() -> std::string {
      if (!server()) return "the manager does not run";
      sys::Sys* at = etcd_ ? any_process()->sys : stock_ ? api_sys_ : manager_sys_;
      const auto text = at->disk.read("ingot-data/admin.kubeconfig");
      if (!text) return text.error().text();
      auto client = workload::KubeClient::from_kubeconfig(user_sys_->loop, user_sys_->net, *text);
      if (!client) return client.error().text();
      std::string out = body(**client);
      (*client)->close();
      return out;
    }();
    call->done = true;
  });
  const base::Time end = loop().now() + request_patience;
  drive([&] { return call->done || loop().now() > end; });
  if (!call->done) {
    fiber.cancel();
    loop().run_until([&] { return call->done; });
  }
  return call->problem;
}

void World::in_fiber(const std::function<std::string(workload::KubeClient&)>& body) {
  const std::string problem = run_fiber(body);
  REQUIRE_MESSAGE(problem.empty(), problem);
}

std::string World::attempt(const std::function<Result<void>(workload::KubeClient&)>& body) {
  return run_fiber([&](workload::KubeClient& client) {
    const auto done = body(client);
    return done ? std::string() : done.error().text();
  });
}

std::string World::collection(const Json& doc) {
  const auto [group, version] = meta::split_api_version(doc["apiVersion"].string());
  const meta::Kind* kind = api::management_scheme().by_kind(group, doc["kind"].string());
  REQUIRE_MESSAGE(kind != nullptr, "no kind " << doc["kind"].string());
  const std::string ns = doc.path("metadata.namespace").string();
  std::string path = group.empty() ? "/api/v1" : "/apis/" + std::string(group) + "/" + std::string(version);
  if (kind->namespaced) path += "/namespaces/" + (ns.empty() ? "default" : ns);
  return path + "/" + kind->plural;
}

std::vector<Json> World::host_manifests() const { return inventory(size_); }

std::vector<Json> World::cluster_manifests() const {
  std::vector<Json> out;
  for (const auto& doc : documents("samples/three-clusters.yaml")) {
    const std::string name = doc.path("metadata.name").string();
    for (const auto& cluster : size_.clusters) {
      if (name == cluster || name.starts_with(cluster + "-")) out.push_back(doc);
    }
  }
  return out;
}

void World::apply_inventory() {
  for (const auto& doc : host_manifests()) apply(doc);
}

void World::apply_clusters() {
  for (const auto& doc : cluster_manifests()) apply(doc);
}

void World::apply(const Json& doc) {
  const std::string path = collection(doc);
  in_fiber([&](workload::KubeClient& client) {
    const auto made = client.create(path, doc);
    if (made || made.error().code == base::Code::already_exists) return std::string();
    return doc["kind"].string() + " " + doc.path("metadata.name").string() + ": " + made.error().text();
  });
}

Json World::get(const std::string& path) {
  Json out;
  in_fiber([&](workload::KubeClient& client) {
    auto found = client.get(path);
    if (found) out = *found;
    return found ? std::string() : path + ": " + found.error().text();
  });
  return out;
}

Json World::patch(const std::string& path, const Json& merge) {
  Json out;
  in_fiber([&](workload::KubeClient& client) {
    auto done = client.merge_patch(path, merge);
    if (done) out = *done;
    return done ? std::string() : path + ": " + done.error().text();
  });
  return out;
}

void World::remove(const std::string& path) {
  in_fiber([&](workload::KubeClient& client) {
    const auto done = client.remove(path);
    return done ? std::string() : path + ": " + done.error().text();
  });
}

bool World::run_until(const std::function<bool()>& done, base::Duration limit) {
  const base::Time end = loop().now() + limit;
  // Looking after every function would cost more than the simulation itself.
  size_t turn = 0;
  bool was = false;
  drive([&] {
    if (loop().now() >= end) return true;
    if (++turn % 64 != 0) return false;
    return was = done();
  });
  return was || done();
}

bool World::all_ready() {
  return std::all_of(size_.clusters.begin(), size_.clusters.end(),
                     [&](const std::string& cluster) { return ready(cluster); });
}

void World::until_ready(base::Duration limit) {
  const bool done = run_until([&] { return all_ready(); }, limit);
  if (!done) std::fprintf(stderr, "%s", log().c_str());
  REQUIRE_MESSAGE(done, trouble());
}

void World::run_for(base::Duration span) {
  run_until([] { return false; }, span);
}

const Json& World::object(std::string_view resource, std::string_view name, std::string_view ns) {
  static const Json none;
  last_ = server() ? store().get(resource, ns, name) : nullptr;
  return last_ ? last_->doc() : none;
}

std::string World::condition(std::string_view resource, std::string_view name, std::string_view type,
                             std::string_view field) {
  for (const auto& one : object(resource, name).path("status.conditions").items()) {
    if (one["type"].string() == type) return one[field].string();
  }
  return {};
}

std::string World::host_state(std::string_view host) {
  return object("baremetalhosts.metal3.io", host).path("status.provisioning.state").string();
}

std::string World::trouble() {
  if (!server()) return "the manager does not run";
  StatusInput input;
  const auto all = [&](std::string_view resource) {
    Json out = Json::array();
    for (const auto& entry : store().list(resource)) out.push(entry->doc());
    return out;
  };
  input.clusters = all("clusters.cluster.x-k8s.io");
  input.planes = all("kubeadmcontrolplanes.controlplane.cluster.x-k8s.io");
  input.deployments = all("machinedeployments.cluster.x-k8s.io");
  input.machine_sets = all("machinesets.cluster.x-k8s.io");
  input.machines = all("machines.cluster.x-k8s.io");
  input.metal3machines = all("metal3machines.infrastructure.cluster.x-k8s.io");
  input.hosts = all("baremetalhosts.metal3.io");
  std::string out = "\n" + render(make_report(input), {.wide = true});
  for (const auto& event : store().list("events")) {
    const Json& doc = event->doc();
    out += doc["lastTimestamp"].string() + " " + doc.path("involvedObject.kind").string() + "/" +
           doc.path("involvedObject.name").string() + " " + doc["reason"].string() + ": " + doc["message"].string() +
           "\n";
  }
  return out;
}

std::string World::log() const {
  std::string out;
  for (const auto& event : rack_->log().events()) out += event.line() + "\n";
  return out;
}

}  // namespace cli::test
