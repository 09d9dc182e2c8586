#include "sim/server.h"

#include <algorithm>

#include "agent/disk_layout.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "sim/boot.h"

namespace sim {

using base::Json;
using base::Result;

namespace {
uint64_t seed_for(uint64_t seed, size_t index) {
  return (seed + 1) * 0x9e3779b97f4a7c15u + index * 0x2545f4914f6cdd1du;
}

constexpr uint16_t ipmi_port = 623;
constexpr const char* raid_model = "Ingot RAID";

std::string_view name_of(BootTarget target) {
  switch (target) {
    case BootTarget::none:
      return "none";
    case BootTarget::pxe:
      return "pxe";
    case BootTarget::disk:
      return "disk";
    case BootTarget::cd:
      return "cd";
    case BootTarget::usb:
      return "usb";
    case BootTarget::uefi_http:
      return "uefi-http";
    case BootTarget::bios_setup:
      return "bios-setup";
    case BootTarget::diagnostics:
      return "diagnostics";
  }
  return "none";
}
}  // namespace

Json ServerCounters::document() const {
  Json out = Json::object({{"powerOns", power_ons}, {"powerOffs", power_offs}, {"resets", resets}, {"kexecs", kexecs}});
  out.set("agentBoots", agent_boots).set("diskBoots", disk_boots).set("failedBoots", failed_boots);
  out.set("nodesStarted", nodes_started).set("imageWritesStarted", disks.image_writes_started);
  out.set("imageWrites", disks.image_writes).set("metadataWipes", disks.metadata_wipes);
  return out.set("fullErases", disks.full_erases);
}

Server::Server(Site& site, ServerSpec spec)
    : site_(site),
      spec_(std::move(spec)),
      accounts_({spec_.account}),
      random_(seed_for(site.seed, spec_.index)),
      raid_(site.sys.loop) {
  raid_.job_takes = site.pace.scaled(raid_.job_takes);
  for (int i = 0; i < 4; ++i) {
    const std::string digit = std::to_string(i);
    raid_.drives.push_back({.id = "Disk." + digit, .serial = "R" + spec_.identity.serial + digit});
  }
  raid_.on_change = [this](const RaidVolume& volume, bool made) {
    log(made ? "RAID volume made" : "RAID volume deleted", volume.name);
    // A volume of the same place shows nothing of what was there before.
    if (!made) (void)site_.sys.disk.remove(disk_path("/dev/" + volume.id));
  };
}

Server::~Server() { stop(); }

Result<void> Server::start() { return start_bmc(); }

Result<void> Server::start_bmc() {
  const sys::Address at{spec_.bmc.host, spec_.bmc.port};
  const bool by_ipmi = spec_.bmc.protocol == metal::BmcProtocol::ipmi;
  IpmiFrontOptions ipmi;
  ipmi.listen = by_ipmi ? at : sys::Address{at.host, ipmi_port};
  ipmi.profile = site_.bmc_profile;
  // Not below what keeps a console alive.
  ipmi.session_idle_limit = std::max<base::Duration>(site_.pace.scaled(ipmi.session_idle_limit), base::seconds(25));
  ipmi_ = std::make_unique<IpmiFront>(site_.sys, site_.sys.net, *this, ipmi);
  auto listening = ipmi_->start();
  if (by_ipmi) return listening;
  if (!listening) ipmi_.reset();  // beside Redfish it only carries the console
  RedfishFrontOptions options;
  options.listen = at;
  if (!site_.bmc_profile.name.empty()) options.profile = site_.bmc_profile;
  options.tls = spec_.bmc.tls;
  if (const auto slash = spec_.bmc.system_path.rfind('/'); slash != std::string::npos) {
    options.system_id = spec_.bmc.system_path.substr(slash + 1);
  }
  redfish_ = std::make_unique<RedfishFront>(site_.sys, site_.sys.net, *this, options);
  return redfish_->start();
}

void Server::stop() {
  site_.sys.loop.cancel(pending_);
  site_.sys.loop.cancel(bmc_back_);
  pending_ = bmc_back_ = 0;
  body_.reset();
  if (redfish_) redfish_->stop();
  if (ipmi_) ipmi_->stop();
}

BmcFaults& Server::bmc_faults() {
  if (redfish_) return redfish_->faults();
  if (ipmi_) return ipmi_->faults();
  return no_faults_;
}

base::Duration Server::takes(const Range& range) {
  const base::Duration span = site_.pace.pick(range, random_);
  work_.add(site_.sys.loop.now(), span);
  return span;
}

std::string Server::state() const { return body_ ? body_->state() : "off"; }
std::string Server::node_name() const { return body_ ? body_->node_name() : ""; }

std::vector<agent::DiskIdentity> Server::disks() {
  auto all = spec_.disks;
  char letter = 'b';
  for (const auto& volume : raid_.volumes()) {
    agent::DiskIdentity disk;
    disk.name = std::string("/dev/sd") + letter;
    disk.model = raid_model;
    disk.vendor = "INGOT";
    disk.serial = volume.id;
    disk.wwn = disk.wwn_with_extension = "0x6" + base::hex(crypto::sha256(spec_.name + volume.id)).substr(0, 15);
    disk.hctl = std::string("0:2:") + std::to_string(letter - 'b') + ":0";
    disk.by_path = "/dev/disk/by-path/pci-0000:02:00.0-scsi-" + disk.hctl;
    disk.transport = "sas";
    disk.bytes = volume.bytes;
    all.push_back(std::move(disk));
    ++letter;
  }
  return all;
}

Result<std::unique_ptr<sys::File>> Server::open_disk(const std::string& device) {
  for (const auto& disk : disks()) {
    if (disk.name != device) continue;
    // A RAID volume is kept by its own name: the kernel's may be another one's after the next change.
    const std::string path = disk_path(disk.model == raid_model ? "/dev/" + disk.serial : device);
    TRY(site_.sys.disk.make_directories(path.substr(0, path.rfind('/'))));
    auto file = TRY(site_.sys.disk.open(path, true));
    if (file->size() != disk.bytes) TRY(file->resize(disk.bytes));
    return file;
  }
  return base::not_found("there is no disk " + device);
}

void Server::later(base::Duration delay, std::function<void()> fn) {
  site_.sys.loop.cancel(pending_);
  pending_ = site_.sys.loop.after(delay, [this, fn = std::move(fn)] {
    pending_ = 0;
    fn();
  });
}

std::string Server::disk_path(const std::string& device) const {
  const auto& disks = spec_.disks;
  const auto disk = std::find_if(disks.begin(), disks.end(), [&](const auto& one) { return one.name == device; });
  const bool exchanged = disk != disks.end() && exchanged_disks_.count(disk->serial) > 0;
  return site_.disk_directory + "/" + spec_.name + device.substr(device.rfind('/')) +
         (exchanged ? "-" + disk->serial : "") + ".disk";
}

std::unique_ptr<Body> Server::make_body() {
  if (site_.make_body) return site_.make_body(*this);
  return std::make_unique<Boot>(*this);
}

void Server::turn_on() {
  if (body_) return;
  ++counters_.power_ons;
  log("power on");
  secure_boot_.in_force = secure_boot_.enabled;
  body_ = make_body();
  body_->start();
  if (redfish_) redfish_->power_changed();
}

void Server::turn_off(std::string_view why) {
  if (!body_) return;
  ++counters_.power_offs;
  log("power off", why);
  body_.reset();
  work_.cut(site_.sys.loop.now());
  if (redfish_) redfish_->power_changed();
}

void Server::reset(std::string_view why) {
  if (!body_) return;
  ++counters_.resets;
  log("reset", why);
  body_.reset();
  work_.cut(site_.sys.loop.now());
  secure_boot_.in_force = secure_boot_.enabled;
  raid_.booted();
  body_ = make_body();
  body_->start();
}

void Server::reset_soon(base::Duration delay) {
  work_.add(site_.sys.loop.now(), delay);
  later(delay, [this] { reset("by its software"); });
}
void Server::kexec_soon(base::Duration delay) {
  work_.add(site_.sys.loop.now(), delay);
  later(delay, [this] {
    if (!body_) return;
    ++counters_.kexecs;
    log("its own kernel takes over");
    work_.cut(site_.sys.loop.now());
    body_.reset();
    auto boot = std::make_unique<Boot>(*this);
    boot->skip_firmware();
    body_ = std::move(boot);
    body_->start();
  });
}
void Server::power_off_soon(base::Duration delay) {
  work_.add(site_.sys.loop.now(), delay);
  later(delay, [this] { turn_off("by its software"); });
}

Result<void> Server::power(ServerPowerAction action) {
  const Durations& durations = site_.durations;
  switch (action) {
    case ServerPowerAction::on:
      if (!body_) later(takes(durations.power_on), [this] { turn_on(); });
      return {};
    case ServerPowerAction::force_off:
      if (body_) {
        later(takes(durations.power_off), [this] { turn_off("by its BMC"); });
      } else {
        later(base::Duration::zero(), [] {});  // a power-on under way is dropped
      }
      return {};
    case ServerPowerAction::graceful_shutdown:
      // Firmware has no operating system to ask.
      if (!body_ || !body_->runs_software() || body_->press_power_button()) return {};
      later(takes(durations.shutdown), [this] { turn_off("shut down"); });
      return {};
    case ServerPowerAction::nmi:
      return body_ ? Result<void>() : base::conflict("the server is powered off");
    case ServerPowerAction::force_restart:
    case ServerPowerAction::graceful_restart:
      if (!body_) return base::conflict("the server is powered off");
      later(takes(durations.power_off), [this] { reset("by its BMC"); });
      return {};
    case ServerPowerAction::power_cycle:
      if (!body_) return base::conflict("the server is powered off");
      later(takes(durations.power_off), [this] {
        turn_off("by its BMC, cycling");
        later(takes(site_.durations.power_on), [this] { turn_on(); });
      });
      return {};
  }
  return {};
}

void Server::set_boot_override(const BootOverride& setting) {
  override_ = setting;
  const char* when = setting.enabled == BootEnabled::disabled ? "off"
                     : setting.enabled == BootEnabled::once   ? "once"
                                                              : "always";
  log("boot override", std::string(name_of(setting.target)) + " " + when);
}

Result<void> Server::insert_media(const std::string& url, bool write_protected) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return base::invalid("virtual media must be an http or https URL");
  }
  media_ = {url, true, write_protected};
  log("virtual media inserted");
  return {};
}

void Server::set_secure_boot(bool enabled) {
  secure_boot_.enabled = enabled;
  log("Secure Boot", enabled ? "on from the next boot" : "off from the next boot");
}

void Server::eject_media() {
  if (media_.inserted) log("virtual media ejected");
  media_ = {};
}

void Server::stop_kubelet() {
  if (body_) body_->set_kubelet(false);
}
void Server::start_kubelet() {
  if (body_) body_->set_kubelet(true);
}

}  // namespace sim
