// The simplest machine behind a BMC: every action takes effect at once and a "boot" only records what it would have
// used. For tests of the fronts and for trying foreign clients against them; the rack has the real model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/bmc/server_controls.h"

namespace sim {

class InstantServer : public ServerControls {
 public:
  explicit InstantServer(std::string name = "server-1");

  const ServerIdentity& identity() const override { return identity_; }
  const std::vector<BmcAccount>& accounts() const override { return accounts_; }
  bool powered_on() const override { return on_; }
  base::Result<void> power(ServerPowerAction action) override;
  BootOverride boot_override() const override { return override_; }
  void set_boot_override(const BootOverride& setting) override { override_ = setting; }
  bool has_virtual_media() const override { return true; }
  VirtualMedia media() const override { return media_; }
  base::Result<void> insert_media(const std::string& url, bool write_protected) override;
  void eject_media() override { media_ = {}; }

  RaidController* raid() override { return raid_.get(); }
  SerialPort* serial() override { return &serial_; }
  SecureBoot secure_boot() const override { return secure_boot_; }
  void set_secure_boot(bool enabled) override { secure_boot_.enabled = enabled; }
  RaidController& add_raid(sys::Loop& loop, size_t drives);

  SerialPort serial_;
  SecureBoot secure_boot_{.supported = true};
  bool keeps_secure_boot_off_ = false;  // whatever it is told
  ServerIdentity identity_;
  std::vector<BmcAccount> accounts_;
  std::vector<BootOverride> boots_;  // one per power-on or restart, what was in force
  std::vector<ServerPowerAction> actions_;

 private:
  bool on_ = false;
  BootOverride override_;
  VirtualMedia media_;
  std::unique_ptr<RaidController> raid_;
};

}  // namespace sim
