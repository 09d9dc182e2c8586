#include "cli/manager.h"

#include <set>

#include "api/kinds.h"
#include "base/log.h"
#include "cli/duties.h"
#include "cli/identity.h"
#include "cli/metrics.h"
#include "cli/metrics_listener.h"
#include "cli/stock.h"
#include "registry/custom_resources.h"
#include "server/admission/conversion.h"
#include "server/server.h"
#include "sys/fiber.h"

namespace cli {

using base::Result;

namespace {
constexpr base::Duration publish_gap = base::seconds(10), retry_gap = base::seconds(5);
}

struct Manager::State {
  sys::Sys& sys;
  ManagerOptions options;
  Identity identity;
  meta::Scheme scheme = api::management_scheme();  // and what users define besides
  std::unique_ptr<Stock> stock;                    // outlives the store that it feeds
  std::unique_ptr<Replicated> replicated;          // null where this process is the only one
  std::unique_ptr<store::Store> store;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<server::Conversions> conversions;
  std::unique_ptr<registry::CustomResources> custom_resources;
  std::unique_ptr<Duties> duties;                // null while another process leads
  std::vector<std::unique_ptr<Duties>> retired;  // their last fibers may still run
  std::unique_ptr<server::ApiServer> api;
  std::unique_ptr<MetricsListener> metrics_listener;
  sys::Signal role_changed;
  sys::Fiber taking_over;

  State(sys::Sys& s, ManagerOptions o) : sys(s), options(std::move(o)), role_changed(s.loop) {}

