#include "sim/bmc/server_controls.h"

namespace sim {

BootOverride take_for_boot(BootOverride& setting) {
  BootOverride now = setting;
  if (now.enabled == BootEnabled::disabled) now.target = BootTarget::none;
  if (setting.enabled == BootEnabled::once) {
    setting.enabled = BootEnabled::disabled;
    setting.target = BootTarget::none;
    setting.http_boot_uri.clear();
  }
  return now;
}

}  // namespace sim
