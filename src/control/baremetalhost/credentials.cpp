// The Secret with the BMC's user name and password.
#include <algorithm>

#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "control/host_access.h"

namespace control::baremetalhost {

namespace {

constexpr std::string_view secret_label = "environment.metal3.io";
constexpr std::string_view secret_label_value = "baremetal";

// Marks the Secret as used by this host, so that it goes with the host and not before it.
Result<Json> claim(Scope& scope, const Json& secret) {
  api::ObjectMeta meta = TRY(meta::decode<api::ObjectMeta>(secret["metadata"]));
  const api::ObjectMeta before = meta;
  meta.labels[std::string(secret_label)] = secret_label_value;
  if (!meta.deleting()) meta.add_finalizer(secret_finalizer);
  if (!meta.owned_by(scope.host.meta.uid)) meta.set_owner(scope.ctx.owner_reference(scope.host, false));
  const Json change = base::merge_diff(meta::encode(before), meta::encode(meta));
  if (change.empty()) return secret;
  return scope.ctx.patch("secrets", meta.ns, meta.name, Json::object({{"metadata", change}}));
}

std::optional<Error> lacking(base::Code code, std::string message, std::string fix) {
  return Error{code, std::move(message), base::Layer::bmc, std::move(fix)};
}

}  // namespace

Result<std::optional<Error>> load_credentials(Scope& scope) {
  const auto& bmc = scope.host.spec.bmc;
  const std::string where = scope.host.meta.ns + "/" + bmc.credentials_name;
  if (bmc.address.empty()) {
    return lacking(base::Code::invalid, "spec.bmc.address is empty", "set the BMC's address");
  }
  if (bmc.credentials_name.empty()) {
    return lacking(base::Code::invalid, "spec.bmc.credentialsName is empty",
                   "name a Secret with username and password");
  }
  Json secret = scope.ctx.document("secrets", scope.host.meta.ns, bmc.credentials_name);
  if (secret.is_null()) {
    return lacking(base::Code::not_found, "credentials Secret " + where + " does not exist",
                   "create it with keys username and password");
  }
  secret = TRY(claim(scope, secret));
  scope.access.credentials = bmc_credentials_in(secret);
  if (scope.access.credentials.user.empty() || scope.access.credentials.password.empty()) {
    return lacking(base::Code::invalid, "credentials Secret " + where + " lacks username or password", "set both keys");
  }
  scope.access.credentials_version = where + "@" + secret.path("metadata.resourceVersion").string();
  api::HostCredentials tried{.credentials = {.name = bmc.credentials_name, .ns = scope.host.meta.ns},
                             .version = secret.path("metadata.resourceVersion").string()};
  if (!(scope.status.tried_credentials == tried)) {
    scope.retry_now = true;
    scope.status.tried_credentials = std::move(tried);
  }
  return std::optional<Error>();
}

Result<void> release_credentials(Scope& scope, const std::string& name) {
  if (name.empty()) return {};
  const Json secret = scope.ctx.document("secrets", scope.host.meta.ns, name);
  if (secret.is_null()) return {};
  api::ObjectMeta meta = TRY(meta::decode<api::ObjectMeta>(secret["metadata"]));
  if (!meta.has_finalizer(secret_finalizer)) return {};
  // Another host may use the same Secret; its claim stays then.
  for (const auto& other : scope.ctx.list<BareMetalHost>(scope.host.meta.ns)) {
    if (other->meta.uid != scope.host.meta.uid && other->spec.bmc.credentials_name == name) return {};
  }
  const api::ObjectMeta before = meta;
  meta.remove_finalizer(secret_finalizer);
  // The Secret that is used to the end goes with the host; one that was replaced is its owner's again.
  if (name != scope.host.spec.bmc.credentials_name) {
    std::erase_if(meta.owners, [&](const auto& owner) { return owner.uid == scope.host.meta.uid; });
  }
  const Json change = base::merge_diff(meta::encode(before), meta::encode(meta));
  auto patched = scope.ctx.patch("secrets", meta.ns, meta.name, Json::object({{"metadata", change}}));
  if (!patched && patched.error().code != base::Code::not_found) return std::move(patched).error();
  return {};
}

}  // namespace control::baremetalhost
