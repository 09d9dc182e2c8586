// The one ComputerSystem behind a BMC address: finding it, its power and its boot override.
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

PowerState power_state_of(const base::Json& system);
// Whether `vendor` is one of those whose BMCs revert boot settings unless target, enabled and mode come together.
bool wants_whole_boot_override(const base::Json& system);

class RedfishSystem {
 public:
  // `path` empty: the only System of the service.
  RedfishSystem(RedfishClient& client, std::string path);

  base::Result<std::string> path();
  base::Result<base::Json> read();
  base::Result<PowerState> power();
  base::Result<void> set_power(PowerAction action);
  base::Result<void> set_boot(BootDevice device, bool persistent, bool uefi, const std::string& http_boot_uri);

 private:
  base::Result<std::vector<std::string>> reset_types(const base::Json& action);
  base::Result<void> reset(const base::Json& system, PowerAction action);
  base::Result<std::string> boot_target(const base::Json& system, BootDevice device) const;
  base::Result<RedfishReply> patch_boot(const std::string& where, base::Json boot);
  base::Result<std::string> settings_with_boot(const base::Json& system);

  RedfishClient& client_;
  std::string wanted_path_, path_;
};

}  // namespace metal
