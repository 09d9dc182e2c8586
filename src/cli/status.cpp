#include "cli/status.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/text.h"
#include "cli/client.h"
#include "cli/session.h"
#include "sys/fiber.h"
#include "wire/yaml.h"

namespace cli {

using base::Json;
using base::Result;

Result<StatusInput> read_status(workload::KubeClient& client, const std::string& ns) {
  StatusInput out;
  const auto items = [&](const std::string& group, const char* resource) -> Result<Json> {
    const std::string where = ns.empty() ? "" : "namespaces/" + ns + "/";
    return TRY(client.get("/apis/" + group + "/" + where + resource))["items"];
  };
  const std::string core = "cluster.x-k8s.io/v1beta2";
  out.clusters = TRY(items(core, "clusters"));
  out.planes = TRY(items("controlplane." + core, "kubeadmcontrolplanes"));
  out.deployments = TRY(items(core, "machinedeployments"));
  out.machine_sets = TRY(items(core, "machinesets"));
  out.machines = TRY(items(core, "machines"));
  out.metal3machines = TRY(items("infrastructure." + core, "metal3machines"));
  out.hosts = TRY(items("metal3.io/v1alpha1", "baremetalhosts"));
  return out;
}

std::vector<std::string> changes(const StatusReport& before, const StatusReport& now) {
  std::vector<std::string> out;
  std::map<std::string, std::string> known;
  const auto host_text = [](const HostRow& row) { return row.state + (row.step.empty() ? "" : ": " + row.step); };
  const auto tell = [](const std::string& what, const std::string& why) {
    return why.empty() ? what : what + " - " + why;
  };
  const auto wait_of = [](const MachineRow& row) { return row.on.empty() ? row.why : "waits for " + row.on; };
  for (const auto& row : before.hosts)
    known["host " + row.ns + "/" + row.name] = host_text(row) + (row.error ? "!" : "");
  for (const auto& row : before.machines) known["machine " + row.ns + "/" + row.name] = row.phase;
  for (const auto& row : before.clusters)
    known["cluster " + row.ns + "/" + row.name] = row.phase + row.control_plane + row.workers + (row.ready ? "!" : "");
  for (const auto& row : now.hosts) {
    if (known["host " + row.ns + "/" + row.name] == host_text(row) + (row.error ? "!" : "")) continue;
    out.push_back("host " + row.name + ": " + tell(host_text(row), row.error ? row.why : ""));
  }
  for (const auto& row : now.machines) {
    if (known["machine " + row.ns + "/" + row.name] == row.phase) continue;
    out.push_back("machine " + row.name + ": " + tell(row.phase, wait_of(row)));
  }
  for (const auto& row : now.clusters) {
    if (known["cluster " + row.ns + "/" + row.name] ==
        row.phase + row.control_plane + row.workers + (row.ready ? "!" : ""))
      continue;
    out.push_back("cluster " + row.name + ": " + row.phase + ", control plane " + row.control_plane + ", workers " +
                  row.workers + (row.ready ? ", Ready" : ""));
  }
  return out;
}

namespace {

constexpr base::Duration poll_gap = base::seconds(1);

// What is still not Ready, causes first, for the end of a wait that failed.
std::string unready(const StatusReport& report) {
  std::string out;
  for (const auto& row : report.clusters) {
    if (!row.ready) out += "cluster " + row.name + ": " + (row.on.empty() ? "" : row.on + ": ") + row.why + "\n";
  }
  const std::string causes = render_troubles(report.troubles, {});
  return out.empty() && causes.empty() ? "no cluster exists\n" : out + causes;
}

RenderOptions terminal_options(bool wide) {
  const bool terminal = sys::stdout_is_terminal();
  return {.wide = wide || !terminal,
          .width = sys::terminal_width(),
          .colour = terminal && sys::environment("NO_COLOR").empty() && sys::environment("TERM") != "dumb"};
}

class Screen {
 public:
  Screen(sys::Loop& loop, bool wide) : loop_(loop), wide_(wide), terminal_(sys::stdout_is_terminal()) {}
  void show(const StatusReport& report) {
    if (terminal_) {
      // Home, the new text with the rest of each line cleared, then everything below cleared: no flicker.
      const std::string text = base::replace_all(render(report, terminal_options(wide_)), "\n", "\x1b[K\n");
      std::printf("\x1b[H%s\x1b[J", text.c_str());
    } else {
      const std::string clock = base::rfc3339(loop_.now()).substr(11, 8);
      for (const auto& line : changes(last_, report)) std::printf("%s %s\n", clock.c_str(), line.c_str());
      last_ = report;
    }
    std::fflush(stdout);
  }
  void open() const {
    if (terminal_) std::printf("\x1b[2J");
  }

 private:
  sys::Loop& loop_;
  bool wide_, terminal_;
  StatusReport last_;
};

int follow(sys::Sys& sys, workload::KubeClient& client, const StatusFlags& flags, base::Duration limit) {
  Screen screen(sys.loop, flags.output == "wide");
  const base::Time end = sys.loop.now() + limit;
  StatusReport report;
  if (flags.watch) screen.open();
  while (true) {
    auto input = read_status(client, flags.ns);
    if (input) {
      report = make_report(*input);
      if (flags.watch) screen.show(report);
      if (flags.until_ready && report.all_ready()) {
        std::printf("\n%s", render_phases(report.phases).c_str());
        return 0;
      }
    } else if (!flags.until_ready || sys.loop.now() >= end) {
      return fail(input.error());
    }
    if (flags.until_ready && sys.loop.now() >= end) {
      std::fprintf(stderr, "ingot: not Ready after %s:\n%s", flags.timeout.c_str(), unready(report).c_str());
      return 1;
    }
    if (!sys::sleep(sys.loop, poll_gap)) return flags.until_ready ? 130 : 0;
  }
}

}  // namespace

int status(sys::RealSystem& system, const StatusFlags& flags) {
  sys::Sys& sys = system.sys();
  const auto limit = base::parse_go_duration(flags.timeout);
  if (!limit) return fail(base::invalid("--timeout must be a duration such as 10m or 90s"));
  auto client = connect(sys, flags.kubeconfig);
  if (!client) return fail(client.error());
  if (flags.watch || flags.until_ready) return follow(sys, **client, flags, *limit);
  const auto input = read_status(**client, flags.ns);
  if (!input) return fail(input.error());
  const StatusReport report = make_report(*input);
  if (flags.output == "json") {
    std::printf("%s\n", to_json(report).dump_pretty().c_str());
  } else if (flags.output == "yaml") {
    std::printf("%s", wire::to_yaml(to_json(report)).c_str());
  } else {
    std::printf("%s", render(report, terminal_options(flags.output == "wide")).c_str());
  }
  return 0;
}

}  // namespace cli
