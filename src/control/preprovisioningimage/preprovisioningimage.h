// The PreprovisioningImage of each host: what its deploy agent boots from. Another controller fills it, or this one
// shows the images that the manager serves itself.
#pragma once

#include "api/metal3_firmware.h"
#include "metal/boot/boot_media.h"
#include "runtime/runtime.h"

namespace control {

// Whose ramdisks another controller provides; the others boot the manager's own.
struct OutsideImages {
  bool initrds = false;  // of hosts that boot from the network
  bool isos = false;     // of hosts that boot an ISO image
  bool provide(const api::BareMetalHost& host) const;
};

// How the reason of condition Ready begins where this controller has filled it. What it shows nobody can boot: see
// below.
inline constexpr std::string_view own_image_reason = "OwnImage";

// The host's image is asked for: made, or brought up to date. Name, namespace and labels are the host's, which owns it.
base::Result<void> ask_for_image(runtime::Context& ctx, const api::BareMetalHost& host);

// Asks for and fills the images of hosts that boot the manager's own ramdisk, `place` being where they get it. URLs are
// shown with ****** in place of the token of a boot, which opens the agent's token: they are for people, not for
// fetching. An image that somebody else has filled stays as it is.
runtime::Controller preprovisioningimage_controller(metal::BootPlace place, OutsideImages outside);

}  // namespace control
