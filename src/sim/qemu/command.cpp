#include "sim/qemu/command.h"

#include <algorithm>

#include "base/text.h"

namespace sim {

namespace {

// In QEMU's option lists a comma is written twice.
std::string quoted(const std::string& text) { return base::replace_all(text, ",", ",,"); }

class Arguments {
 public:
  explicit Arguments(std::string program) : all_{std::move(program)} {}
  void add(const char* option, std::string value) {
    all_.emplace_back(option);
    all_.push_back(std::move(value));
  }
  void add(const char* option) { all_.emplace_back(option); }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  std::vector<std::string> all_;
};

// ",bootindex=N": firmware sorts its boot options by these.
std::string boot_index(const QemuMachine& machine, QemuSource source, size_t within = 0) {
  const auto found = std::find(machine.order.begin(), machine.order.end(), source);
  if (found == machine.order.end()) return "";
  const auto place = static_cast<size_t>(found - machine.order.begin());
  return ",bootindex=" + std::to_string(place * 10 + within + 1);
}

void add_firmware(Arguments& out, const QemuOptions& options, const QemuMachine& machine) {
  if (!machine.uefi) return;  // QEMU's own SeaBIOS
  out.add("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + quoted(options.firmware_code));
  out.add("-drive", "if=pflash,unit=1,format=raw,file=" + quoted(machine.variables_path));
}

void add_identity(Arguments& out, const ServerIdentity& identity, bool uefi) {
  out.add("-uuid", identity.uuid);
  out.add("-smbios", "type=0,vendor=" + quoted(identity.manufacturer) + ",version=" + quoted(identity.bios_version) +
                         (uefi ? ",uefi=on" : ""));
  out.add("-smbios", "type=1,manufacturer=" + quoted(identity.manufacturer) + ",product=" + quoted(identity.model) +
                         ",serial=" + quoted(identity.serial) + ",sku=" + quoted(identity.sku));
}

void add_disks(Arguments& out, const QemuMachine& machine) {
  out.add("-device", "virtio-scsi-pci,id=scsi0");
  for (size_t i = 0; i < machine.disks.size() && i < machine.disk_paths.size(); ++i) {
    const agent::DiskIdentity& disk = machine.disks[i];
    const std::string id = "disk" + std::to_string(i);
    out.add("-drive", "if=none,id=" + id + ",format=raw,cache=writeback,discard=unmap,detect-zeroes=unmap,file=" +
                          quoted(machine.disk_paths[i]));
    const size_t place = i == machine.first_disk ? 0 : i < machine.first_disk ? i + 1 : i;
    const std::string index = boot_index(machine, QemuSource::disk, place);
    if (disk.transport == "nvme") {
      out.add("-device", "nvme,drive=" + id + ",serial=" + quoted(disk.serial) + index);
    } else {
      // Vendor and product are fixed fields of 8 and 16 characters (SPC-4, 6.4.2).
      out.add("-device", "scsi-hd,bus=scsi0.0,drive=" + id + ",serial=" + quoted(disk.serial) + ",wwn=" + disk.wwn +
                             ",vendor=" + quoted(disk.vendor.substr(0, 8)) +
                             ",product=" + quoted(disk.model.substr(0, 16)) +
                             ",rotation_rate=" + (disk.rotational ? "7200" : "1") + index);
    }
  }
}

void add_cd(Arguments& out, const QemuMachine& machine) {
  std::string drive = "if=none,id=cd0,media=cdrom,readonly=on";
  if (!machine.cd_path.empty()) drive += ",format=raw,file=" + quoted(machine.cd_path);
  out.add("-drive", drive);
  out.add("-device", "ide-cd,bus=ide.0,drive=cd0" + boot_index(machine, QemuSource::cd));
}

void add_nic(Arguments& out, const QemuOptions& options, const QemuMachine& machine) {
  if (options.tap_prefix.empty() || machine.identity.nics.empty()) return;
  out.add("-netdev",
          "tap,id=net0,script=no,downscript=no,ifname=" + options.tap_prefix + std::to_string(machine.index));
  if (machine.uefi && machine.http_boot) {
    // OVMF's own settings (OvmfPkg/RUNTIME_CONFIG.md); it has none for the order of PXE and HTTP.
    out.add("-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no");
    out.add("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no");
  }
  // OVMF brings its own driver and PXE; SeaBIOS needs the option ROM.
  out.add("-device", std::string("virtio-net-pci,netdev=net0") + (machine.uefi ? ",romfile=" : "") +
                         ",mac=" + machine.identity.nics[0].mac + boot_index(machine, QemuSource::network));
}

}  // namespace

std::vector<std::string> qemu_command(const QemuOptions& options, const QemuMachine& machine) {
  Arguments out(options.program);
  out.add("-name", quoted(machine.name));
  out.add("-nodefaults");
  out.add("-no-user-config");
  out.add("-machine", "q35,accel=" + options.accelerator);
  out.add("-cpu", options.accelerator == "kvm" ? "host" : "max");
  out.add("-smp", std::to_string(options.processors));
  out.add("-m", std::to_string(options.memory_mib));
  out.add("-display", "none");
  if (machine.console_port == 0) {
    out.add("-serial", "file:" + quoted(machine.console_path));
  } else {
    out.add("-chardev", "socket,id=console,host=127.0.0.1,port=" + std::to_string(machine.console_port) +
                            ",server=off,logappend=off,logfile=" + quoted(machine.console_path));
    out.add("-serial", "chardev:console");
  }
  out.add("-chardev", "stdio,id=qmp");
  out.add("-mon", "chardev=qmp,mode=control");
  // A reset asked for by software ends the process: the boot override decides anew what the next run boots.
  out.add("-action", "reboot=shutdown,shutdown=poweroff,panic=none");
  out.add("-device", "virtio-rng-pci");
  add_firmware(out, options, machine);
  add_identity(out, machine.identity, machine.uefi);
  add_disks(out, machine);
  add_cd(out, machine);
  add_nic(out, options, machine);
  return out.take();
}

}  // namespace sim
