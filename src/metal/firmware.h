// What the engine reads and does besides power, boot and disks: a host's firmware, its virtual CD as a data medium, the
// events of its BMC.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/metal3_firmware.h"
#include "metal/bmc/bmc.h"

namespace metal {

// One reading. What the BMC refused to tell stands as an error beside what it told.
struct FirmwareFacts {
  std::string vendor, model;
  std::vector<BiosSetting> bios;
  std::optional<base::Error> bios_error;
  std::vector<FirmwareComponent> components;
  std::optional<base::Error> components_error;
};

// What is to change. Settings are as the user wrote them: name -> integer or string.
struct FirmwareOrder {
  base::Json settings = base::Json::object();
  std::vector<api::FirmwareUpdate> updates;
  bool empty() const { return settings.empty() && updates.empty(); }
  std::string digest() const;  // the same for the same order
};

// A short conversation with a BMC over a connection of its own, beside the work that is going on.
struct SideWork {
  enum class Kind : unsigned char { read_firmware, attach_media, eject_media, detach_live_iso, subscribe, unsubscribe };
  Kind kind = Kind::read_firmware;
  // Tells this order from others of its kind, an attempt from the next: a result answers only its own order.
  std::string key = {};
  std::string url = {};                 // attach_media
  EventSubscription subscription = {};  // subscribe
  std::string id = {};                  // unsubscribe
};

// A value in the words of HostFirmwareSettings.
std::string text_of(const base::Json& value);
// The settings that differ from what is in force or pending, with the types the BMC wants. Errors: invalid, with the
// first setting that the BMC does not know or cannot take; layer bmc.
base::Result<base::Json> settings_to_send(const std::vector<BiosSetting>& present, const base::Json& wanted);
// The first of the wanted settings that is not in force, and what is in its place; "" when all are.
std::string setting_not_in_force(const std::vector<BiosSetting>& present, const base::Json& wanted);

}  // namespace metal
