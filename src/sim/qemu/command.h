// The command line of a QEMU that is one server: pure, so that tests read it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/inventory.h"

namespace sim {

// Of the whole rack; paths are the user's.
struct QemuOptions {
  std::string program = "qemu-system-x86_64";
  std::string accelerator = "tcg";  // or kvm
  std::string firmware_code = "/usr/share/OVMF/OVMF_CODE_4M.fd";
  std::string firmware_variables = "/usr/share/OVMF/OVMF_VARS_4M.fd";  // copied for each server
  int memory_mib = 2048;
  int processors = 1;
  uint64_t disk_bytes = uint64_t{4} << 30;  // of each disk
  // The NIC of server N is tap device <tap_prefix>N, made and joined to a bridge beforehand; empty: no network.
  std::string tap_prefix;
};

// What firmware tries, best first.
enum class QemuSource : unsigned char { cd, network, disk };

struct QemuMachine {
  std::string name;
  size_t index = 0;
  ServerIdentity identity;
  std::vector<agent::DiskIdentity> disks;
  std::vector<std::string> disk_paths;  // as many, raw images
  size_t first_disk = 0;                // that firmware boots from, before the others
  std::string variables_path;           // this server's UEFI variables
  std::string console_path;             // what its serial port says is kept here
  uint16_t console_port = 0;            // of 127.0.0.1, where somebody listens to the serial port; 0: nobody
  std::string cd_path;                  // virtual media that is inserted; empty: the drive is empty
  bool uefi = true;
  bool http_boot = false;  // of the ways to boot from the network, only UEFI's HTTP boot
  std::vector<QemuSource> order;
};

std::vector<std::string> qemu_command(const QemuOptions& options, const QemuMachine& machine);

}  // namespace sim
