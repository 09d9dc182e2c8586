#include "metal/engine.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

std::string Wait::text() const {
  std::string out(base::name_of(layer));
  out += ": " + cause;
  if (!next.empty()) out += "; next: " + next;
  return out;
}

Progress Progress::working(std::string step, int percent) {
  Progress progress;
  progress.step = std::move(step);
  progress.percent = percent;
  return progress;
}

Progress Progress::done() {
  Progress progress;
  progress.phase = Phase::done;
  progress.percent = 100;
  return progress;
}

Progress Progress::failed(Error error) {
  Progress progress;
  progress.phase = Phase::failed;
  progress.error = std::move(error);
  return progress;
}

Bench::Bench(sys::Sys& s, sys::Net& n, store::Store& st, EngineOptions o)
    : sys(s),
      site(n),
      store(st),
      options(std::move(o)),
      boots(s.loop, options.boot_secret),
      endpoint(s, boots, options.endpoint) {
  if (!options.limits.bmc.bad) options.limits.bmc.bad = std::make_shared<BadAnswers>();
  boots.on_event([this](const std::string& uid) {
    const auto found = workers.find(uid);
    if (found != workers.end()) found->second->agent_event.set();
  });
}

void Bench::notify(const Worker& worker) {
  // Posted, so that a reconcile never runs inside a job's fiber.
  sys.loop.post([this, flag = alive, ns = worker.ns, name = worker.name] {
    if (*flag && changed) changed(ns, name);
  });
}

EngineLimits scaled(EngineLimits limits, double speed) {
  constexpr base::Duration least = base::seconds(15);
  if (speed <= 1) return limits;
  for (base::Duration* one : {&limits.firmware, &limits.fetch, &limits.agent_start, &limits.agent_silence,
                              &limits.reattach, &limits.soft_off}) {
    *one = std::min(*one, std::max(least, std::chrono::duration_cast<base::Duration>(*one / speed)));
  }
  for (base::Duration* gap : {&limits.bmc_retry_gap, &limits.fetch_retry_gap}) {
    *gap = std::min<base::Duration>(*gap, base::seconds(2));
  }
  return limits;
}

bool Bench::agent_alive(const std::string& uid, const std::string& boot_id) const {
  const ExpectedBoot* boot = boots.find(uid);
  return boot && !boot_id.empty() && boot->boot_id == boot_id && boot->last_heartbeat &&
         sys.loop.now() - *boot->last_heartbeat <= options.limits.agent_silence;
}

namespace {

Progress no_firmware() {
  return Progress::failed({Code::unsupported, "this engine does nothing about firmware", Layer::controller});
}

}  // namespace

Progress Engine::stage_firmware(const HostAccess&, const Operation&, const FirmwareOrder&) { return no_firmware(); }
Progress Engine::verify_firmware(const HostAccess&, const Operation&, const FirmwareOrder&) { return no_firmware(); }
Progress Engine::change_raid(const HostAccess&, const Operation&, const RaidOrder&) {
  return Progress::failed({Code::unsupported, "this engine changes no RAID volumes", Layer::controller});
}
Progress Engine::aside(const HostAccess&, const SideWork&) { return no_firmware(); }
std::optional<base::Time> Engine::firmware_read_at(const std::string&) const { return std::nullopt; }
void Engine::forget_firmware(const std::string&) {}

namespace {

// Which work may be cut short when something else is wanted. Short BMC conversations just end.
bool interruptible(JobKind kind) { return kind == JobKind::operation || kind == JobKind::power; }

std::string operation_key(std::string_view name, const Operation& operation) {
  return std::string(name) + "/" + operation.id + "/" + std::string(name_of(operation.milestone)) + "/" +
         operation.boot_id;
}

class BenchEngine : public StartedEngine {
 public:
  BenchEngine(sys::Sys& sys, sys::Net& site, store::Store& store, EngineOptions options)
      : bench_(std::make_shared<Bench>(sys, site, store, std::move(options))) {}
  ~BenchEngine() override { stop(); }

