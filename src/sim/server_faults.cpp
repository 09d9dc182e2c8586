// What goes wrong with a server on purpose.
#include "base/text.h"
#include "sim/body.h"
#include "sim/server.h"

namespace sim {

using base::Result;

void Server::restart_bmc() {
  log("BMC restarted");
  const auto restarted = [this]() -> Result<void> {
    if (redfish_) {
      redfish_->restart_losing_sessions();
      return redfish_->start();
    }
    if (!ipmi_) return {};
    ipmi_->restart_losing_sessions();
    return ipmi_->start();
  }();
  if (!restarted) log("BMC does not start", restarted.error().text());
}

BootOverride Server::take_boot_override() {
  if (forgets_boots_ > 0) {
    --forgets_boots_;
    log("BMC forgets the boot override");
    override_ = {};
  }
  return take_for_boot(override_);
}

void Server::crash_bmc(base::Duration outage) {
  log("BMC crashed");
  override_ = {};
  media_ = {};
  if (redfish_) redfish_->stop();
  if (ipmi_) ipmi_->stop();
  site_.sys.loop.cancel(bmc_back_);
  bmc_back_ = site_.sys.loop.after(site_.pace.scaled(outage), [this] {
    bmc_back_ = 0;
    log("BMC is back");
    redfish_.reset();
    ipmi_.reset();
    if (auto started = start_bmc(); !started) log("BMC does not start", started.error().text());
  });
}

void Server::cut_power(base::Duration outage, WhenBack when_back) {
  const bool goes_on = when_back == WhenBack::as_before && body_ != nullptr;
  site_.sys.loop.cancel(pending_);
  site_.sys.loop.cancel(bmc_back_);
  pending_ = bmc_back_ = 0;
  log("power cut");
  turn_off("power cut");
  if (redfish_) redfish_->stop();
  if (ipmi_) ipmi_->stop();
  if (outage == base::Duration::zero()) return;
  later(site_.pace.scaled(outage), [this, goes_on] {
    log("power is back");
    redfish_.reset();
    ipmi_.reset();
    if (auto started = start_bmc(); !started) log("BMC does not start", started.error().text());
    if (goes_on) turn_on();
  });
}

void Server::hang() {
  if (!body_) return;
  log("software hangs");
  body_->hang();
}

void Server::break_disk(const std::string& device, bool broken) {
  log(broken ? "disk broken" : "disk repaired", device);
  if (broken) {
    broken_disks_.insert(device);
  } else {
    broken_disks_.erase(device);
  }
}

Result<void> Server::exchange_disk(const std::string& device, const std::string& serial) {
  for (auto& disk : spec_.disks) {
    if (disk.name != device) continue;
    log("disk exchanged", device + " " + disk.serial + " for " + serial);
    disk.serial = serial;
    disk.wwn = disk.wwn_with_extension = "0x5" + base::lower(serial);
    exchanged_disks_.insert(serial);
    return {};
  }
  return base::not_found("there is no disk " + device);
}

}  // namespace sim
