// What the manager adds to the time that hardware takes, measured exactly: manager and rack run on virtual time, where
// computing takes no time at all, so what is left beside the hardware's work is waiting: polls, gaps, conversations.
// Three clusters on twenty servers, as in the samples, for several seeds. Prints a table; checks nothing.
//   ninja -C build bench_provision && build/bench_provision [--seeds N] [--events]    (from the root of the sources)
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string_view>

#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::World;
using Clock = std::chrono::steady_clock;

double seconds(base::Duration span) { return std::chrono::duration<double>(span).count(); }

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
  return of(used.ru_utime) + of(used.ru_stime);
}

// A stretch of one host's life: how long it took, and how much of that its server worked.
struct Span {
  double total, hardware;
  double added() const { return total - hardware; }
};

double at_share(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[std::min(values.size() - 1, size_t(share * double(values.size())))];
}

void print_spans(const std::string& what, const std::vector<Span>& spans) {
  std::vector<double> total, hardware, added;
  for (const Span& span : spans) {
    total.push_back(span.total);
    hardware.push_back(span.hardware);
    added.push_back(span.added());
  }
  std::printf("%-34s %6zu %10.1f %10.1f %10.3f %8.3f %8.3f %8.3f\n", what.c_str(), spans.size(), at_share(total, 0.5),
              at_share(hardware, 0.5), at_share(added, 0), at_share(added, 0.5), at_share(added, 0.95),
              at_share(added, 1));
}

// Follows the hosts of one world and fills the spans by name.
class Follower {
 public:
  // `world` is new: the rack's events count from now.
  Follower(World& world, std::map<std::string, std::vector<Span>>& spans)
      : world_(world), spans_(spans), begun_(world.loop().now()) {}

  void follow() {
    world_.store().subscribe(false, [this](const store::Event& event) {
      if (event.object->key.resource == "baremetalhosts.metal3.io") host(event.object->key.name, event.object->doc());
      if (event.object->key.resource == "machines.cluster.x-k8s.io")
        machine(event.object->key.name, event.object->doc());
    });
  }

 private:
  struct Mark {
    base::Time at;
    base::Duration worked;
  };
  struct Host {
    std::string state;
    Mark created, entered, claimed;
    bool known = false, has_consumer = false, enrolled = false;
  };

  Mark mark(const std::string& name) const {
    const sim::Server* server = world_.rack().server(name);
    const base::Time now = world_.loop().now();
    return {now, server == nullptr ? base::Duration::zero() : server->work_time().until(now)};
  }
  void add(const std::string& what, const Mark& from, const Mark& to) {
    spans_[what].push_back({seconds(to.at - from.at), seconds(to.worked - from.worked)});
  }
  void host(const std::string& name, const Json& doc) {
    Host& host = hosts_[name];
    const Mark now = mark(name);
    if (!std::exchange(host.known, true)) host.created = host.entered = now;
    const bool has_consumer = doc.path("spec.consumerRef.name").is_string();
    if (has_consumer && !std::exchange(host.has_consumer, has_consumer)) host.claimed = now;
    const std::string& state = doc.path("status.provisioning.state").string();
    if (state == host.state) return;
    if (!host.state.empty() && host.state != "available") add("  " + host.state, host.entered, now);
    if (state == "available" && !std::exchange(host.enrolled, true)) add("1 created to available", host.created, now);
    if (state == "provisioned") add("2 claimed to provisioned", host.claimed, now);
    host.state = state;
    host.entered = now;
  }
  void machine(const std::string& name, const Json& doc) {
    if (doc.path("status.phase").string() != "Running" || !running_.insert(name).second) return;
    const std::string& node = doc.path("status.nodeRef.name").string();
    for (const auto& event : world_.rack().log().events()) {
      const bool joined = event.what == "kubeadm init succeeded" || event.what == "kubeadm join succeeded";
      if (joined && event.detail == node)
        spans_["3 node registered to Running"].push_back({seconds(world_.loop().now() - begun_ - event.at), 0});
    }
  }

  World& world_;
  std::map<std::string, std::vector<Span>>& spans_;
  base::Time begun_;
  std::map<std::string, Host> hosts_;
  std::set<std::string> running_;
};

void bring_up(uint64_t seed, std::map<std::string, std::vector<Span>>& spans, bool verbose) {
  const auto wall = Clock::now();
  const double cpu = cpu_seconds();
  World world(seed);
  Follower follower(world, spans);
  world.start_manager();
  follower.follow();
  const base::Time begun = world.loop().now();
  world.apply_inventory();
  world.apply_clusters();
  world.until_ready();
  const double virtual_minutes = seconds(world.loop().now() - begun) / 60;
  std::printf("%-34s %6llu %10.1f %10.2f %10.2f\n", "bring-up of three clusters, seed", (unsigned long long)(seed),
              virtual_minutes, std::chrono::duration<double>(Clock::now() - wall).count(), cpu_seconds() - cpu);
  std::fflush(stdout);
  if (verbose) std::printf("%s", world.log().c_str());
}

}  // namespace

int main(int count, char** arguments) {
  uint64_t seeds = 5;
  bool verbose = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--seeds" && i + 1 < count) seeds = std::strtoull(arguments[++i], nullptr, 10);
    if (name == "--events") verbose = true;
  }
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  std::map<std::string, std::vector<Span>> spans;
  std::printf("%-34s %6s %10s %10s %10s\n", "", "seed", "virtual m", "wall s", "CPU s");
  for (uint64_t seed = 1; seed <= seeds; ++seed) bring_up(seed, spans, verbose);
  std::printf("%-34s %6s %10s %10s %10s %8s %8s %8s\n", "virtual seconds per host", "count", "total p50", "hardware",
              "added min", "p50", "p95", "max");
  for (const auto& [what, all] : spans) print_spans(what.starts_with(" ") ? what : what.substr(2), all);
  return 0;
}
