#include "agent/linux/sysfs.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace agent {

namespace {

bool has_prefix(const std::string& name, std::initializer_list<const char*> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) { return name.starts_with(prefix); });
}

// SCSI vital product data page 80h (SPC-4 7.8.15): four bytes of header, then the serial number.
std::string vpd_serial(const std::string& page) {
  if (page.size() <= 4) return "";
  std::string out(base::trim(std::string_view(page).substr(4)));
  std::erase_if(out, [](char c) { return c < ' ' || c > '~'; });
  return std::string(base::trim(out));
}

// The kernel's "naa.5000c500a1b2c3d4" as lsblk shows it: 0x5000c500a1b2c3d4. The first 16 digits are the wwn, the rest
// is the vendor's extension.
void set_wwn(DiskIdentity& disk, const std::string& wwid) {
  std::string value;
  if (wwid.starts_with("naa.")) {
    value = "0x" + wwid.substr(4);
  } else if (wwid.starts_with("eui.") || wwid.starts_with("nvme.") || wwid.starts_with("uuid.")) {
    value = wwid;
  } else {
    return;  // t10 and the like are texts of the vendor's, not world-wide names
  }
  disk.wwn_with_extension = value;
  disk.wwn = value.starts_with("0x") ? value.substr(0, 18) : value;
}

bool is_pci_address(std::string_view part) {
  return part.size() == 12 && part[4] == ':' && part[7] == ':' && part[10] == '.';
}

// First value of "key : value" lines.
std::string value_of(const std::string& text, std::string_view key) {
  for (const auto line : base::split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && base::trim(line.substr(0, colon)) == key) {
      return std::string(base::trim(line.substr(colon + 1)));
    }
  }
  return "";
}

}  // namespace

std::string by_path_of(const std::string& device_path) {
  std::string pci, out;
  const auto parts = base::split(device_path, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    if (is_pci_address(part)) pci = part;
    if (part == "nvme" && i + 2 < parts.size()) {
      const std::string_view space = parts.back();  // nvme0n1
      const size_t n = space.rfind('n');
      out = "-nvme-" + std::string(n == std::string_view::npos ? "1" : space.substr(n + 1));
    } else if (part.starts_with("ata") && part.size() > 3 && base::parse_uint(part.substr(3))) {
      out = "-ata-" + std::string(part.substr(3));
    } else if (out.empty() && std::count(part.begin(), part.end(), ':') == 3) {
      out = "-scsi-" + std::string(part);
    }
  }
  return pci.empty() ? "" : "pci-" + pci + out;
}

Sysfs::Sysfs(sys::Disk& disk, sys::Machine& machine, std::string root)
    : disk_(disk), machine_(machine), root_(std::move(root)) {}

std::string Sysfs::text(const std::string& path) const {
  const auto read = disk_.read(root_ + path, 1u << 20);
  return read ? std::string(base::trim(*read)) : std::string();
}

std::string Sysfs::link(const std::string& path) const { return machine_.link_target(root_ + path).value_or(""); }

std::vector<std::string> Sysfs::names(const std::string& path) const {
  auto listed = disk_.list(root_ + path);
  return listed ? std::move(*listed) : std::vector<std::string>();
}

DiskIdentity Sysfs::disk(const std::string& name) const {
  const std::string folder = "/sys/block/" + name;
  const std::string place = link(folder);
  DiskIdentity out;
  out.name = "/dev/" + base::replace_all(name, "!", "/");
  out.bytes = base::parse_uint(text(folder + "/size")).value_or(0) * 512;
  out.rotational = text(folder + "/queue/rotational") == "1";
  out.removable = text(folder + "/removable") == "1";
  out.read_only = text(folder + "/ro") == "1";
  out.logical_sector = base::parse_int(text(folder + "/queue/logical_block_size")).value_or(512);
  out.physical_sector = base::parse_int(text(folder + "/queue/physical_block_size")).value_or(out.logical_sector);
  out.model = text(folder + "/device/model");
  out.vendor = text(folder + "/device/vendor");
  out.serial = text(folder + "/device/serial");                   // NVMe
  if (out.serial.empty()) out.serial = text(folder + "/serial");  // virtio
  if (out.serial.empty()) {
    const auto page = disk_.read(root_ + folder + "/device/vpd_pg80", 4096);
    if (page) out.serial = vpd_serial(*page);
  }
  std::string wwid = text(folder + "/wwid");
  if (wwid.empty()) wwid = text(folder + "/device/wwid");
  set_wwn(out, wwid);
  const std::string device = link(folder + "/device");
  const std::string hctl = device.substr(device.rfind('/') + 1);
  if (std::count(hctl.begin(), hctl.end(), ':') == 3) out.hctl = hctl;
  const std::string by_path = by_path_of(place);
  if (!by_path.empty()) out.by_path = "/dev/disk/by-path/" + by_path;
  if (name.starts_with("nvme")) {
    out.transport = "nvme";
  } else if (place.find("/ata") != std::string::npos) {
    out.transport = "sata";
  } else if (place.find("/usb") != std::string::npos) {
    out.transport = "usb";
  } else if (place.find("/end_device-") != std::string::npos) {
    out.transport = "sas";
  }
  return out;
}

