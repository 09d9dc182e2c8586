// What sysfs and procfs tell of the machine, as the agent's inventory needs it. Reads through the seam, so a tree of
// files that was taken from a real server is a test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/hardware.h"
#include "sys/machine.h"

namespace agent {

struct LinuxNic {
  std::string name, mac, pci_address, driver, vendor, product;
  bool carrier = false;
  int64_t speed_mbps = 0;
};

class Sysfs {
 public:
  // `root` comes before /sys and /proc: "" on the machine itself.
  Sysfs(sys::Disk& disk, sys::Machine& machine, std::string root = "");

  std::vector<DiskIdentity> disks() const;  // whole disks, no memory, loop, array or mapped devices; in kernel order
  std::vector<LinuxNic> nics() const;       // with a device below them; sorted by name
  Json cpu() const;
  Json memory() const;
  Json system_vendor() const;
  bool is_uefi() const;
  std::vector<std::string> modaliases() const;  // of all devices
  // The kernel's command line as key=value.
  std::map<std::string, std::string> kernel_arguments() const;

 private:
  std::string text(const std::string& path) const;  // trimmed; "" when it cannot be read
  std::string link(const std::string& path) const;
  std::vector<std::string> names(const std::string& path) const;
  DiskIdentity disk(const std::string& name) const;

  sys::Disk& disk_;
  sys::Machine& machine_;
  std::string root_;
};

// "pci-0000:00:17.0-ata-1", "pci-0000:01:00.0-nvme-1", "pci-0000:00:05.0-scsi-0:0:0:0" of a resolved device path
// below /sys/devices, as udev names disks in /dev/disk/by-path; "" when it is on no PCI device.
std::string by_path_of(const std::string& device_path);

}  // namespace agent
