#include "metal/inventory.h"

#include <algorithm>

#include "base/text.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr size_t items_max = 1024;
constexpr int64_t gibibyte = int64_t{1} << 30;
constexpr int64_t root_bytes_min = 4 * gibibyte;

InventoryDisk disk_from(const Json& doc) {
  InventoryDisk disk;
  disk.name = doc["name"].string();
  disk.model = doc["model"].string();
  disk.vendor = doc["vendor"].string();
  disk.serial = doc["serial"].string();
  disk.wwn = doc["wwn"].string();
  disk.wwn_with_extension = doc["wwn_with_extension"].string();
  disk.wwn_vendor_extension = doc["wwn_vendor_extension"].string();
  disk.hctl = doc["hctl"].string();
  disk.by_path = doc["by_path"].string();
  disk.size_bytes = doc["size"].integer();
  disk.rotational = doc["rotational"].boolean();
  return disk;
}

api::HardwareDisk hardware_disk(const InventoryDisk& disk) {
  api::HardwareDisk out;
  out.name = disk.by_path.empty() ? disk.name : disk.by_path;
  out.alternate_names.push_back(disk.name);
  if (!disk.by_path.empty()) out.alternate_names.push_back(disk.by_path);
  out.rotational = disk.rotational;
  out.type = disk.name.starts_with("/dev/nvme") ? "NVME" : disk.rotational ? "HDD" : "SSD";
  out.size_bytes = disk.size_bytes;
  out.vendor = disk.vendor;
  out.model = disk.model;
  out.serial_number = disk.serial;
  out.wwn = disk.wwn;
  out.wwn_vendor_extension = disk.wwn_vendor_extension;
  out.wwn_with_extension = disk.wwn_with_extension;
  out.hctl = disk.hctl;
  return out;
}

// An interface with an IPv4 and an IPv6 address gives two entries, as upstream does.
void add_nics(std::vector<api::HardwareNic>& nics, const Json& doc, const std::string& boot_mac,
              const std::string& pxe_mac) {
  api::HardwareNic nic;
  nic.name = doc["name"].string();
  nic.mac = base::lower(doc["mac_address"].string());
  nic.model = std::string(base::trim(doc["vendor"].string() + " " + doc["product"].string()));
  nic.speed_gbps = doc["speed_mbps"].integer() / 1000;
  nic.pci_address = doc["pci_address"].string();
  nic.pxe = !nic.mac.empty() && (nic.mac == boot_mac || nic.mac == pxe_mac);
  const std::string& v4 = doc["ipv4_address"].string();
  const std::string& v6 = doc["ipv6_address"].string();
  if (!v4.empty() || v6.empty()) {
    nic.ip = v4;
    nics.push_back(nic);
  }
  if (!v6.empty()) {
    nic.ip = v6;
    nics.push_back(nic);
  }
}

api::HardwareCpu cpu_from(const Json& doc) {
  api::HardwareCpu cpu;
  cpu.arch = doc["architecture"].string();
  cpu.model = doc["model_name"].string();
  cpu.count = doc["count"].integer();
  const Json& frequency = doc["frequency"];  // a number, or text such as "2600.0000"
  cpu.clock_megahertz = frequency.number();
  if (frequency.is_string())
    cpu.clock_megahertz =
        static_cast<double>(base::parse_int(frequency.string().substr(0, frequency.string().find('.'))).value_or(0));
  for (const auto& flag : doc["flags"].items()) cpu.flags.push_back(flag.string());
  std::sort(cpu.flags.begin(), cpu.flags.end());
  return cpu;
}

}  // namespace

