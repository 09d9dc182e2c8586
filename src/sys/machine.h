// The computer a program runs on, for the one program that owns it: the deploy agent, which is the first process of its
// ramdisk. Raw block devices, network interfaces, kernel modules, mounts, the power. Kept out of Sys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sys/sys.h"

namespace sys {

// One NVMe admin command (NVM Express base specification 2.0, figure 88) without or with data from the device.
struct NvmeCommand {
  uint8_t opcode = 0;
  uint32_t namespace_id = 0;
  uint32_t dword10 = 0, dword11 = 0;
  uint32_t data_bytes = 0;  // read from the device
  base::Duration limit = base::minutes(1);
};

// One ATA command by SG_IO (SAT-4, ATA PASS-THROUGH (16)); 28-bit registers.
struct AtaCommand {
  uint8_t command = 0, feature = 0, count = 1;
  bool reads = false;  // 512 bytes from the device
  std::string data;    // 512 bytes to the device, or empty
  base::Duration limit = base::minutes(1);
};

class BlockDevice : public File {
 public:
  // Tells the device that the blocks are not needed. Errors: unsupported.
  virtual base::Result<void> discard(uint64_t offset, uint64_t bytes) = 0;
  // Writes zeros, by the device itself where it can. Blocks the thread; give it pieces.
  virtual base::Result<void> write_zeroes(uint64_t offset, uint64_t bytes) = 0;
  virtual base::Result<std::string> nvme(const NvmeCommand& command) = 0;  // what it read
  virtual base::Result<uint32_t> nvme_namespace() = 0;  // the one that this device is; a drive may have several
  virtual base::Result<std::string> ata(const AtaCommand& command) = 0;  // what it read
  virtual base::Result<void> read_partitions() = 0;                      // the kernel looks at the table again
};

// One command to the server's own BMC (IPMI 2.0 section 5): network function, command, data.
struct IpmiCommand {
  uint8_t function = 0, command = 0;
  std::string data;
};

enum class MachineEnd : unsigned char {
  reboot,
  power_off,
  kernel,  // the loaded kernel takes over, without the firmware; a reboot when it cannot
};

class Machine {
 public:
  virtual ~Machine() = default;
  // `name` such as /dev/sda; unbuffered and exclusive (nobody has it mounted). Errors: not_found, conflict (in use).
  virtual base::Result<std::unique_ptr<BlockDevice>> open_block(const std::string& name, bool read_only) = 0;
  // `options`: of the file system's driver.
  virtual base::Result<void> mount(const std::string& source, const std::string& target, const std::string& type,
                                   bool read_only, const std::string& options) = 0;
  base::Result<void> mount(const std::string& source, const std::string& target, const std::string& type,
                           bool read_only) {
    return mount(source, target, type, read_only, "");
  }
  virtual base::Result<void> unmount(const std::string& target) = 0;
  virtual base::Result<void> load_module(const std::string& path) = 0;  // already there: fine
  virtual base::Result<void> set_link(const std::string& interface, bool up) = 0;
  // IPv4 or IPv6 literal.
  virtual base::Result<void> add_address(const std::string& interface, const std::string& address, int prefix) = 0;
  virtual base::Result<void> add_default_route(const std::string& interface, const std::string& gateway) = 0;
  // A UDP socket on 0.0.0.0:port of one interface that may broadcast: DHCP before there is an address.
  virtual base::Result<std::unique_ptr<Datagram>> open_broadcast(const std::string& interface, uint16_t port) = 0;
  // A UDP socket on [::]:port of one interface that hears a multicast group ("": none) and reaches link-local
  // addresses: DHCPv6 before there is an address.
  virtual base::Result<std::unique_ptr<Datagram>> open_multicast(const std::string& interface, const std::string& group,
                                                                 uint16_t port) = 0;
  // Ethernet frames of one type that arrive on an interface (LLDP); `from` is empty.
  virtual base::Result<std::unique_ptr<Datagram>> open_frames(const std::string& interface, uint16_t ethertype) = 0;
  virtual base::Result<std::string> link_target(const std::string& path) = 0;  // of a symbolic link
  virtual base::Result<void> set_hostname(const std::string& name) = 0;
  // A file of efivarfs (attributes, then the value), whole; a variable that is there is replaced or goes.
  virtual base::Result<void> set_variable(const std::string& path, std::string_view bytes) = 0;
  virtual base::Result<void> remove_variable(const std::string& path) = 0;
  virtual base::Result<std::string> kernel_log() = 0;  // as far as the kernel's buffer reaches
  // The answer without its completion code. Blocks for up to 2 seconds. Errors: not_found (no device), unsupported (the
  // BMC refused), timeout.
  virtual base::Result<std::string> ipmi(const IpmiCommand& command) = 0;
  // Reads a kernel that MachineEnd::kernel starts; `initrd` may be empty. Blocks. Errors: unsupported (this kernel
  // starts no other, or none that is not signed), not_found.
  virtual base::Result<void> load_kernel(const std::string& kernel, const std::string& initrd,
                                         const std::string& arguments) = 0;
  virtual void end(MachineEnd how) = 0;  // syncs; does not return when it is the first process
};

}  // namespace sys
