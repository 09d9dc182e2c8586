#include "cli/stock.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace cli {

using base::Code;
using base::Error;
using base::Json;
using base::Result;

namespace {

constexpr base::Duration list_limit = base::minutes(5);
constexpr int watch_list_minor = 27;  // older servers take a WatchList for a plain watch
constexpr const char* identity_secret = "ingot-identity";

// What the controllers read. Leases, roles and definitions are nobody's business here, and Events are only written.
std::vector<std::string> followed(const meta::Scheme& scheme) {
  std::vector<std::string> out = {"namespaces", "secrets", "configmaps"};
  for (const meta::Kind* kind : scheme.kinds()) {
    if (kind->custom) out.push_back(kind->resource());
  }
  return out;
}

// "25+" counts as 25.
int64_t leading_number(const std::string& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  return base::parse_int(text.substr(0, end)).value_or(0);
}

}  // namespace

Stock::Stock(sys::Sys& sys, const meta::Scheme& scheme, StockOptions options)
    : sys_(sys), scheme_(scheme), options_(std::move(options)), client_(sys, options_.access) {}

Stock::~Stock() { stop(); }

Result<void> Stock::wait_for_server() {
  for (base::Duration retry = base::seconds(1);; retry = std::min<base::Duration>(retry * 2, base::seconds(15))) {
    const auto version = client_.get("/version");
    if (version) {
      const int64_t minor = leading_number((*version)["minor"].string());
      watch_list_ = (*version)["major"].string() != "1" || minor >= watch_list_minor;
      base::log::info("connected", {{"server", server()}, {"version", (*version)["gitVersion"].string()}});
      return {};
    }
    const Code code = version.error().code;
    if (code != Code::unavailable && code != Code::timeout) return version.error().context(server());
    base::log::warn("the API server does not answer yet", {{"server", server()}, {"error", version.error().text()}});
    TRY(sys::sleep(sys_.loop, retry));
  }
}

Result<void> Stock::prepare(const Identity& identity) {
  std::optional<remote::WebhookPlace> place;
  if (options_.webhook_listen) {
    webhooks_ = std::make_unique<remote::Webhooks>(
        sys_, scheme_,
        remote::Webhooks::Options{*options_.webhook_listen, identity.serving_certificate_pem,
                                  identity.serving_key_pem});
    TRY(webhooks_->start().context("--webhook-listen"));
    place.emplace();
    place->url = options_.webhook_url.empty() ? "https://" + webhooks_->local().text() : options_.webhook_url;
    place->ca_pem = identity.ca_certificate_pem;
  }
  if (options_.install) {
    TRY(remote::install(sys_, client_, remote::definitions(scheme_, place)).context("--install-crds"));
    if (place) TRY(remote::install(sys_, client_, remote::admission(scheme_, *place)).context("--install-crds"));
  }
  return remote::check_definitions(client_, scheme_);
}

// Agents that were booted by one process must know the next one, so CA and boot secret are the cluster's.
// The API server believes webhooks with the common CA, so the serving certificate has to be that one's.
Result<void> Stock::share_identity(Identity& identity, const std::vector<std::string>& names) {
  const std::string before = identity.ca_certificate_pem;
  TRY(take_common_identity(identity));
  if (identity.ca_certificate_pem == before) return {};
  return issue_serving(sys_, names, identity);
}

Result<void> Stock::take_common_identity(Identity& identity) {
  const std::string collection = "/api/v1/namespaces/" + options_.ns + "/secrets";
  for (;;) {
    auto found = client_.get(collection + "/" + identity_secret);
    if (!found && found.error().code != Code::not_found) return found.error();
    if (found) {
      const auto value = [&](const char* key) { return base::unbase64((*found)["data"][key].string()).value_or(""); };
      identity.ca_certificate_pem = value("ca.crt");
      identity.ca_key_pem = value("ca.key");
      identity.boot_secret = value("boot.secret");
      if (!identity.ca_certificate_pem.empty() && !identity.ca_key_pem.empty() && identity.boot_secret.size() >= 32) {
        return {};
      }
      return Error{Code::corrupt, "Secret " + options_.ns + "/" + identity_secret + " is not complete",
                   base::Layer::api,
                   "delete it; servers that are booting the deploy ramdisk now will be booted once more"};
    }
    Json secret = Json::object({{"apiVersion", "v1"}, {"kind", "Secret"}});
    secret.set("metadata", Json::object({{"name", identity_secret}, {"namespace", options_.ns}}));
    secret.set("data", Json::object({{"ca.crt", base::base64(identity.ca_certificate_pem)},
                                     {"ca.key", base::base64(identity.ca_key_pem)},
                                     {"boot.secret", base::base64(identity.boot_secret)}}));
    const auto made = client_.post(collection, secret);
    if (!made && made.error().code != Code::already_exists) return made.error().context("Secret ingot-identity");
  }
}

Result<void> Stock::connect(Identity& identity, const std::vector<std::string>& names, std::function<void()> lost) {
  TRY(client_.start());
  TRY(wait_for_server());
  // The namespace first, as an administrator would: everything else is in it or beside it.
  const auto there = client_.get("/api/v1/namespaces/" + options_.ns);
  if (!there && there.error().code != Code::not_found) return there.error();
  if (!there) {
    Json ns = Json::object({{"apiVersion", "v1"}, {"kind", "Namespace"}});
    ns.set("metadata", Json::object({{"name", options_.ns}}));
    const auto made = client_.post("/api/v1/namespaces", ns);
    if (!made && made.error().code != Code::already_exists) {
      return made.error()
          .context("namespace " + options_.ns)
          .with_fix("make it with `ingot rbac | kubectl apply -f -`, or name another one");
    }
  }
  TRY(share_identity(identity, names));
  TRY(prepare(identity));
  if (options_.leader_election) {
    remote::LeaderOptions lease;
    lease.ns = options_.ns;
    lease.identity = options_.process.empty() ? "ingot_" + sys_.random.uuid() : options_.process;
    // With limits of its own: what the controllers ask must not hold up a renewal.
    remote::Client renewals(sys_, options_.access, {.request_limit = base::seconds(5)});
    TRY(renewals.start());
    leader_ = std::make_shared<remote::Leader>(sys_, std::move(renewals), lease);
    TRY(leader_->acquire(std::move(lost)));
  }
  remote::MirrorOptions out;
  out.resources = followed(scheme_);
  out.reflector.watch_list = watch_list_;
  if (leader_) out.may_act = [leader = leader_] { return leader->held(); };
  mirror_ = std::make_unique<remote::Mirror>(sys_, client_, scheme_, std::move(out));
  return {};
}

std::unique_ptr<store::Engine> Stock::engine() { return mirror_->engine(); }
Result<void> Stock::follow() { return mirror_->start(list_limit); }
Result<bool> Stock::is_current(const store::Ref& entry) { return mirror_->is_current(entry); }
Result<void> Stock::may_act() const { return leader_ ? leader_->held() : Result<void>(); }

void Stock::stop() {
  if (mirror_) mirror_->stop();
  if (webhooks_) webhooks_->stop();
}

void Stock::release() {
  if (leader_) leader_->release();
}

std::string Stock::server() const { return client_.access().server.text(); }

}  // namespace cli
