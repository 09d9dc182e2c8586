// A machine room for scenario tests: one manager (or several over one etcd), one rack and one user on virtual time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/invariants.h"
#include "cli/manager.h"
#include "etcd/sim_etcd.h"
#include "sim/rack.h"
#include "sys/sim/sim.h"
#include "workload/kube_client.h"

namespace cli::test {

using base::Json;
using base::Result;

// How much of the samples takes part.
struct Size {
  size_t control_plane = 99, worker = 99, spare = 99;  // servers by role
  std::vector<std::string> clusters = {"dev", "staging", "production"};
  std::string only = {};  // when set, no other server
};

class World {
 public:
  // The rack's hardware takes as long as in life. What is written to the database is durable after `commit_takes`.
  // Invariants are watched from the start; a violation fails the test with the seed.
  // `stock`: an API server of its own plays somebody's kube-apiserver, and the manager has none (serve --kubeconfig).
  // `processes` > 0: so many managers over one etcd, of which one leads. What servers call back to is an address that
  // the leader takes. A process that touches anything outside while etcd knows another leader, or none, fails the test.
  explicit World(uint64_t seed, Size size = {}, base::Duration commit_takes = base::milliseconds(2), bool stock = false,
                 size_t processes = 0);
  ~World();

  void start_manager();
  void kill_manager();  // kill -9
  // With `stock`: the other server, started with the manager when it is not there.
  void start_api();
  void kill_api();
  Manager& manager() { return *manager_; }
  // With `processes`.
  struct Process {
    std::string name, host;
    sys::Sys* sys = nullptr;        // null while it does not run
    std::unique_ptr<sys::Net> net;  // watches what it does outside
    std::unique_ptr<sys::Sys> seen;
    std::unique_ptr<Manager> manager;
    bool up = false;
    std::string url() const { return "https://" + host + ":6443"; }
  };
  std::vector<Process>& processes() { return processes_; }
  etcd::SimEtcd& etcd() { return *etcd_; }
  // One that does not come up because of faults is started again after a second, and so on.
  void start_process(Process& process);
  void kill_process(Process& process);
  void stop_process(Process& process);     // SIGTERM
  Process* leader();                       // null: nobody leads
  size_t terms() const { return terms_; }  // how often somebody began to lead
  // `fn` in `delay`, at exactly that moment of run_until and run_for, but outside the loop, so it may kill and start.
  void at(base::Duration delay, std::function<void()> fn);
  sys::Sys& user_sys() { return *user_sys_; }
  bool manager_runs() { return etcd_ ? server() != nullptr : manager_ != nullptr; }
  // kill -9 in `delay`, at exactly that moment of run_until and run_for; the manager starts again after `outage`.
  void kill_in(base::Duration delay, base::Duration outage);
  // Each event of the rack, at the moment it happens.
  void on_event(std::function<void(const sim::RackEvent&)> fn) { event_hook_ = std::move(fn); }
  // Each change of the manager's store, as soon as it is durable.
  void on_durable(std::function<void(const store::Record&)> fn) { durable_hook_ = std::move(fn); }
  sim::Rack& rack() { return *rack_; }
  sys::SimWorld& sim() { return sim_; }
  // What is stored with the authority, which is not the manager's with `stock`.
  store::Store& store() { return server()->registry().store(); }
  sys::Loop& loop() { return sim_.loop(); }

  // What a user does, over HTTPS, each in a fiber that is run to its end. Failures abort the test with the message.
  void apply_inventory();
  void apply_clusters();
  std::vector<Json> host_manifests() const;  // namespaces, Secrets, hosts
  std::vector<Json> cluster_manifests() const;
  static std::string collection(const Json& manifest);  // where it is created
  void apply(const Json& doc);                          // POST
  Json get(const std::string& path);
  Json patch(const std::string& path, const Json& merge);
  void remove(const std::string& path);
  // The same for users who may ask in vain: nobody answers, or the answer is no. What went wrong, "" when nothing did.
  std::string attempt(const std::function<Result<void>(workload::KubeClient&)>& body);

  // Runs virtual time until `done` or for `limit`; true when done.
  bool run_until(const std::function<bool()>& done, base::Duration limit);
  void run_for(base::Duration span);
  // Shortcuts on the stored state.
  const Json& object(std::string_view resource, std::string_view name, std::string_view ns = "clusters");
  std::string condition(std::string_view resource, std::string_view name, std::string_view type,
                        std::string_view field = "status");
  bool all_ready();
  // Gives up with everything that is not as it should be.
  void until_ready(base::Duration limit = base::hours(3));
  bool ready(std::string_view cluster) { return condition("clusters.cluster.x-k8s.io", cluster, "Ready") == "True"; }
  std::string host_state(std::string_view host);
  // Everything that is not as it should be, for messages of failed checks.
  std::string trouble();
  std::string log() const;  // the rack's event log as text

 private:
  // `body` gives what went wrong, "" when nothing did.
  void in_fiber(const std::function<std::string(workload::KubeClient&)>& body);
  std::string run_fiber(const std::function<std::string(workload::KubeClient&)>& body);
  // Runs until `done` (asked after every function of the loop), with kills and restarts on the way.
  void drive(const std::function<bool()>& done);
  void check_invariants();
  void run_manager(std::unique_ptr<Manager>& manager, sys::Sys& on, ManagerOptions options);
  std::string try_manager(std::unique_ptr<Manager>& manager, sys::Sys& on, ManagerOptions options);
  ManagerOptions working_options(const std::string& host, const std::string& endpoint) const;
  // test_world_processes_test.cpp
  void make_processes(size_t count);
  void committed(const std::vector<etcd::WatchEvent>& events);
  void acts(const std::string& name, const std::string& url);
  Process* any_process();  // that runs
  Manager* server();
  sys::SimWorld sim_;
  const uint64_t seed_;
  const base::Duration commit_takes_;
  const bool stock_;
  std::shared_ptr<store::SimDisk> database_ = store::make_sim_disk();
  sys::Sys* rack_sys_;
  sys::Sys* user_sys_;
  sys::Sys* manager_sys_ = nullptr;
  sys::Sys* api_sys_ = nullptr;
  Size size_;
  std::unique_ptr<sim::Rack> rack_;
  std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<Manager> api_;
  std::unique_ptr<Manager> manager_;
  std::function<void(const sim::RackEvent&)> event_hook_;
  std::function<void(const store::Record&)> durable_hook_;
  std::unique_ptr<etcd::SimEtcd> etcd_;
  std::vector<Process> processes_;
  std::string holder_;  // who leads, as etcd has it at this moment: its URL
  size_t terms_ = 0;
  std::string trespass_;  // what a process did that did not lead
  std::vector<std::function<void()>> due_;
  bool kill_due_ = false, start_due_ = false, kill_planned_ = false;
  base::Duration outage_{};
  store::Ref last_;  // keeps what object() gave alive
};

}  // namespace cli::test
