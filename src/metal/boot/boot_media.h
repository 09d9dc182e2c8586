// What a server boots: the parameters of one boot as kernel arguments, iPXE script or ISO image. Pure functions.
#pragma once

#include <string>

#include "base/result.h"
#include "metal/boot/expected_boots.h"
#include "wire/iso9660.h"

namespace metal {

struct BootPlace {
  std::string provisioning_url;    // https://host:port of /v1, as hosts reach it
  std::string boot_url;            // http://host:port of /boot
  std::string ca_pem;              // roots for provisioning_url
  std::string ca_sha256;           // hex digest of the CA certificate's DER
  std::string ramdisk_dir;         // with vmlinuz, initrd and esp.img; empty: servers are simulated and need none
  std::string kernel_arguments;    // besides our own; see check_kernel_arguments
  std::string loader_dir;          // with iPXE's builds (boot_loaders.h); empty: none are given out
  bool agent_shows_token = false;  // in its lookup; a stock ironic-python-agent does not
};

std::string image_url(const BootPlace& place, const ExpectedBoot& boot);  // of its cached image
std::string iso_url(const BootPlace& place, const ExpectedBoot& boot);
std::string loader_url(const BootPlace& place, const ExpectedBoot& boot, std::string_view file);
std::string script_url(const BootPlace& place, std::string_view mac);
// Image with volume id VMEDIA_BOOT_ISO: parameters.txt, ca.crt and, when the host has some, network_data.json; with a
// ramdisk, also that and what UEFI firmware boots it by. For UEFI HTTP boot everything is in the kernel's arguments and
// in a second initramfs, since the kernel may not see the image that firmware has loaded.
base::Result<wire::IsoPlan> boot_iso(sys::Disk& disk, const BootPlace& place, const ExpectedBoot& boot);
// Whether these can go into a boot script: printable, without quotes, and none of the parameters that we set.
base::Result<void> check_kernel_arguments(std::string_view text);
std::string ipxe_script(const BootPlace& place, const ExpectedBoot& boot);
// Lower-case hex SHA-256 of the first certificate's DER.
base::Result<std::string> certificate_digest(std::string_view pem);

}  // namespace metal
