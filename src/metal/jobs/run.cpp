// What every job stands on: reporting, the BMC with patience, the guard on durable state.
#include <algorithm>

#include "base/log.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

bool passing(const Error& error) { return error.code == Code::unavailable || error.code == Code::timeout; }

constexpr base::Duration learn_gap = base::milliseconds(50);

// The host as stored now, waiting until that version is durable.
Result<HostFacts> durable_facts(Bench& bench, const HostAccess& host) {
  constexpr int tries_max = 50;
  for (int i = 0; i < tries_max; ++i) {
    const auto entry = bench.store.get(api::BareMetalHost::resource, host.ns, host.name);
    if (!entry) return HostFacts{};
    if (entry->revision <= bench.store.durable_revision()) {
      if (bench.options.is_current && !TRY(bench.options.is_current(entry))) {
        TRY(sys::sleep(bench.sys.loop, learn_gap));
        continue;
      }
      const auto decoded = TRY(meta::decode<api::BareMetalHost>(entry->doc()));
      return facts_of(decoded, true);
    }
    // The store may outlive this fiber's wait, so the callback owns what it touches.
    const auto waited = sys::await<bool>(bench.sys.loop, [&](std::function<void(Result<bool>)> done) {
      bench.store.when_durable(entry->revision, [done = std::move(done)](Result<void>) { done(true); });
    });
    if (!waited) return Error(waited.error());
  }
  return base::conflict("the host's state changes too fast to act on it");
}

}  // namespace

void Run::step(std::string text, int percent, std::optional<Wait> wait) {
  if (!worker->job) return;
  Progress& progress = worker->job->progress;
  const bool moved = text != progress.step || percent / 10 != progress.percent / 10 ||
                     wait.has_value() != progress.wait.has_value() || (wait && wait->text() != progress.wait->text());
  progress.step = std::move(text);
  progress.percent = percent;
  progress.wait = std::move(wait);
  if (moved) bench.notify(*worker);
}

Error explain(Error error, const HostAccess& host) {
  error = std::move(error).at(Layer::bmc);
  if (!error.fix.empty()) return error;
  switch (error.code) {
    case Code::unauthenticated:
      error.fix = "correct username and password in the credentials Secret";
      break;
    case Code::forbidden:
      error.fix = "give the BMC account administrator privilege, or set a new password on the BMC";
      break;
    case Code::unavailable:
    case Code::timeout:
      error.fix = "check spec.bmc.address (" + host.bmc_address + "), the cabling and the firewall toward it";
      break;
    default:
      break;
  }
  return error;
}

std::string bmc_key(const HostAccess& host) {
  return host.bmc_address + "\n" + host.credentials_version + "\n" + host.credentials.user + "\n" +
         host.credentials.password + (host.verify_certificate ? "\nverify" : "");
}

Result<std::unique_ptr<Bmc>> connect_bmc(Bench& bench, const HostAccess& host) {
  const BmcAddress address = TRY(parse_bmc_address(host.bmc_address));
  if (bench.options.connect_bmc) return bench.options.connect_bmc(host, address);
  return make_bmc(bench.sys, bench.site, address, host.credentials, host.verify_certificate, bench.options.limits.bmc);
}

Result<Bmc*> Run::bmc() {
  const std::string key = bmc_key(host);
  if (worker->bmc && worker->bmc_key == key) return worker->bmc.get();
  worker->bmc.reset();
  worker->bmc = TRY(connect_bmc(bench, host));
  worker->bmc_key = key;
  return worker->bmc.get();
}

Result<void> Run::insist(const std::string& what, const std::function<Result<void>(Bmc&)>& work) {
  const auto& limits = bench.options.limits;
  Bmc* const connection = TRY(bmc());
  for (int attempt = 1;; ++attempt) {
    auto done = work(*connection);
    if (done) return {};
    Error error = std::move(done).error().context(what).at(Layer::bmc);
    if (error.code == Code::cancelled || !passing(error) || attempt >= limits.bmc_tries)
      return explain(std::move(error), host);
    if (worker->job) {
      step(worker->job->progress.step, worker->job->progress.percent,
           Wait{Layer::bmc, error.message, "try again in 20 s"});
    }
    TRY(sleep(limits.bmc_retry_gap));
  }
}

Result<HostFacts> Run::facts() { return durable_facts(bench, host); }

Result<void> Run::guard(Act act, const Inventory* agent, const InventoryDisk* disk, const std::string& raid) {
  const auto allowed = allow({act, host.uid, operation, agent, disk, raid}, TRY(facts()));
  if (!allowed) {
    base::log::warn("refused", {{"host", host.name}, {"act", name_of(act)}, {"why", allowed.error().message}});
  }
  return allowed;
}

Result<void> Run::sleep(base::Duration span) { return sys::sleep(bench.sys.loop, span); }

Result<void> Run::pause(base::Duration span) {
  worker->bmc_event.clear();
  const auto waited = worker->bmc_event.wait_for(span);
  if (!waited && waited.error().code != Code::timeout) return waited;
  return {};
}

Result<bool> Run::powered_on() {
  bool on = false;
  TRY(insist("reading the power state", [&](Bmc& connection) -> Result<void> {
    const auto state = connection.power();
    if (!state) return state.error();
    if (*state == PowerState::unknown)
      return base::unavailable("the BMC does not know the power state").with_fix("look at the BMC");
    on = *state == PowerState::on;
    return {};
  }));
  return on;
}

Result<void> Run::wait_power(bool on, base::Duration limit) {
  const base::Time until = bench.sys.loop.now() + limit;
  for (;;) {
    if (TRY(powered_on()) == on) return {};
    if (bench.sys.loop.now() >= until) {
      return Error{Code::timeout, std::string("the server did not power ") + (on ? "on" : "off") + " in time",
                   Layer::bmc, "look at the server's console and its BMC"};
    }
    TRY(pause(bench.options.limits.power_poll_gap));
  }
}

}  // namespace metal