  Result<void> start() override {
    TRY(bench_->endpoint.start());
    if (const auto& wanted = bench_->options.image_cache; !wanted.directory.empty()) {
      bench_->images = std::make_shared<ImageCache>(bench_->sys, bench_->site, wanted);
      TRY(bench_->images->start().context("the image cache"));
      bench_->endpoint.serve_images(
          [images = bench_->images](const std::string& key) { return images->artefact(key); });
    }
    if (bench_->options.dhcp) {
      bench_->dhcp =
          std::make_unique<DhcpService>(bench_->sys, bench_->boots, bench_->endpoint.place(), *bench_->options.dhcp);
      TRY(bench_->dhcp->start());
    }
    if (bench_->options.dhcp6) {
      bench_->dhcp6 =
          std::make_unique<Dhcp6Service>(bench_->sys, bench_->boots, bench_->endpoint.place(), *bench_->options.dhcp6);
      TRY(bench_->dhcp6->start());
    }
    if (bench_->options.tftp) {
      bench_->tftp = std::make_unique<TftpService>(bench_->sys, bench_->boots, *bench_->options.tftp);
      TRY(bench_->tftp->start());
    }
    return {};
  }

  void stop() override {
    *bench_->alive = false;
    for (auto& [uid, worker] : bench_->workers) {
      if (worker->job) worker->job->fiber.cancel();
      if (worker->side) worker->side->fiber.cancel();
      worker->watch.cancel();
      worker->console_fiber.cancel();
    }
    if (bench_->images) bench_->images->stop();
    if (bench_->dhcp) bench_->dhcp->stop();
    if (bench_->dhcp6) bench_->dhcp6->stop();
    if (bench_->tftp) bench_->tftp->stop();
    bench_->endpoint.stop();
  }

  const BootPlace& place() const override { return bench_->endpoint.place(); }
  const Endpoint& endpoint() const override { return bench_->endpoint; }
  const RefusedRequests& refused() const override { return bench_->boots.refused; }
  const BadAnswers& bad_answers() const override { return *bench_->options.limits.bmc.bad; }
  std::vector<RefusedOfHost> refused_by_host() const override {
    std::vector<RefusedOfHost> out;
    for (const auto& [uid, boot] : bench_->boots.all()) {
      const auto worker = bench_->workers.find(uid);
      if (worker != bench_->workers.end()) out.push_back({worker->second->ns, worker->second->name, boot->refused});
    }
    return out;
  }

  Progress register_host(const HostAccess& host) override {
    Worker& worker = worker_of(host);
    const std::string base_key = host.bmc_address + "/" + host.credentials_version;
    // Success holds for as long as address and credentials stay; a failure only for its attempt.
    if (worker.registration) {
      const bool good = worker.registration->progress.is_done() && worker.registration->key == base_key;
      if (good || worker.registration->key == base_key + "#" + std::to_string(host.attempt)) {
        return worker.registration->progress;
      }
    }
    return run(worker, JobKind::registration, base_key, host, {}, register_job);
  }

  Progress inspect(const HostAccess& host, const Operation& operation) override {
    return operate("inspect", host, operation, inspect_job);
  }
  Progress clean(const HostAccess& host, const Operation& operation, CleanMode mode) override {
    return operate("clean", host, operation, [mode](Run& run) { return clean_job(run, mode); });
  }
  Progress provision(const HostAccess& host, const Operation& operation, const ProvisionRequest& request) override {
    return operate("provision", host, operation, [request](Run& run) { return provision_job(run, request); });
  }
  Progress boot_disk(const HostAccess& host, const Operation& operation) override {
    Worker& worker = worker_of(host);
    const std::string key = operation_key("boot disk", operation);
    if (worker.operation && worker.operation->key == key) return worker.operation->progress;
    return run(worker, JobKind::operation, key, host, operation, boot_disk_job);
  }

  Progress stage_firmware(const HostAccess& host, const Operation& operation, const FirmwareOrder& order) override {
    Worker& worker = worker_of(host);
    const std::string key = operation_key("stage firmware " + order.digest(), operation);
    if (worker.operation && worker.operation->key == key) return worker.operation->progress;
    return run(worker, JobKind::operation, key, host, operation,
               [order](Run& run) { return stage_firmware_job(run, order); });
  }
  Progress verify_firmware(const HostAccess& host, const Operation& operation, const FirmwareOrder& order) override {
    const auto body = [order](Run& run) { return verify_firmware_job(run, order); };
    const std::string name = "verify firmware " + order.digest();
    if (operation.kind == OperationKind::prepare) return operate(name, host, operation, body);
    Worker& worker = worker_of(host);
    const std::string key = operation_key(name, operation);
    if (worker.operation && worker.operation->key == key) return worker.operation->progress;
    return run(worker, JobKind::operation, key, host, operation, body);
  }

  Progress change_raid(const HostAccess& host, const Operation& operation, const RaidOrder& order) override {
    return operate("RAID " + order.digest(), host, operation, [order](Run& run) { return raid_job(run, order); });
  }

