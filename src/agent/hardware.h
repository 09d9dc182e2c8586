// The machine under the deploy agent. The ramdisk implements it with sysfs, block devices and reboot(2); the rack with
// a simulated server. Calls that move data park the calling fiber for as long as the device needs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/boot_entry.h"
#include "base/json.h"
#include "fetch/disk_access.h"
#include "sys/sys.h"

namespace agent {

// A whole disk as the kernel shows it. Serial and wwn are what tells a disk from another: names may change at a boot.
struct DiskIdentity {
  std::string name;  // "/dev/nvme0n1"
  std::string model, vendor, serial, wwn, wwn_with_extension, hctl, by_path;
  std::string transport;  // lsblk's TRAN: nvme, sata, sas
  uint64_t bytes = 0;
  int64_t logical_sector = 512, physical_sector = 4096;  // bytes
  bool rotational = false;
  bool removable = false;  // virtual media and the like are never erased or written
  bool read_only = false;
};

class Hardware {
 public:
  virtual ~Hardware() = default;
  // key=value from the kernel command line and, on virtual media, parameters.txt.
  virtual const std::map<std::string, std::string>& boot_parameters() const = 0;
  // The manager's CA when the boot medium carried it (ca.crt); empty after a network boot.
  virtual std::string medium_ca_pem() const = 0;
  // scheme://host:port that firmware loaded the kernel from; empty when it did not come over HTTP.
  virtual std::string boot_server() const = 0;
  // Roots for image downloads besides the manager's CA; empty: the system's.
  virtual std::string image_roots_pem() const = 0;

  // The inventory document of the agent protocol without `disks`, which the agent adds from disks().
  virtual Json inventory() = 0;
  virtual std::vector<DiskIdentity> disks() = 0;  // in kernel order
  virtual Result<std::unique_ptr<sys::File>> open_disk(const std::string& name) = 0;
  virtual fetch::DiskAccess disk_access() const { return {}; }
  // Erases every block by the strongest means the device has (NVMe sanitize or format, ATA secure erase, discard,
  // overwriting) and checks that it did. `progress` takes a percentage. The result is the proof: method and checks.
  virtual Result<Json> erase_device(const DiskIdentity& disk, const std::function<void(int)>& progress) = 0;
  // What is worth reading when something went wrong: name and text, the newest at the end.
  virtual std::vector<std::pair<std::string, std::string>> logs() { return {}; }
  // Null when the firmware has none (or is no UEFI firmware).
  virtual FirmwareVariables* firmware_variables() { return nullptr; }
  virtual std::string address() const = 0;            // where the manager can call the agent: an IP literal
  virtual std::vector<std::string> macs() const = 0;  // lower case with colons

  // Reads the kernel that the system on a disk starts with, and says what it is, for start_loaded_system(). Parks.
  // Errors: unsupported (and why).
  virtual Result<Json> load_system(const std::string& disk) {
    return base::Error{base::Code::unsupported, disk + ": this machine starts no kernel but through its firmware"};
  }

  // All return at once; the machine goes down shortly after, and every fiber of the agent with it.
  virtual void reboot_into_disk() = 0;
  virtual void start_loaded_system() { reboot_into_disk(); }  // without the firmware (kexec)
  virtual void power_off() = 0;
};

}  // namespace agent
