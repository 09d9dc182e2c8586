#include "metal/boot/boot_loaders.h"

#include <algorithm>
#include <array>

namespace metal {

namespace {
// snponly.efi is given out to whoever is told of it by another DHCP server: it drives only the NIC it came by.
constexpr std::array<std::string_view, 3> loaders = {"undionly.kpxe", "ipxe.efi", "snponly.efi"};
}  // namespace

FirmwareKind firmware_kind(std::optional<uint16_t> architecture) {
  switch (architecture.value_or(0)) {
    case 0:
      return FirmwareKind::bios;
    // The RFC numbers byte code 7 and x64 9, firmware in the field does the reverse; byte code alone does not exist.
    case 7:
    case 9:
      return FirmwareKind::uefi_x64;
    case 16:
      return FirmwareKind::uefi_http_x64;
    default:
      return FirmwareKind::other;
  }
}

std::string_view boot_loader_for(FirmwareKind kind) {
  switch (kind) {
    case FirmwareKind::bios:
      return loaders[0];
    case FirmwareKind::uefi_x64:
    case FirmwareKind::uefi_http_x64:
      return loaders[1];
    case FirmwareKind::other:
      break;
  }
  return {};
}

bool is_boot_loader(std::string_view file) { return std::find(loaders.begin(), loaders.end(), file) != loaders.end(); }

}  // namespace metal
