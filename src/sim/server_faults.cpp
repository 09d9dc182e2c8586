// What goes wrong with a server on purpose.
#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "sim/body.h"
#include "sim/server.h"

namespace sim {

using base::Result;

void Server::stop_bmc() {
  if (redfish_) redfish_->restart_losing_sessions();
  if (ipmi_) ipmi_->restart_losing_sessions();
}

void Server::start_bmc_again() {
  const auto told = [this](const Result<void>& started) {
    if (!started) log("BMC does not start", started.error().text());
  };
  if (redfish_) told(redfish_->start());
  if (ipmi_) told(ipmi_->start());
}

void Server::restart_bmc() {
  log("BMC restarted");
  stop_bmc();
  start_bmc_again();
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
  stop_bmc();
  site_.sys.loop.cancel(bmc_back_);
  bmc_back_ = site_.sys.loop.after(site_.pace.scaled(outage), [this] {
    bmc_back_ = 0;
    log("BMC is back");
    start_bmc_again();
  });
}

void Server::cut_power(base::Duration outage, WhenBack when_back) {
  const bool goes_on = when_back == WhenBack::as_before && body_ != nullptr;
  site_.sys.loop.cancel(pending_);
  site_.sys.loop.cancel(bmc_back_);
  pending_ = bmc_back_ = 0;
  log("power cut");
  turn_off("power cut");
  stop_bmc();
  if (outage == base::Duration::zero()) return;
  later(site_.pace.scaled(outage), [this, goes_on] {
    log("power is back");
    start_bmc_again();
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
  const auto disk = std::find_if(spec_.disks.begin(), spec_.disks.end(), [&](auto& one) { return one.name == device; });
  if (disk == spec_.disks.end()) return base::not_found("there is no disk " + device);
  const auto back = removed_disks_.find(serial);
  const auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (back == removed_disks_.end() && (serial.empty() || !std::all_of(serial.begin(), serial.end(), plain))) {
    return base::invalid("a serial number consists of letters and digits");  // it is part of a file's name
  }
  log("disk exchanged", device + " " + disk->serial + " for " + serial);
  removed_disks_[disk->serial] = *disk;
  if (back != removed_disks_.end()) {
    *disk = back->second;
    return {};
  }
  disk->serial = serial;
  const bool nvme = disk->transport == "nvme";
  const std::string digest = base::hex(crypto::sha256(serial));
  disk->wwn = disk->wwn_with_extension = (nvme ? "eui." : "0x5") + digest.substr(0, nvme ? 16 : 15);
  exchanged_disks_.insert(serial);
  return {};
}

}  // namespace sim
