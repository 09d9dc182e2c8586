// The one ComputerSystem behind a BMC address: finding it, its power and its boot override.
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

PowerState power_state_of(const base::Json& system);

class RedfishSystem {
 public:
  // `path` empty: the only System of the service.
  RedfishSystem(RedfishClient& client, std::string path);

  base::Result<std::string> path();
  base::Result<base::Json> read();  // also looks who made this BMC
  base::Result<PowerState> power();
  base::Result<void> set_power(PowerAction action);
  base::Result<void> set_boot(BootDevice device, bool persistent, bool uefi, const std::string& http_boot_uri);

 private:
  struct WantedBoot {
    BootDevice device;
    bool persistent, uefi;
    std::string http_boot_uri;
    base::Time when;
  };
  base::Result<void> identify(const base::Json& system);
  base::Result<std::vector<std::string>> reset_types(const base::Json& action);
  base::Result<void> reset(const base::Json& system, PowerAction action);
  base::Result<void> restore_boot(const base::Json& system);
  base::Result<std::string> boot_target(const base::Json& boot, const base::Json& settings, BootDevice device) const;
  base::Result<base::Json> boot_change(const base::Json& present, const base::Json& settings, const WantedBoot& wanted);
  base::Result<void> change_boot(const base::Json& system, const WantedBoot& wanted);
  base::Result<bool> change_boot_settings(const base::Json& system, const base::Json& settings, base::Json& boot);
  base::Result<RedfishReply> patch_boot(const std::string& where, base::Json boot);
  base::Result<base::Json> settings_with_boot(const base::Json& system);

  RedfishClient& client_;
  std::string wanted_path_, path_;
  bool identified_ = false;
  std::optional<WantedBoot> boot_;  // what the next boot should use, until a power action uses it up
};

}  // namespace metal
