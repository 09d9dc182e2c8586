#include "cli/logs_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"

namespace cli {

using base::Code;
using base::Error;
using base::Result;

CLI::App* add_logs_command(CLI::App& app, LogsFlags& flags) {
  auto* logs =
      app.add_subcommand("logs", "Show the log that a host's deploy agent handed over when its work last ended");
  logs->footer(
      "Read from the manager's data directory, on its machine. The ten newest of each host are kept, for 30 days.\n"
      "Examples:\n  ingot logs server-rack1-u07\n  ingot logs server-rack1-u07 -n clusters --list\n"
      "  ingot logs server-rack1-u07 --console");
  logs->add_option("HOST", flags.host, "Name of the BareMetalHost")->required();
  logs->add_option("-n,--namespace", flags.ns, "Its namespace; default: where it is found");
  logs->add_option("--data-dir", flags.data_dir, "Of ingot serve")->capture_default_str();
  logs->add_flag("--console", flags.console, "What it printed on its serial console (ingot serve --capture-consoles)");
  logs->add_flag("--list", flags.list, "Name all that are kept, newest last");
  return logs;
}

namespace {

Result<std::string> folder_of(sys::Disk& disk, const LogsFlags& flags) {
  const std::string all = flags.data_dir + (flags.console ? "/consoles" : "/agent-logs");
  if (flags.host.find('/') != std::string::npos || flags.ns.find('/') != std::string::npos) {
    return base::invalid("a name has no slash");
  }
  std::vector<std::string> found;
  if (const auto namespaces = disk.list(all)) {
    for (const auto& ns : *namespaces) {
      const std::string folder = all + "/" + ns + "/" + flags.host;
      if ((flags.ns.empty() || flags.ns == ns) && disk.exists(folder)) found.push_back(folder);
    }
  }
  if (found.empty() && flags.console) {
    return base::not_found("nothing of the console of host " + flags.host + " is in " + all)
        .with_fix(
            "start the manager with --capture-consoles; consoles are kept while a host is worked on, when its BMC "
            "has Serial over LAN; name the manager's --data-dir");
  }
  if (found.empty()) {
    return base::not_found("there is no agent's log of host " + flags.host + " in " + all)
        .with_fix("logs come with the end of inspection, cleaning and writing; name the manager's --data-dir");
  }
  if (found.size() > 1) {
    return base::conflict("there are hosts of that name in several namespaces").with_fix("name one with -n");
  }
  return found[0];
}

}  // namespace

Result<std::string> agent_logs_of(sys::Disk& disk, const LogsFlags& flags) {
  const std::string folder = TRY(folder_of(disk, flags));
  const auto files = TRY(disk.list(folder));
  if (files.empty()) return base::not_found("there is no log in " + folder);
  if (flags.console && !flags.list) {
    std::string text;  // what is older has the later name
    for (auto file = files.rbegin(); file != files.rend(); ++file) text += TRY(disk.read(folder + "/" + *file));
    return text;
  }
  if (flags.list) return base::join(files, "\n") + "\n";
  return files.back() + "\n" + TRY(disk.read(folder + "/" + files.back()));
}

int run_logs_command(sys::RealSystem& system, const LogsFlags& flags) {
  const auto text = agent_logs_of(system.sys().disk, flags);
  if (!text) return fail(text.error());
  std::fputs(text->c_str(), stdout);
  return 0;
}

}  // namespace cli