  Progress aside(const HostAccess& host, const SideWork& work) override {
    // A success that nobody asked for in time is out of date; a failure stands for a while, however often it is asked.
    constexpr base::Duration result_life = base::minutes(1);
    Worker& worker = worker_of(host);
    const std::string key = std::to_string(static_cast<int>(work.kind)) + "/" + work.key;
    const base::Time now = bench_->sys.loop.now();
    std::erase_if(worker.side_results, [&](const auto& one) { return now - one.second.at > result_life; });
    if (const auto found = worker.side_results.find(key); found != worker.side_results.end()) {
      Progress result = found->second.progress;
      if (result.is_done()) worker.side_results.erase(found);
      if (work.kind == SideWork::Kind::read_firmware) worker.firmware_read_at = now;
      return result;
    }
    if (!worker.side) talk(key, host, work);
    return Progress::working("talking to the BMC");
  }
  std::optional<base::Time> firmware_read_at(const std::string& uid) const override {
    const auto found = bench_->workers.find(uid);
    return found == bench_->workers.end() ? std::nullopt : found->second->firmware_read_at;
  }
  void forget_firmware(const std::string& uid) override {
    const auto found = bench_->workers.find(uid);
    if (found != bench_->workers.end()) found->second->firmware_read_at.reset();
  }

  Progress power(const HostAccess& host, PowerWish wish) override {
    Worker& worker = worker_of(host);
    const std::string key = "power/" + std::to_string(static_cast<int>(wish)) + "/" + std::to_string(host.attempt);
    if (worker.power && worker.power->key == key) {
      const Progress result = worker.power->progress;
      worker.power.reset();
      return result;
    }
    worker.power.reset();  // nobody asks for that result any more, and it must not answer a later question
    return run(worker, JobKind::power, key, host, {}, [wish](Run& run) { return power_job(run, wish); });
  }

  Progress read_power(const HostAccess& host, base::Duration age_max) override {
    Worker& worker = worker_of(host);
    keep_watch(bench_, bench_->workers[host.uid], host);
    if (worker.watched) age_max = std::max(age_max, bench_->options.limits.power_poll_watched);
    if (worker.power_reading && bench_->sys.loop.now() - worker.power_reading->at <= age_max) {
      // The caller knows with this what a finished change would have told, perhaps asks no more, and the result must
      // not answer the same wish at another time.
      if (worker.power && worker.power->progress.is_done()) worker.power.reset();
      Progress progress = Progress::done();
      progress.powered_on = worker.power_reading->on;
      return progress;
    }
    if (worker.power_reading_error) {
      const Progress result = worker.power_reading_error->progress;
      worker.power_reading_error.reset();
      return result;
    }
    return run(worker, JobKind::power_reading, "read power", host, {}, read_power_job);
  }

  bool agent_alive(const std::string& uid, const std::string& boot_id) const override {
    return bench_->agent_alive(uid, boot_id);
  }

  void release_agent(const std::string& uid) override {
    bench_->boots.drop(uid);
    const auto found = bench_->workers.find(uid);
    if (found != bench_->workers.end()) found->second->inventory_boot.clear();
  }

  void abort(const std::string& uid) override {
    const auto found = bench_->workers.find(uid);
    if (found == bench_->workers.end() || !found->second->job || !interruptible(found->second->job->kind)) return;
    found->second->job->cancelled = true;
    found->second->job->fiber.cancel();
  }

  void forget(const std::string& uid) override {
    const auto found = bench_->workers.find(uid);
    if (found != bench_->workers.end()) {
      const auto worker = found->second;
      bench_->workers.erase(found);
      if (worker->job) worker->job->fiber.cancel();
      if (worker->side) worker->side->fiber.cancel();
      worker->watch.cancel();
      worker->console_fiber.cancel();
    }
    bench_->boots.drop(uid);
  }

  void on_change(std::function<void(const std::string&, const std::string&)> callback) override {
    bench_->changed = std::move(callback);
  }

 private:
  Worker& worker_of(const HostAccess& host) {
    auto& slot = bench_->workers[host.uid];
    if (!slot) slot = std::make_shared<Worker>(bench_->sys.loop);
    slot->uid = host.uid;
    slot->ns = host.ns;
    slot->name = host.name;
    return *slot;
  }

  // Work that needs an agent: asks for a boot id where there is none, and remembers that it asked.
  Progress operate(std::string_view name, const HostAccess& host, const Operation& operation, JobBody body) {
    Worker& worker = worker_of(host);
    const std::string key = operation_key(name, operation);
    if (worker.operation && worker.operation->key == key) {
      const Progress& result = worker.operation->progress;
      if (result.needs_boot) remember_asking(worker, operation.boot_id);
      return result;
    }
    if (operation.boot_id.empty()) {
      remember_asking(worker, "");
      Progress progress = Progress::working("ordering a boot of the deploy agent");
      progress.needs_boot = true;
      return progress;
    }
    return run(worker, JobKind::operation, key, host, operation, std::move(body));
  }