Result<Inventory> read_inventory(const Json& document, const std::string& boot_mac) {
  if (!document.is_object() || !document["disks"].is_array() || !document["interfaces"].is_array()) {
    return Error{Code::invalid, "the agent's inventory has no disks or interfaces", Layer::agent,
                 "check the ramdisk's version"};
  }
  if (document["disks"].size() > items_max || document["interfaces"].size() > items_max) {
    return Error{Code::too_large, "the agent's inventory is absurdly long", Layer::agent};
  }
  Inventory out;
  auto& hardware = out.hardware;
  const Json& vendor = document["system_vendor"];
  hardware.system_vendor = {.manufacturer = vendor["manufacturer"].string(),
                            .product_name = vendor["product_name"].string(),
                            .serial_number = vendor["serial_number"].string()};
  out.system_serial = hardware.system_vendor.serial_number;
  const Json& firmware = vendor["firmware"];
  hardware.firmware.bios = {.date = firmware["build_date"].string(),
                            .vendor = firmware["vendor"].string(),
                            .version = firmware["version"].string()};
  hardware.ram_mebibytes = document["memory"]["physical_mb"].integer();
  hardware.hostname = document["hostname"].string();
  hardware.cpu = cpu_from(document["cpu"]);
  // BOOTIF form: "01-52-54-..." names the hardware type first.
  std::string pxe_mac = base::replace_all(base::lower(document["boot"]["pxe_interface"].string()), "-", ":");
  if (pxe_mac.size() == 20 && pxe_mac.starts_with("01:")) pxe_mac.erase(0, 3);
  for (const auto& doc : document["interfaces"].items()) {
    const std::string mac = base::lower(doc["mac_address"].string());
    if (!mac.empty()) out.macs.push_back(mac);
    add_nics(hardware.nics, doc, base::lower(boot_mac), pxe_mac);
  }
  for (const auto& doc : document["disks"].items()) {
    out.disks.push_back(disk_from(doc));
    hardware.storage.push_back(hardware_disk(out.disks.back()));
  }
  return out;
}

namespace {

// What the disk lacks of the hints; empty when it fits.
std::string mismatch(const InventoryDisk& disk, const api::RootDeviceHints& hints) {
  const auto differs = [](const std::string& wanted, const std::string& found) {
    return !wanted.empty() && !base::equals_ignore_case(wanted, found);
  };
  const auto lacks = [](const std::string& part, const std::string& whole) {
    return !part.empty() && base::lower(whole).find(base::lower(part)) == std::string::npos;
  };
  const bool by_path = hints.device_name.starts_with("/dev/disk/by-path/");
  if (differs(hints.device_name, by_path ? disk.by_path : disk.name)) return "is not " + hints.device_name;
  if (differs(hints.hctl, disk.hctl)) return "has HCTL " + disk.hctl;
  if (lacks(hints.model, disk.model)) return "has model " + disk.model;
  if (lacks(hints.vendor, disk.vendor)) return "has vendor " + disk.vendor;
  if (differs(hints.serial_number, disk.serial)) return "has serial number " + disk.serial;
  if (differs(hints.wwn, disk.wwn)) return "has WWN " + disk.wwn;
  if (differs(hints.wwn_with_extension, disk.wwn_with_extension)) return "has WWN " + disk.wwn_with_extension;
  if (differs(hints.wwn_vendor_extension, disk.wwn_vendor_extension)) {
    return "has WWN vendor extension " + disk.wwn_vendor_extension;
  }
  const int64_t gigabytes = disk.size_bytes / gibibyte;
  if (gigabytes < hints.min_size_gigabytes) return "has only " + std::to_string(gigabytes) + " GiB";
  if (hints.rotational && *hints.rotational != disk.rotational) {
    return disk.rotational ? "is rotational" : "is not rotational";
  }
  return {};
}

}  // namespace

Result<InventoryDisk> choose_root_disk(const std::vector<InventoryDisk>& disks, const api::RootDeviceHints& hints) {
  std::string near;
  if (hints == api::RootDeviceHints{}) {
    const InventoryDisk* best = nullptr;
    for (const auto& disk : disks) {
      if (disk.size_bytes < root_bytes_min) continue;
      if (!best || std::tie(disk.size_bytes, disk.name) < std::tie(best->size_bytes, best->name)) best = &disk;
    }
    if (best) return *best;
    near = "none has 4 GiB";
  }
  for (const auto& disk : disks) {
    if (hints == api::RootDeviceHints{}) break;
    const std::string why = mismatch(disk, hints);
    if (why.empty()) return disk;
    near += (near.empty() ? "" : "; ") + disk.name + " " + why;
  }
  if (disks.empty()) near = "the server has no disks";
  return Error{Code::invalid, "no disk fits rootDeviceHints: " + near, Layer::agent,
               "correct spec.rootDeviceHints, or look at status.hardware.storage"};
}

}  // namespace metal
