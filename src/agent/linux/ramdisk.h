// The first process of the deploy ramdisk: mounts what the kernel offers, loads the modules that the devices ask for,
// finds the boot medium and the network. Afterwards the agent runs as on any other machine.
#pragma once

#include <map>
#include <string>

#include "agent/linux/network.h"

namespace agent {

struct Booted {
  std::map<std::string, std::string> parameters;  // of the kernel's command line and of the medium
  std::string ca_pem;                             // of the medium; may be empty
  NetworkSettings network;
};

// Static settings that came in the initramfs itself: of a boot whose medium the kernel cannot see.
constexpr const char* carried_network_data = "/ingot-boot/network_data.json";
constexpr const char* medium_label = "VMEDIA_BOOT_ISO";

// Waits for devices and for a link as long as it takes and says so on the console. Errors: invalid (the medium or its
// settings are broken), cancelled.
base::Result<Booted> boot_ramdisk(sys::Sys& sys, sys::Machine& machine);

}  // namespace agent
