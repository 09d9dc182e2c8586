// `ingot status`: hosts, machines and clusters with the reason of every wait, read from a running API.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "sys/real/real.h"

namespace cli {

struct HostRow {
  std::string ns, name, state, step, consumer, why;
  std::optional<int> percent;
  bool powered_on = false, error = false;
};
struct MachineRow {
  std::string ns, name, cluster, role, version, phase, host, node, why;
  bool ready = false;
};
struct ClusterRow {
  std::string ns, name, phase, control_plane, workers, why;
  bool ready = false;
};
// From the first object's creation to the end of the phase.
struct PhaseTime {
  std::string what;
  base::Duration took{};
};
struct StatusReport {
  std::vector<ClusterRow> clusters;
  std::vector<MachineRow> machines;
  std::vector<HostRow> hosts;
  std::vector<PhaseTime> phases;
  bool all_ready() const;  // at least one cluster, and each Ready
};

// The items of the four lists, v1beta2 and v1alpha1.
struct StatusInput {
  base::Json clusters, machines, metal3machines, hosts;
};
StatusReport make_report(const StatusInput& input);

// `wide` keeps reasons whole; otherwise lines are cut at `width` (0: never).
std::string render(const StatusReport& report, bool wide, size_t width);
base::Json to_json(const StatusReport& report);
std::string render_phases(const std::vector<PhaseTime>& phases);
// One line per difference worth telling: for progress where no terminal redraws.
std::vector<std::string> changes(const StatusReport& before, const StatusReport& now);

struct StatusFlags {
  std::string kubeconfig, output, timeout = "30m";
  bool watch = false, until_ready = false;
};
int status(sys::RealSystem& system, const StatusFlags& flags);

}  // namespace cli
