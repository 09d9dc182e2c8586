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

std::string_view name_of(SecureBootState state) {
  switch (state) {
    case SecureBootState::on:
      return "on";
    case SecureBootState::off:
      return "off";
    case SecureBootState::coming:
      return "on from the next boot";
    case SecureBootState::ending:
      return "off from the next boot";
    case SecureBootState::unknown:
      return "unknown";
  }
  return "?";
}

}  // namespace metal
