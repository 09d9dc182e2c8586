#include "control/host_access.h"

#include "api/bmc_address.h"
#include "base/text.h"

namespace control {

namespace state = api::host_state;

namespace {

std::string value_of(const base::Json& secret, std::string_view key) {
  const auto decoded = base::unbase64(secret["data"][key].string());
  return decoded ? std::string(base::trim(*decoded)) : std::string();
}

metal::Wait wait_for(std::string cause, std::string next) {
  return metal::Wait{base::Layer::controller, std::move(cause), std::move(next)};
}

std::optional<metal::Wait> hands_off(const api::BareMetalHost& host) {
  const std::string name = "BareMetalHost " + host.meta.name;
  const auto& at = host.status.provisioning.state;
  if (host.meta.deleting()) return wait_for(name + " is being deleted", "nothing");
  if (host.meta.has_annotation(api::host_annotation::paused)) {
    return wait_for(name + " is paused", "remove the annotation " + std::string(api::host_annotation::paused));
  }
  if (host.status.operational_status == "detached" || host.meta.has_annotation(api::host_annotation::detached)) {
    return wait_for(name + " is detached", "remove the annotation " + std::string(api::host_annotation::detached));
  }
  if (at == state::none || at == state::unmanaged || at == state::registering) {
    return wait_for(name + " is not registered", "see why: ingot why bmh/" + host.meta.name);
  }
  return std::nullopt;
}

}  // namespace

metal::HostAccess host_access(const api::BareMetalHost& host) {
  metal::HostAccess access;
  access.uid = host.meta.uid;
  access.ns = host.meta.ns;
  access.name = host.meta.name;
  access.bmc_address = host.spec.bmc.address;
  access.verify_certificate = !host.spec.bmc.disable_certificate_verification;
  access.boot_mac = base::lower(host.spec.boot_mac_address);
  access.uefi = host.spec.boot_mode != "legacy";
  access.secure_boot = host.spec.boot_mode == "UEFISecureBoot";
  const std::string& kexec = host.meta.annotation(api::host_annotation::kexec);
  if (kexec == "true" || kexec == "false") access.kexec = kexec == "true";
  access.power_off_allowed = !host.spec.disable_power_off;
  access.attempt = host.status.error_count;
  return access;
}

metal::BmcCredentials bmc_credentials_in(const base::Json& secret) {
  return {value_of(secret, "username"), value_of(secret, "password")};
}

SideAccess side_access(const runtime::Context& ctx, const api::BareMetalHost& host) {
  SideAccess out{host_access(host), hands_off(host)};
  if (out.wait) return out;
  const auto& name = host.spec.bmc.credentials_name;
  const base::Json secret = ctx.document("secrets", host.meta.ns, name);
  out.access.credentials = bmc_credentials_in(secret);
  out.access.credentials_version = host.meta.ns + "/" + name + "@" + secret.path("metadata.resourceVersion").string();
  if (out.access.credentials.user.empty() || out.access.credentials.password.empty()) {
    out.wait = wait_for("Secret " + host.meta.ns + "/" + name + " has no BMC credentials",
                        "create it with keys username and password");
  }
  return out;
}

bool speaks_redfish(const api::BareMetalHost& host) {
  const auto address = api::parse_bmc_address(host.spec.bmc.address);
  return address.ok() && address->protocol == api::BmcProtocol::redfish;
}

}  // namespace control
