#include "registry/service_accounts.h"

#include "base/text.h"
#include "registry/metadata.h"

namespace registry {
namespace {

constexpr std::string_view namespaces = "namespaces", accounts = "serviceaccounts", config_maps = "configmaps",
                           secrets = "secrets";
constexpr std::string_view root_ca_map = "kube-root-ca.crt", default_account = "default";
constexpr const char* token_type = "kubernetes.io/service-account-token";
constexpr const char* account_name = "kubernetes.io/service-account.name";
constexpr const char* account_uid = "kubernetes.io/service-account.uid";

bool is_token(const Json& secret) { return secret["type"].string() == token_type; }

Json named(std::string_view ns, std::string_view name) {
  return Json::object({{"metadata", Json::object({{"name", name}, {"namespace", ns}})}});
}

}  // namespace

bool ServiceAccounts::serves(const meta::Scheme& scheme) {
  return scheme.by_resource(namespaces) && scheme.by_resource(accounts) && scheme.by_resource(config_maps) &&
         scheme.by_resource(secrets);
}

ServiceAccounts::ServiceAccounts(sys::Loop& loop, Registry& registry, ServiceAccountOptions options)
    : registry_(registry),
      options_(std::move(options)),
      queue_(loop, "serviceaccounts", [this](const store::Key& key) { return look_at(key); }) {
  auto& store = registry_.store();
  for (const auto& entry : store.list(namespaces)) queue_.add(entry->key);
  for (const auto& entry : store.list(secrets)) {
    if (is_token(entry->doc())) queue_.add(entry->key);
  }
  subscription_ = store.subscribe(false, [this](const store::Event& event) { changed(event); });
}

ServiceAccounts::~ServiceAccounts() { registry_.store().unsubscribe(subscription_); }

void ServiceAccounts::add_namespace(const std::string& ns) { queue_.add({std::string(namespaces), {}, ns}); }

void ServiceAccounts::add_secrets(const std::string& ns) {
  for (const auto& entry : registry_.store().list(secrets, ns)) {
    if (is_token(entry->doc())) queue_.add(entry->key);
  }
}

void ServiceAccounts::changed(const store::Event& event) {
  const auto& key = event.object->key;
  const bool gone = event.type == store::EventType::deleted;
  if (key.resource == namespaces && !gone) queue_.add(key);
  if (key.resource == secrets && !gone && is_token(event.object->doc())) queue_.add(key);
  if (key.resource == config_maps && key.name == root_ca_map) add_namespace(key.ns);
  if (key.resource != accounts) return;
  if (gone && key.name == default_account) add_namespace(key.ns);
  if (gone || event.type == store::EventType::added) add_secrets(key.ns);
}

Result<void> ServiceAccounts::look_at(const store::Key& key) {
  return key.resource == secrets ? look_at_secret(key) : look_at_namespace(key);
}

Result<void> ServiceAccounts::look_at_namespace(const store::Key& key) {
  const Ref ns = registry_.store().get(key);
  if (!ns || is_deleting(ns->doc())) return {};
  if (options_.default_accounts && !registry_.store().get(accounts, key.name, default_account)) {
    TRY(registry_.create(*registry_.scheme().by_resource(accounts), named(key.name, default_account)));
  }
  return options_.root_ca_pem.empty() ? Result<void>() : publish_root_ca(key.name);
}

Result<void> ServiceAccounts::publish_root_ca(const std::string& ns) {
  const Kind& kind = *registry_.scheme().by_resource(config_maps);
  const Json data = Json::object({{"ca.crt", options_.root_ca_pem}});
  const Ref current = registry_.store().get(config_maps, ns, root_ca_map);
  if (!current) {
    TRY(registry_.create(kind, named(ns, root_ca_map).set("data", data)));
    return {};
  }
  UpdateOptions options;
  options.internal = true;
  TRY(registry_.update(kind, Json(current->doc()).set("data", data), options));
  return {};
}

// A Secret whose account went goes too. One whose account is still to come waits.
Result<void> ServiceAccounts::look_at_secret(const store::Key& key) {
  const Ref secret = registry_.store().get(key);
  if (!secret || !options_.sign || is_deleting(secret->doc()) || !is_token(secret->doc())) return {};
  const Kind& kind = *registry_.scheme().by_resource(secrets);
  const auto& annotations = secret->doc()["metadata"]["annotations"];
  const std::string name = annotations[account_name].string(), uid = annotations[account_uid].string();
  const Ref account = registry_.store().get(accounts, key.ns, name);
  if (!account && uid.empty()) return {};
  if (!account || (!uid.empty() && uid != account->uid())) {
    DeleteOptions precise;
    precise.expect_uid = secret->uid();
    TRY(registry_.remove(kind, key.ns, key.name, precise));
    return {};
  }
  const auto& data = secret->doc()["data"];
  const auto& ca_pem = options_.token_ca_pem.empty() ? options_.root_ca_pem : options_.token_ca_pem;
  const std::string ca = base::base64(ca_pem), ns = base::base64(key.ns);
  const bool complete =
      !uid.empty() && data.has("token") && data["ca.crt"].string() == ca && data["namespace"].string() == ns;
  if (complete) return {};
  Json doc = secret->doc();
  doc.child("metadata").child("annotations").set(account_uid, account->uid());
  if (!data.has("token")) {
    const auto token = TRY(options_.sign(key.ns, name, account->uid(), key.name));
    doc.child("data").set("token", base::base64(token));
  }
  doc.child("data").set("ca.crt", ca).set("namespace", ns);
  UpdateOptions options;
  options.internal = true;
  TRY(registry_.update(kind, std::move(doc), options));
  return {};
}

}  // namespace registry