std::vector<DiskIdentity> Sysfs::disks() const {
  std::vector<DiskIdentity> out;
  for (const auto& name : names("/sys/block")) {
    if (has_prefix(name, {"loop", "ram", "zram", "dm-", "md", "fd", "sr", "nbd", "drbd"})) continue;
    DiskIdentity one = disk(name);
    if (one.bytes > 0) out.push_back(std::move(one));
  }
  return out;
}

std::vector<LinuxNic> Sysfs::nics() const {
  std::vector<LinuxNic> out;
  for (const auto& name : names("/sys/class/net")) {
    const std::string folder = "/sys/class/net/" + name;
    if (link(folder + "/device").empty()) continue;  // bridges, tunnels, loopback
    LinuxNic nic;
    nic.name = name;
    nic.mac = base::lower(text(folder + "/address"));
    nic.carrier = text(folder + "/carrier") == "1";
    nic.speed_mbps = std::max<int64_t>(base::parse_int(text(folder + "/speed")).value_or(0), 0);
    nic.vendor = text(folder + "/device/vendor");
    nic.product = text(folder + "/device/device");
    const std::string driver = link(folder + "/device/driver");
    nic.driver = driver.substr(driver.rfind('/') + 1);
    const std::string place = link(folder);
    for (const auto part : base::split(place, '/')) {
      if (is_pci_address(part)) nic.pci_address = part;
    }
    out.push_back(std::move(nic));
  }
  return out;
}

Json Sysfs::cpu() const {
  const std::string info = text("/proc/cpuinfo");
  int64_t count = 0;
  std::set<std::string, std::less<>> sockets;
  for (const auto line : base::split(info, '\n')) {
    if (line.starts_with("processor")) ++count;
    if (line.starts_with("physical id")) sockets.emplace(line);
  }
  Json::Array flags;
  const std::string features = value_of(info, "flags");
  for (const auto flag : base::split(features, ' ')) flags.emplace_back(std::string(flag));
  Json out = Json::object({{"model_name", value_of(info, "model name")}, {"frequency", value_of(info, "cpu MHz")}});
  out.set("count", count).set("flags", std::move(flags));
#if defined(__aarch64__)
  out.set("architecture", "aarch64");
#else
  out.set("architecture", "x86_64");
#endif
  return out.set("socket_count", sockets.empty() ? 1 : static_cast<int64_t>(sockets.size()));
}

Json Sysfs::memory() const {
  const std::string total = value_of(text("/proc/meminfo"), "MemTotal");
  const int64_t kib = base::parse_int(total.substr(0, total.find(' '))).value_or(0);
  // The kernel keeps some for itself: what is fitted is the next multiple of 64 MiB.
  const int64_t mib = (kib / 1024 + 127) / 64 * 64;
  return Json::object({{"total", kib * 1024}, {"physical_mb", mib}});
}

Json Sysfs::system_vendor() const {
  const std::string dmi = "/sys/class/dmi/id/";
  Json firmware = Json::object({{"vendor", text(dmi + "bios_vendor")}, {"version", text(dmi + "bios_version")}});
  firmware.set("build_date", text(dmi + "bios_date"));
  Json out = Json::object({{"product_name", text(dmi + "product_name")}});
  out.set("serial_number", text(dmi + "product_serial")).set("manufacturer", text(dmi + "sys_vendor"));
  return out.set("firmware", std::move(firmware));
}

bool Sysfs::is_uefi() const { return disk_.exists(root_ + "/sys/firmware/efi"); }

std::vector<std::string> Sysfs::modaliases() const {
  std::set<std::string> found;
  for (const auto& bus : names("/sys/bus")) {
    const std::string folder = "/sys/bus/" + bus + "/devices";
    for (const auto& device : names(folder)) {
      std::string alias = text(folder + "/" + device + "/modalias");
      if (!alias.empty()) found.insert(std::move(alias));
    }
  }
  return {found.begin(), found.end()};
}

std::map<std::string, std::string> Sysfs::kernel_arguments() const {
  std::map<std::string, std::string> out;
  const std::string line = text("/proc/cmdline");
  for (const auto word : base::split(line, ' ')) {
    const size_t equals = word.find('=');
    if (word.empty()) continue;
    out[std::string(word.substr(0, equals))] =
        equals == std::string_view::npos ? "" : std::string(word.substr(equals + 1));
  }
  return out;
}

}  // namespace agent
