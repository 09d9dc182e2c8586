#include "metal/bmc/redfish_secure_boot.h"

namespace metal {
namespace {

base::Result<std::string> path_in(const base::Json& system, const RedfishClient& client) {
  auto path = link_of(system["SecureBoot"]);
  if (!path.empty()) return path;
  return base::Error{base::Code::unsupported, client.url(link_of(system)) + ": the BMC cannot switch Secure Boot",
                     base::Layer::bmc}
      .with_fix("switch it in the firmware's setup and set spec.bootMode to UEFI, or leave it off");
}

}  // namespace

base::Result<SecureBootState> RedfishSecureBoot::read(const base::Json& system) {
  const auto path = TRY(path_in(system, client_));
  const auto reply = TRY(client_.get(path));
  if (!reply.ok() && client_.quirks().shown(Quirk::licence_needed, BmcStep::secure_boot, reply))
    return SecureBootState::unknown;
  if (!reply.ok()) return client_.error_of("GET", path, reply);
  const base::Json& enable = reply.body["SecureBootEnable"];
  if (!enable.is_bool()) return SecureBootState::unknown;
  // Optional: whoever leaves it out tells nothing of the present boot, and the setting has to do.
  const auto& present = reply.body["SecureBootCurrentBoot"].string();
  if (enable.boolean()) return present == "Disabled" ? SecureBootState::coming : SecureBootState::on;
  return present == "Enabled" ? SecureBootState::ending : SecureBootState::off;
}

base::Result<void> RedfishSecureBoot::set(const base::Json& system, bool enabled) {
  const auto path = TRY(path_in(system, client_));
  const auto reply = TRY(client_.patch_to_end(path, base::Json::object({{"SecureBootEnable", enabled}})));
  if (!reply.ok()) return client_.error_of("PATCH", path, reply);
  return {};
}

}  // namespace metal
