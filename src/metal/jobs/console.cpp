// Capturing the serial console of a host that is worked on, beside the work and never in its way: nobody's session is
// taken over, and nothing fails for want of it.
#include "base/log.h"
#include "base/text.h"
#include "metal/console_log.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Result;

namespace {

constexpr base::Duration linger = base::minutes(10);  // after the work: what was deployed starts
constexpr base::Duration read_limit = base::seconds(2);
constexpr base::Duration again = base::minutes(1), again_unsupported = base::hours(6);
constexpr size_t write_at_once = 4096;
constexpr size_t lines_told = 3;

bool is_wanted(const Bench& bench, Worker& worker) {
  const base::Time now = bench.sys.loop.now();
  if (worker.job && worker.job->kind == JobKind::operation) worker.console_until = now + linger;
  return now < worker.console_until;
}

std::vector<std::string> secrets_of(const Bench& bench, const HostAccess& host) {
  std::vector<std::string> out = {host.credentials.password};
  if (const ExpectedBoot* boot = bench.boots.find(host.uid)) {
    out.push_back(boot->agent_token);
    out.push_back(boot->path_token);
  }
  return out;
}

Result<void> read_all(Bench& bench, Worker& worker, const HostAccess& host, Console& console, ConsoleLog& log,
                      const std::shared_ptr<bool>& alive) {
  while (is_wanted(bench, worker)) {
    const auto text = console.read(read_limit);
    if (!*alive) return base::cancelled();
    if (!text && text.error().code != Code::timeout) return text.error();
    if (text) log.add(*text, secrets_of(bench, host));
    if (!text || log.waiting() >= write_at_once) TRY(log.flush());
  }
  return {};
}

Result<void> capture(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker,
                     const HostAccess& host) {
  const auto alive = bench->alive;
  const auto bmc = TRY(connect_bmc(*bench, host));
  auto console = bmc->open_console(false);
  if (!*alive) return base::cancelled();
  if (!console) {
    if (console.error().code != Code::cancelled) bmc->close();
    return std::move(console).error();
  }
  const auto log =
      std::make_shared<ConsoleLog>(bench->sys, bench->options.console_log_dir + "/" + worker->ns + "/" + worker->name);
  TRY(log->begin());
  worker->console = log;
  worker->console_problem.clear();
  base::log::debug("the console is captured", {{"host", host.name}});
  auto ended = read_all(*bench, *worker, host, **console, *log, alive);
  if (!*alive || (!ended && ended.error().code == Code::cancelled)) return base::cancelled();
  const auto kept = log->flush(true);
  (*console)->close();
  bmc->close();
  if (!kept) return kept;
  return ended;
}

}  // namespace

void keep_console(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker, const HostAccess& host) {
  if (bench->options.console_log_dir.empty()) return;
  const std::string key = bmc_key(host);
  const base::Time now = bench->sys.loop.now();
  worker->console_until = now + linger;
  if (worker->console_key == key && (!worker->console_fiber.done() || now < worker->console_after)) return;
  worker->console_fiber.cancel();
  worker->console_key = key;
  worker->console_fiber = sys::spawn(bench->sys.loop, "console of " + host.name, [bench, worker, host, key] {
    const auto alive = bench->alive;
    while (*alive && worker->console_key == key && is_wanted(*bench, *worker)) {
      const auto ended = capture(bench, worker, host);
      if (!*alive || ended || ended.error().code == Code::cancelled) return;
      worker->console_problem = ended.error().message;
      base::log::info("the console is not captured", {{"host", host.name}, {"error", ended.error().text()}});
      const bool never = ended.error().code == Code::unsupported;
      worker->console_after = bench->sys.loop.now() + (never ? again_unsupported : again);
      if (never || !sys::sleep(bench->sys.loop, again)) return;
    }
  });
}

void console_of_new_boot(Worker& worker) {
  if (worker.console) worker.console->clear();
}

std::string console_says(const Worker& worker) {
  if (worker.console_key.empty()) return "";
  if (!worker.console_problem.empty()) return "; its console is not captured: " + worker.console_problem;
  if (!worker.console || worker.console->newest().empty()) return "; its console shows nothing";
  const auto& lines = worker.console->newest();
  std::vector<std::string> told;
  for (size_t i = lines.size() - std::min(lines.size(), lines_told); i < lines.size(); ++i)
    told.push_back(console_line_for_all(lines[i]));
  return "; the end of its console: " + base::quoted(base::join(told, " / "));
}

}  // namespace metal
