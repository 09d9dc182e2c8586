#include "agent/linux/linux_hardware.h"

#include "agent/linux/erase.h"
#include "agent/linux/kexec.h"
#include "base/log.h"
#include "base/text.h"
#include "fetch/off_loop.h"
#include "sys/fiber.h"

namespace agent {

using base::Result;

namespace {
constexpr uint16_t lldp_ethertype = 0x88cc;
constexpr size_t lldp_values_max = 64;
constexpr size_t ethernet_header_bytes = 14;
constexpr base::Duration end_delay = base::seconds(2);  // the manager gets the answer to its command first
}  // namespace

Json lldp_values(std::string_view frame) {
  Json::Array out;
  frame.remove_prefix(std::min(frame.size(), ethernet_header_bytes));
  while (frame.size() >= 2 && out.size() < lldp_values_max) {
    const unsigned head = static_cast<unsigned char>(frame[0]) << 8 | static_cast<unsigned char>(frame[1]);
    const unsigned type = head >> 9;
    const size_t length = head & 0x1ff;
    if (type == 0 || frame.size() < 2 + length) break;
    out.push_back(Json::Array{Json(int64_t{type}), Json(base::hex(frame.substr(2, length)))});
    frame.remove_prefix(2 + length);
  }
  return out;
}

LinuxHardware::LinuxHardware(sys::Sys& sys, sys::Machine& machine, Booted booted, const LogRing& said)
    : sys_(sys),
      machine_(machine),
      sysfs_(sys.disk, machine),
      booted_(std::move(booted)),
      said_(said),
      variables_(sys.disk, machine) {}

void LinuxHardware::listen_to(const LinuxNic& nic) {
  auto frames = machine_.open_frames(nic.name, lldp_ethertype);
  if (!frames) return;
  for (;;) {
    const auto frame = (*frames)->receive(sys::no_limit);
    if (!frame) return;
    neighbours_[nic.name] = lldp_values(frame->bytes);
  }
}

void LinuxHardware::watch_neighbours() {
  for (const auto& nic : sysfs_.nics()) {
    sys::spawn(sys_.loop, "lldp " + nic.name, [this, nic] { listen_to(nic); });
  }
}

Json LinuxHardware::inventory() {
  Json::Array interfaces;
  for (const auto& nic : sysfs_.nics()) {
    const bool ours = nic.name == booted_.network.interface;
    const bool six = booted_.network.address.find(':') != std::string::npos;
    Json one = Json::object({{"name", nic.name}, {"mac_address", nic.mac}});
    one.set("ipv4_address", ours && !six ? Json(booted_.network.address) : Json());
    one.set("ipv6_address", ours && six ? Json(booted_.network.address) : Json());
    one.set("has_carrier", nic.carrier);
    const auto heard = neighbours_.find(nic.name);
    one.set("lldp", heard == neighbours_.end() ? Json::array() : heard->second);
    one.set("vendor", nic.vendor).set("product", nic.product).set("client_id", Json()).set("biosdevname", Json());
    one.set("speed_mbps", nic.speed_mbps).set("pci_address", nic.pci_address).set("driver", nic.driver);
    interfaces.push_back(std::move(one));
  }
  Json out = Json::object({{"interfaces", std::move(interfaces)}, {"cpu", sysfs_.cpu()}});
  out.set("memory", sysfs_.memory()).set("system_vendor", sysfs_.system_vendor());
  if (!bmc_) bmc_ = read_bmc_lan(machine_);
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  out.set("bmc_address", or_null(bmc_->address)).set("bmc_v6address", or_null(bmc_->address6));
  out.set("bmc_mac", or_null(bmc_->mac));
  out.set("hostname", Json(""));
  Json boot = Json::object({{"current_boot_mode", sysfs_.is_uefi() ? "uefi" : "bios"}});
  const auto from = booted_.parameters.find("BOOTIF");
  out.set("boot", boot.set("pxe_interface", from == booted_.parameters.end() ? Json() : Json(from->second)));
  return out;
}

std::vector<std::pair<std::string, std::string>> LinuxHardware::logs() {
  auto kernel = machine_.kernel_log();
  return {{"agent", said_.text()}, {"kernel", kernel ? std::move(*kernel) : kernel.error().text() + "\n"}};
}

std::vector<std::string> LinuxHardware::macs() const {
  std::vector<std::string> out;
  for (const auto& nic : sysfs_.nics()) out.push_back(nic.mac);
  return out;
}

Result<std::unique_ptr<sys::File>> LinuxHardware::open_disk(const std::string& name) {
  auto device = TRY(machine_.open_block(name, false));
  return std::unique_ptr<sys::File>(std::move(device));
}

Result<Json> LinuxHardware::erase_device(const DiskIdentity& disk, const std::function<void(int)>& progress) {
  return erase_disk(sys_, machine_, disk, progress);
}

Result<Json> LinuxHardware::load_system(const std::string& disk) {
  // A worker's: a file system that hangs must not keep the agent from restarting the server.
  return fetch::off_loop<Json>(
      sys_, [&files = sys_.disk, &machine = machine_, disk] { return load_system_of(files, machine, disk); });
}

void LinuxHardware::end_soon(sys::MachineEnd how) {
  base::log::info(how == sys::MachineEnd::reboot   ? "rebooting"
                  : how == sys::MachineEnd::kernel ? "starting the loaded kernel"
                                                   : "powering off");
  sys_.loop.after(end_delay, [this, how] { machine_.end(how); });
}

}  // namespace agent
