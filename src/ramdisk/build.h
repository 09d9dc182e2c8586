// `ingot ramdisk build`: the deploy ramdisk from a Linux kernel as a distribution packages it and the static agent.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sys/sys.h"

namespace ramdisk {

struct Parts {
  std::string kernel;    // vmlinuz
  std::string modules;   // folder of one version, with modules.dep and modules.alias (depmod has run)
  std::string firmware;  // folder of firmware files; may be absent
  std::string agent;     // ingot-agent, statically linked
  std::string output;    // folder
  // For virtual media: signed boot loaders; shim loads grub by the name grubx64.efi from its own folder.
  std::string shim = "/usr/lib/shim/shimx64.efi.signed";
  std::string grub = "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed";
  // The same for BIOS firmware: ISOLINUX and its library; left out when absent.
  std::string isolinux = "/usr/lib/ISOLINUX/isolinux.bin";
  std::string ldlinux = "/usr/lib/syslinux/modules/bios/ldlinux.c32";
  std::string roots = "/etc/ssl/certs/ca-certificates.crt";  // for images over https; left out when absent
};

// The newest kernel below `root` ("" is this system): root/boot/vmlinuz-V and root/lib/modules/V. Errors: not_found.
base::Result<Parts> find_kernel(sys::Disk& disk, const std::string& root);

struct Built {
  std::string version;
  uint64_t kernel_bytes = 0, initrd_bytes = 0, loader_bytes = 0;
  bool bios_loader = false;
  int modules = 0, modules_left_out = 0;
  std::vector<std::string> left_out;          // folders of drivers that are not in it
  int firmware = 0;                           // files for devices that are in it
  std::vector<std::string> firmware_no_room;  // files that the root has, and that would make it too large
  std::vector<std::string> need_firmware;     // modules in it that may ask for firmware, of which no file is in it
};

// Writes vmlinuz, initrd, esp.img and, for BIOS firmware, isolinux.bin and ldlinux.c32 to the output folder.
// Deterministic. Errors: not_found and invalid, with the fix; too_large (over 60 MB in all).
base::Result<Built> build(sys::Disk& disk, const Parts& parts, const std::function<void(const std::string&)>& say);

}  // namespace ramdisk