  Result<void> load_identity_of(const std::vector<std::string>& names);
  Result<void> open_store();
  Result<void> serve_metrics();
  Result<void> join_stock(const std::vector<std::string>& names);
  void halt();
  Result<void> start_api();
  void follow_elections();
  void take_over();
  Result<void> begin_duties();
  void retire();
  std::string url() const;
  bool leads() const { return duties && (!replicated || replicated->replica().leads()); }
  std::string metrics() const;
};

Manager::Manager(sys::Sys& sys, ManagerOptions options) : state_(std::make_unique<State>(sys, std::move(options))) {}
Manager::~Manager() { stop(); }

Result<void> Manager::State::load_identity_of(const std::vector<std::string>& names) {
  if (!replicated) {
    identity = TRY(load_identity(sys, options.data_dir, names));
    return {};
  }
  TRY(replicated->share_identity(identity));
  return issue_serving(sys, names, identity);
}

// Also while another process has the lease: which one leads is among them.
Result<void> Manager::State::serve_metrics() {
  const auto& where = options.stock->metrics_listen;
  if (!where) return {};
  metrics_listener =
      std::make_unique<MetricsListener>(sys, *where, identity, options.stock->access, [this] { return metrics(); });
  auto started = metrics_listener->start().context("--metrics-bind-address");
  if (started || options.stock->metrics_needed) return started;
  base::log::warn("metrics are not served", {{"error", started.error().text()}});
  metrics_listener = nullptr;
  return {};
}

// Parks until this process may act.
Result<void> Manager::State::join_stock(const std::vector<std::string>& names) {
  TRY(serve_metrics());
  stock = std::make_unique<Stock>(sys, scheme, *options.stock);
  TRY(stock->connect(identity, names, [this] {
    halt();
    if (options.lost) options.lost();
  }));
  store = TRY(store::Store::open(sys.loop, stock->engine()));
  registry = std::make_unique<registry::Registry>(sys, *store, scheme);
  return stock->follow();
}

Result<void> Manager::State::open_store() {
  std::unique_ptr<store::Engine> engine;
  if (replicated) {
    engine = TRY(replicated->open());
  } else {
    engine =
        options.open_engine ? TRY(options.open_engine()) : TRY(store::open_sqlite(sys, options.data_dir + "/ingot.db"));
  }
  store = TRY(store::Store::open(sys.loop, std::move(engine)));
  registry = std::make_unique<registry::Registry>(sys, *store, scheme);
  conversions = std::make_unique<server::Conversions>(sys, *registry, options.services);
  // First of all, so that the others know every kind.
  const auto changed = [this] {
    if (api) api->kinds_changed();
  };
  custom_resources =
      std::make_unique<registry::CustomResources>(sys.loop, *registry, scheme, changed, conversions->hooks());
  if (replicated) custom_resources->share([this] { return replicated->replica().leads(); });
  return {};
}

Result<void> Manager::State::start_api() {
  server::Options out;
  out.listen = {options.listen};
  out.tls.certificate_pem = identity.serving_certificate_pem;
  out.tls.key_pem = identity.serving_key_pem;
  out.tls.client_ca_pem = identity.ca_certificate_pem;
  out.authentication = options.authentication;
  out.services = options.services;
  out.flow = options.flow;
  out.aggregate_roles = options.chosen.has("clusterrole-aggregation-controller");
  out.audit = options.audit;
  out.request_limit = options.request_limit;
  out.metrics = [this] { return metrics(); };
  out.service_account_key_pem = identity.service_account_key_pem;
  if (replicated) out.peers = TRY(replicated->peers(identity));
  if (options.api_only && !options.api_only->issuer.empty()) out.service_account_issuer = options.api_only->issuer;
  api = std::make_unique<server::ApiServer>(sys, *registry, std::move(out));
  return api->start();
}

// ---- where several processes take turns ------------------------------------------------------------------------

void Manager::State::follow_elections() {
  auto& replica = replicated->replica();
  replica.on_change([this, &replica] {
    if (!replica.leads()) retire();
    role_changed.set();
  });
  taking_over = sys::spawn(sys.loop, "leader", [this] { take_over(); });
  replica.run_for_leader();
}

// Begins the duties when this process has become the leader, and tells people who leads.
void Manager::State::take_over() {
  auto& replica = replicated->replica();
  for (;;) {
    role_changed.clear();
    base::Duration pause = sys::no_limit;
    if (replica.leads()) {
      pause = publish_gap;
      if (!duties) {
        if (const auto begun = begin_duties(); !begun) {
          base::log::error("this process cannot lead", {{"error", begun.error().text()}});
          retire();
          replica.resign();
          if (!sys::sleep(sys.loop, retry_gap)) return;
          replica.run_for_leader();
          continue;
        }
        if (!replica.leads()) retire();  // lost while it began
      }
      if (const auto told = replicated->publish_lease(*registry); !told) {
        base::log::warn("the leader's Lease could not be written", {{"error", told.error().text()}});
      }
    }
    const auto waited = role_changed.wait_for(pause);
    if (!waited && waited.error().code == base::Code::cancelled) return;
  }
}

Result<void> Manager::State::begin_duties() {
  custom_resources->look_at_all();
  auto& replica = replicated->replica();
  DutyRights rights;
  rights.may_act = [&replica]() -> Result<void> {
    if (replica.leads()) return {};
    return base::unavailable("this process does not lead any more, so it touches nothing outside");
  };
  duties = std::make_unique<Duties>(sys, *registry, options, identity, std::move(rights));
  TRY(duties->start());
  if (replica.leads()) api->bootstrap();
  return {};
}

void Manager::State::retire() {
  if (!duties) return;
  duties->stop();
  retired.push_back(std::move(duties));
}

std::string Manager::State::metrics() const {
  Counted out;
  out.leads = leads();
  if (duties) {
    out.reconciles = duties->reconciles();
    if (const auto* engine = duties->engine_if_any()) {
      out.refused = engine->refused();
      out.by_host = engine->refused_by_host();
      out.bad_answers = engine->bad_answers();
    }
  }
  return metrics_text(out);
}

// ---- the manager -----------------------------------------------------------------------------------------------

std::string Manager::State::url() const {
  if (stock) return stock->server();
  if (!api || api->local().empty()) return {};
  sys::Address at = api->local().front();
  if (at.host == "0.0.0.0") at.host = "127.0.0.1";
  if (at.host == "::") at.host = "::1";
  return "https://" + at.text();
}

Result<void> Manager::start() {
  State& s = *state_;
  if (s.options.api_only) {
    s.identity = s.options.api_only->identity;
    s.options.controllers = false;
    TRY(s.open_store());
    s.duties = std::make_unique<Duties>(s.sys, *s.registry, s.options, s.identity, DutyRights());
    TRY(s.duties->start());
    return s.start_api().context("--bind-address, --secure-port");
  }
  std::set<std::string> names = {"localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default.svc"};
  const std::string& host = s.options.listen.host;
  if (!host.empty() && host != "0.0.0.0" && host != "::") names.insert(host);
  names.insert(s.options.names.begin(), s.options.names.end());
  const std::vector<std::string> all(names.begin(), names.end());
  if (s.options.replicated) {
    s.replicated = std::make_unique<Replicated>(s.sys, *s.options.replicated, s.options.data_dir);
    TRY(s.open_store());
    TRY(s.load_identity_of(all));
    TRY(s.start_api().context("--listen"));
    s.follow_elections();
    return write_admin_kubeconfig(s.sys, s.options.data_dir, s.identity, s.url());
  }
  TRY(s.load_identity_of(all));
  TRY(s.options.stock ? s.join_stock(all) : s.open_store());
  DutyRights rights;
  if (s.stock) {
    rights.may_act = [&s] { return s.stock->may_act(); };
    rights.is_current = [&s](const store::Ref& entry) { return s.stock->is_current(entry); };
    rights.housekeeping = false;
  }
  s.duties = std::make_unique<Duties>(s.sys, *s.registry, s.options, s.identity, std::move(rights));
  TRY(s.duties->start());
  if (s.stock) return {};
  TRY(s.start_api().context("--listen"));
  return write_admin_kubeconfig(s.sys, s.options.data_dir, s.identity, s.url());
}

void Manager::State::halt() {
  taking_over.cancel();
  if (replicated && store) replicated->replica().on_change(nullptr);
  if (api) api->stop();
  if (metrics_listener) metrics_listener->stop();
  if (duties) duties->stop();
  if (stock) stock->stop();
}

// What others wait for is given back where the caller may park for it.
void Manager::stop() {
  State& s = *state_;
  s.halt();
  if (!sys::in_fiber()) return;
  if (s.stock) s.stock->release();
  if (s.replicated && s.store) s.replicated->replica().resign();
}

std::string Manager::url() const { return state_->url(); }
registry::Registry& Manager::registry() { return *state_->registry; }
bool Manager::leads() const { return state_->leads(); }
const metal::StartedEngine& Manager::engine() const { return state_->duties->engine(); }
uint64_t Manager::reconciles() const { return state_->duties ? state_->duties->reconciles() : 0; }

}  // namespace cli
