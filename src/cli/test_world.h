// A machine room for scenario tests: one manager, one rack and one user on virtual time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/manager.h"
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
};

class World {
 public:
  // The rack's hardware takes as long as in life.
  explicit World(uint64_t seed, Size size = {});
  ~World();

  void start_manager();
  void kill_manager();  // kill -9
  bool manager_runs() const { return manager_ != nullptr; }
  sim::Rack& rack() { return *rack_; }
  sys::SimWorld& sim() { return sim_; }
  store::Store& store() { return manager_->registry().store(); }
  sys::Loop& loop() { return sim_.loop(); }

  // What a user does, over HTTPS, each in a fiber that is run to its end. Failures abort the test with the message.
  void apply_inventory();
  void apply_clusters();
  void apply(const Json& doc);  // POST
  Json get(const std::string& path);
  Json patch(const std::string& path, const Json& merge);
  void remove(const std::string& path);

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
  sys::SimWorld sim_;
  std::shared_ptr<store::SimDisk> database_ = store::make_sim_disk();
  sys::Sys* rack_sys_;
  sys::Sys* user_sys_;
  sys::Sys* manager_sys_ = nullptr;
  Size size_;
  std::unique_ptr<sim::Rack> rack_;
  std::unique_ptr<Manager> manager_;
  store::Ref last_;  // keeps what object() gave alive
};

}  // namespace cli::test
