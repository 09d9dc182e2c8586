// One simulated server: power, boot settings, disks and counters. It is what its BMC controls (ServerControls); what
// runs while it is on is a Body. All methods run on the rack's loop, outside the fibers of the Body.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "sim/bmc/ipmi_front.h"
#include "sim/bmc/redfish_front.h"
#include "sim/inventory.h"
#include "sim/paced_file.h"
#include "sim/site.h"
#include "sim/work_time.h"

namespace sim {

class Body;

struct ServerCounters {
  uint64_t power_ons = 0, power_offs = 0, resets = 0, kexecs = 0;
  uint64_t agent_boots = 0, disk_boots = 0, live_boots = 0, failed_boots = 0;
  uint64_t nodes_started = 0;  // kubeadm runs that succeeded: how often the server became a node
  DiskCounters disks;
  base::Json document() const;
};

class Server : public ServerControls {
 public:
  Server(Site& site, ServerSpec spec);
  ~Server() override;

  base::Result<void> start();  // AC power: the BMC answers, the server stays off
  void stop();                 // the rack ends

  // For people and tests.
  const ServerSpec& spec() const { return spec_; }
  const ServerCounters& counters() const { return counters_; }
  ServerCounters& counters() { return counters_; }
  std::string state() const;      // "off", "POST", "agent: write_image 42 %", "node dev-cp-x7k2p ready"
  std::string node_name() const;  // "" while it is no node
  const WorkTime& work_time() const { return work_; }
  BmcFaults& bmc_faults();
  void stop_kubelet();   // until the next boot, or start_kubelet
  void start_kubelet();  // no effect while no node runs
  // AC power is lost: server and BMC are gone at once. It comes back after `outage` with the server off, or on when its
  // firmware is set to go on as before; zero: never.
  enum class WhenBack : unsigned char { off, as_before };
  void cut_power(base::Duration outage, WhenBack when_back = WhenBack::off);
  void restart_bmc();  // sessions are lost
  // The BMC restarts by itself: it is away for so long, and forgets sessions, boot override and virtual media.
  void crash_bmc(base::Duration outage);
  void forget_boots(int count) { forgets_boots_ = count; }  // so many next starts find no boot override
  void hang();                                              // what runs on it does nothing any more, with the power on
  void refuse_kexec(bool refused) { refuses_kexec_ = refused; }
  bool refuses_kexec() const { return refuses_kexec_; }
  void break_disk(const std::string& device, bool broken);  // it takes no writes
  // Another disk takes the place of the one that has this device name: one that was taken out before, or an empty one.
  // Servers see it when they start. Errors: not_found (no such device), invalid (serial numbers are letters and
  // digits).
  base::Result<void> exchange_disk(const std::string& device, const std::string& serial);
  const std::set<std::string>& broken_disks() const { return broken_disks_; }

  // For the Body.
  Site& site() { return site_; }
  sys::Random& random() { return random_; }
  // How long this takes now, at the site's pace; counted as work of the server.
  base::Duration takes(const Range& range);
  WorkTime& work_time() { return work_; }
  BootOverride take_boot_override();
  base::Result<std::unique_ptr<sys::File>> open_disk(const std::string& device);  // raw, without pace
  std::string disk_path(const std::string& device) const;
  std::vector<agent::DiskIdentity> disks();  // those of the spec, then the RAID volumes
  void log(std::string_view what, std::string_view detail = {}) { site_.log.add(spec_.name, what, detail); }
  // What software on the server asks of it; takes effect outside the asking fiber.
  void reset_soon(base::Duration delay);
  void kexec_soon(base::Duration delay);  // the disk's kernel takes over: no POST, no boot order
  void power_off_soon(base::Duration delay);

  // ServerControls
  const ServerIdentity& identity() const override { return spec_.identity; }
  const std::vector<BmcAccount>& accounts() const override { return accounts_; }
  bool powered_on() const override { return body_ != nullptr; }
  base::Result<void> power(ServerPowerAction action) override;
  BootOverride boot_override() const override { return override_; }
  void set_boot_override(const BootOverride& setting) override;
  bool has_virtual_media() const override { return spec_.bmc.protocol == metal::BmcProtocol::redfish; }
  VirtualMedia media() const override { return media_; }
  base::Result<void> insert_media(const std::string& url, bool write_protected) override;
  void eject_media() override;
  RaidController* raid() override { return &raid_; }
  SerialPort* serial() override { return &serial_; }
  SecureBoot secure_boot() const override { return secure_boot_; }
  void set_secure_boot(bool enabled) override;

 private:
  std::unique_ptr<Body> make_body();
  void turn_on();
  void turn_off(std::string_view why);
  void reset(std::string_view why);
  // Replaces what was about to happen to the power.
  void later(base::Duration delay, std::function<void()> fn);
  base::Result<void> start_bmc();
  void stop_bmc();
  void start_bmc_again();  // it keeps what a BMC keeps: settings and firmware of the server

  Site& site_;
  ServerSpec spec_;
  std::vector<BmcAccount> accounts_;
  SeededRandom random_;
  ServerCounters counters_;
  WorkTime work_;
  BootOverride override_;
  int forgets_boots_ = 0;
  bool refuses_kexec_ = false;
  VirtualMedia media_;
  RaidController raid_;
  SecureBoot secure_boot_{.supported = true};
  std::unique_ptr<Body> body_;  // exists while powered on
  sys::TimerId pending_ = 0, bmc_back_ = 0;
  std::set<std::string> broken_disks_;                        // device names
  std::set<std::string> exchanged_disks_;                     // serial numbers
  std::map<std::string, agent::DiskIdentity> removed_disks_;  // by serial number
  SerialPort serial_;
  std::unique_ptr<RedfishFront> redfish_;
  std::unique_ptr<IpmiFront> ipmi_;
  BmcFaults no_faults_;
};

}  // namespace sim
