// The machine under the agent when it is a real one: sysfs, block devices, the kernel's power switch.
#pragma once

#include "agent/linux/bmc_address.h"
#include "agent/linux/firmware_variables.h"
#include "agent/linux/log_ring.h"
#include "agent/linux/ramdisk.h"

namespace agent {

class LinuxHardware : public Hardware {
 public:
  // `said`: the agent's own log, which outlives this.
  LinuxHardware(sys::Sys& sys, sys::Machine& machine, Booted booted, const LogRing& said);
  void watch_neighbours();  // collects LLDP from now on, in fibers

  const std::map<std::string, std::string>& boot_parameters() const override { return booted_.parameters; }
  std::string medium_ca_pem() const override { return booted_.ca_pem; }
  std::string boot_server() const override { return ""; }  // the boot parameters name the CA's URL
  std::string image_roots_pem() const override { return ""; }
  Json inventory() override;
  std::vector<DiskIdentity> disks() override { return sysfs_.disks(); }
  Result<std::unique_ptr<sys::File>> open_disk(const std::string& name) override;
  fetch::DiskAccess disk_access() const override { return fetch::fast_disk; }
  Result<Json> erase_device(const DiskIdentity& disk, const std::function<void(int)>& progress) override;
  std::vector<std::pair<std::string, std::string>> logs() override;
  FirmwareVariables* firmware_variables() override { return variables_.there() ? &variables_ : nullptr; }
  std::string address() const override { return booted_.network.address; }
  std::vector<std::string> macs() const override;
  void reboot_into_disk() override { end_soon(sys::MachineEnd::reboot); }
  Result<Json> load_system(const std::string& disk) override;
  void start_loaded_system() override { end_soon(sys::MachineEnd::kernel); }
  void power_off() override { end_soon(sys::MachineEnd::power_off); }

 private:
  void end_soon(sys::MachineEnd how);
  void listen_to(const LinuxNic& nic);

  sys::Sys& sys_;
  sys::Machine& machine_;
  Sysfs sysfs_;
  Booted booted_;
  const LogRing& said_;
  EfiVariables variables_;
  std::optional<BmcLan> bmc_;               // asked once: it takes its time
  std::map<std::string, Json> neighbours_;  // LLDP TLVs by interface: [[type, hex]...]
};

// The TLVs of one LLDP frame (IEEE 802.1AB) as [[type, hex]...], at most 64 with 511 bytes each; empty when broken.
Json lldp_values(std::string_view frame);

}  // namespace agent