  static void remember_asking(Worker& worker, const std::string& boot_id) {
    worker.boot_asked = true;
    worker.replaced_boot = boot_id;
  }

  Progress run(Worker& worker, JobKind kind, const std::string& key, const HostAccess& host, const Operation& operation,
               JobBody body) {
    if (worker.job) {
      if (worker.job->key == key && !worker.job->cancelled) return worker.job->progress;
      // Something else is wanted now. A reading never pushes work aside.
      if (kind != JobKind::power_reading && kind != JobKind::registration && interruptible(worker.job->kind) &&
          !worker.job->cancelled) {
        worker.job->cancelled = true;
        worker.job->fiber.cancel();
      }
      Progress progress = worker.job->progress;
      progress.phase = Progress::Phase::working;
      return progress;
    }
    start(kind, key, host, operation, std::move(body));
    return bench_->workers[host.uid]->job ? bench_->workers[host.uid]->job->progress : Progress::working("starting");
  }

  void start(JobKind kind, const std::string& key, const HostAccess& host, const Operation& operation, JobBody body) {
    auto worker = bench_->workers[host.uid];
    if (kind == JobKind::operation) {
      worker->power.reset();
      keep_console(bench_, worker, host);
    }
    // A reading is no work to report.
    const char* const step = kind == JobKind::power_reading ? "" : "starting";
    worker->job = Job{.kind = kind, .key = key, .progress = Progress::working(step), .fiber = {}};
    worker->job->fiber =
        sys::spawn(bench_->sys.loop, "job of " + host.name,
                   [bench = bench_, alive = bench_->alive, worker, kind, key, host, operation, body = std::move(body)] {
                     if (!*alive) return;
                     Run run{*bench, worker, host, operation};
                     auto result = body(run);
                     if (!*alive) return;
                     finish(*bench, *worker, kind, key, host, std::move(result));
                   });
  }

  void talk(const std::string& key, const HostAccess& host, const SideWork& work) {
    auto worker = bench_->workers[host.uid];
    worker->side = Job{.kind = JobKind::operation, .key = key, .progress = Progress::working(""), .fiber = {}};
    worker->side->fiber = sys::spawn(
        bench_->sys.loop, "BMC of " + host.name, [bench = bench_, alive = bench_->alive, worker, key, host, work] {
          if (!*alive) return;
          auto result = side_job(*bench, host, work);
          if (!*alive) return;
          worker->side.reset();
          const base::Time now = bench->sys.loop.now();
          if (result || result.error().code != Code::cancelled) {
            worker->side_results[key] = {result ? std::move(*result) : Progress::failed(result.error()), now};
          }
          bench->notify(*worker);
        });
  }

  static void finish(Bench& bench, Worker& worker, JobKind kind, const std::string& key, const HostAccess& host,
                     Result<Progress> result) {
    const bool cancelled = worker.job && worker.job->cancelled;
    worker.job.reset();
    const bool ended = !result && result.error().code == Code::cancelled;
    if (cancelled || ended) return bench.notify(worker);
    Progress progress = result ? std::move(*result) : Progress::failed(std::move(result).error());
    if (progress.is_failed()) {
      base::log::warn("job failed", {{"host", worker.name}, {"job", key}, {"error", progress.error.text()}});
    }
    if (progress.powered_on) worker.power_reading = PowerReading{*progress.powered_on, bench.sys.loop.now()};
    switch (kind) {
      case JobKind::registration:
        worker.registration =
            Finished{progress.is_done() ? key : key + "#" + std::to_string(host.attempt), std::move(progress)};
        break;
      case JobKind::operation:
        worker.operation = Finished{key, std::move(progress)};
        break;
      case JobKind::power:
        worker.power = Finished{key, std::move(progress)};
        break;
      case JobKind::power_reading:
        if (progress.is_failed()) worker.power_reading_error = Finished{key, std::move(progress)};
        break;
    }
    bench.notify(worker);
  }

  std::shared_ptr<Bench> bench_;
};

}  // namespace

std::unique_ptr<StartedEngine> make_engine(sys::Sys& sys, sys::Net& site, store::Store& store, EngineOptions options) {
  return std::make_unique<BenchEngine>(sys, site, store, std::move(options));
}

}  // namespace metal
