// `ingot status`: hosts, machines and clusters with the reason of every wait, read from a running API.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "cli/causes.h"
#include "sys/real/real.h"
#include "workload/kube_client.h"

namespace cli {

// `why` is the decisive cause; `on` names the object that it is about when that is another one ("bmh/u07").
struct HostRow {
  std::string ns, name, state, step, consumer, why;
  std::optional<int> percent;
  bool powered_on = false, error = false;
};
struct MachineRow {
  std::string ns, name, cluster, role, version, phase, host, node, on, why;
  bool ready = false;
};
struct ClusterRow {
  std::string ns, name, phase, control_plane, workers, on, why;
  bool ready = false;
};
// A cause that will not go away by waiting, told once for all objects that share it.
struct Trouble {
  std::vector<std::string> who;    // "bmh/u07", with " -n NAMESPACE" when there are several
  std::vector<std::string> holds;  // what cannot go on before: "cluster/dev", "machine/dev-cp-x"
  std::string why;
  bool error = false;  // a failure; otherwise a wait for somebody
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
  std::vector<Trouble> troubles;  // failures first
  std::vector<PhaseTime> phases;
  bool all_ready() const;  // at least one cluster, and each Ready
};

// Rows that need attention come first, then those at work, then the rest; by name within each.
StatusReport make_report(const StatusInput& input);

struct RenderOptions {
  bool wide = false;  // every column, nothing cut
  size_t width = 0;   // columns of the terminal; 0: endless
  bool colour = false;
};
std::string render(const StatusReport& report, const RenderOptions& options);
std::string render_troubles(const std::vector<Trouble>& troubles, const RenderOptions& options);
base::Json to_json(const StatusReport& report);
std::string render_phases(const std::vector<PhaseTime>& phases);
// One line per difference worth telling: for progress where no terminal redraws.
std::vector<std::string> changes(const StatusReport& before, const StatusReport& now);

// The lists of a running API; `ns` empty: of all namespaces.
base::Result<StatusInput> read_status(workload::KubeClient& client, const std::string& ns);

struct StatusFlags {
  std::string kubeconfig, ns, output, timeout = "30m";
  bool watch = false, until_ready = false;
};
int status(sys::RealSystem& system, const StatusFlags& flags);

}  // namespace cli
