#include "metal/bmc/bmc.h"

namespace metal {

std::string_view name_of(PowerState state) {
  switch (state) {
    case PowerState::on:
      return "on";
    case PowerState::off:
      return "off";
    case PowerState::unknown:
      return "unknown";
  }
  return "?";
}

std::string_view name_of(PowerAction action) {
  switch (action) {
    case PowerAction::on:
      return "power on";
    case PowerAction::off:
      return "power off";
    case PowerAction::soft_off:
      return "shut down";
    case PowerAction::reset:
      return "reset";
    case PowerAction::cycle:
      return "power cycle";
  }
  return "?";
}

std::string_view name_of(BootDevice device) {
  switch (device) {
    case BootDevice::disk:
      return "disk";
    case BootDevice::pxe:
      return "pxe";
    case BootDevice::cd:
      return "cd";
    case BootDevice::uefi_http:
      return "uefi-http";
  }
  return "?";
}

}  // namespace metal
