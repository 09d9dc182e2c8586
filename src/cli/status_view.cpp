// The report as text: tables, and below them every cause that needs somebody, once.
#include <algorithm>

#include "base/text.h"
#include "cli/status.h"
#include "cli/table.h"

namespace cli {

namespace {

constexpr const char* red = "\x1b[31m";
constexpr const char* yellow = "\x1b[33m";
constexpr const char* bold = "\x1b[1m";
constexpr const char* plain = "\x1b[0m";
constexpr size_t narrow_below = 110;  // columns; narrower terminals get fewer columns

class View {
 public:
  View(const StatusReport& report, const RenderOptions& options) : report_(report), options_(options) {
    std::string first;
    const auto see = [&](const std::string& ns) {
      if (first.empty()) first = ns;
      namespaces_ |= ns != first;
    };
    for (const auto& row : report.hosts) see(row.ns);
    for (const auto& row : report.machines) see(row.ns);
    for (const auto& row : report.clusters) see(row.ns);
  }

  std::string text() const {
    std::string out;
    for (auto table : {hosts(), machines(), clusters()}) {
      if (table.empty()) continue;
      if (!namespaces_) table.drop_column("NAMESPACE");
      table.drop_empty_columns();
      if (!out.empty()) out += "\n";
      out += table.text(options_.wide ? 0 : options_.width);
    }
    if (out.empty()) return "No hosts, machines or clusters yet; next: kubectl apply your manifests\n";
    const std::string troubles = render_troubles(report_.troubles, options_);
    return troubles.empty() ? out : out + "\n" + troubles;
  }

 private:
  bool narrow() const { return !options_.wide && options_.width != 0 && options_.width < narrow_below; }
  std::string style(bool error, bool waits) const { return !options_.colour ? "" : error ? red : waits ? yellow : ""; }
  // Another object's cause is told there.
  static std::string wait(const std::string& on, const std::string& why) { return on.empty() ? why : on; }

  TextTable hosts() const {
    TextTable table({"NAMESPACE", "HOST", "STATE", "STEP", "DONE", "MACHINE", "WAITING FOR"});
    for (const auto& row : report_.hosts) {
      const std::string state = (row.state.empty() ? "unmanaged" : row.state) + (row.error ? ", error" : "");
      const std::string done = row.percent ? std::to_string(*row.percent) + " %" : "";
      table.add({row.ns, row.name, state, row.step, done, row.consumer, row.why}, style(row.error, false));
    }
    if (narrow()) table.drop_column("MACHINE");
    return table;
  }

  TextTable machines() const {
    TextTable table({"NAMESPACE", "MACHINE", "CLUSTER", "VERSION", "PHASE", "HOST", "NODE", "WAITING FOR"});
    for (const auto& row : report_.machines) {
      table.add({row.ns, row.name, row.cluster, row.version, row.phase, row.host, row.node, wait(row.on, row.why)},
                style(row.phase == "Failed", !row.ready));
    }
    if (narrow()) {
      for (const char* title : {"CLUSTER", "VERSION", "NODE"}) table.drop_column(title);
    }
    return table;
  }

  TextTable clusters() const {
    TextTable table({"NAMESPACE", "CLUSTER", "READY", "PHASE", "CONTROL PLANE", "WORKERS", "WAITING FOR"});
    for (const auto& row : report_.clusters) {
      table.add({row.ns, row.name, row.ready ? "True" : "False", row.phase, row.control_plane, row.workers,
                 wait(row.on, row.why)},
                style(false, !row.ready));
    }
    if (narrow()) table.drop_column("PHASE");
    return table;
  }

  const StatusReport& report_;
  const RenderOptions& options_;
  bool namespaces_ = false;
};

// "a, b and 3 more".
std::string names(const std::vector<std::string>& all, size_t most) {
  const std::vector<std::string> shown(all.begin(),
                                       all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most)));
  return base::join(shown, ", ") + (all.size() > most ? " and " + std::to_string(all.size() - most) + " more" : "");
}

}  // namespace

std::string render_troubles(const std::vector<Trouble>& troubles, const RenderOptions& options) {
  if (troubles.empty()) return {};
  constexpr size_t names_max = 5, indent = 4;
  const size_t width = options.wide ? 0 : options.width;
  const auto coloured = [&](const char* code, const std::string& text) {
    return options.colour ? code + text + plain : text;
  };
  std::string out = coloured(bold, "NEEDS ATTENTION") + "\n";
  for (const auto& one : troubles) {
    const CauseParts parts = parts_of(one.why);
    out += coloured(one.error ? red : yellow, (one.error ? "! " : "- ") + names(one.who, names_max)) + "\n";
    out += wrapped(parts.cause, width, indent);
    if (!parts.next.empty()) out += wrapped("next: " + parts.next, width, indent);
    if (!one.holds.empty()) out += wrapped("holds up " + names(one.holds, names_max), width, indent);
  }
  return out + "The way there: ingot why KIND/NAME; everything about one: kubectl describe KIND/NAME\n";
}

std::string render(const StatusReport& report, const RenderOptions& options) { return View(report, options).text(); }

std::string render_phases(const std::vector<PhaseTime>& phases) {
  TextTable table({"PHASE", "TOOK"});
  for (const auto& phase : phases) table.add({phase.what, base::human_duration(phase.took)});
  return table.empty() ? std::string() : table.text(0);
}

}  // namespace cli
