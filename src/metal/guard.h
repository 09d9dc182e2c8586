// The one gate before anything that could cost somebody their data or their running server. Every wipe, image write,
// ramdisk boot and power-off of a host goes through allow(), with the host's durable state as it is at that moment, not
// as it was when the job began. Refusing is always safe: the job fails with the reason and nothing is touched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/metal3.h"
#include "base/result.h"
#include "metal/inventory.h"
#include "metal/operation.h"

namespace metal {

enum class Act : unsigned char {
  boot_agent,   // power-cycles the server into the deploy ramdisk: whatever runs there ends
  wipe,         // erases disks
  aim_image,    // chooses the disk that is to be overwritten
  write_image,  // overwrites the root disk
  boot_disk,    // restarts the server from its disk
  power_on,
  power_off,
  restart,  // of a running server, without being off
  change_firmware,
  change_volumes,  // deletes and creates RAID volumes
};
std::string_view name_of(Act act);

// The host's stored state at the moment of the question.
struct HostFacts {
  bool exists = false;
  bool durable = false;  // this state survives a crash
  std::string uid, state;
  Operation operation;
  bool deleting = false, paused = false, detached = false, externally_provisioned = false;
  bool online = false;
  bool power_off_allowed = true;  // not spec.disablePowerOff
  bool reboot_requested = false;  // any reboot.metal3.io annotation
  bool has_image = false;         // status.provisioning.image is recorded
  std::string boot_mac;           // lower case
  std::optional<api::HardwareDetails> hardware;
  std::string
      raid;  // raid_digest() of the hardware volumes that the spec asks for; "" when it asks for none to be changed
};
HostFacts facts_of(const api::BareMetalHost& host, bool durable);

// What the job means to do.
struct Intent {
  Act act;
  std::string uid;
  Operation operation;                  // kind none for power work
  const Inventory* agent = nullptr;     // needed for wipe, write_image and change_volumes
  const InventoryDisk* disk = nullptr;  // needed for write_image
  std::string raid = {};                // needed for change_volumes: the digest of what is to be there
};

// Errors: conflict, with what does not fit; layer controller, or agent when the machine is not the recorded one.
base::Result<void> allow(const Intent& intent, const HostFacts& host);
// Disks that the last inspection did not see, on a host whose users cannot have got them since: they may be somebody
// else's and are not erased. A deployed system had all disks of its server, so all of them are erased after it.
std::vector<const InventoryDisk*> strange_disks(const Inventory& agent, const HostFacts& host);
// Whether the agent runs on the machine that the host's record describes.
base::Result<void> same_machine(const Inventory& agent, const HostFacts& host);

}  // namespace metal
