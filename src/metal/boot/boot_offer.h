// What a server that asks over DHCP, in either version, may boot: only what is expected of it now.
#pragma once

#include <optional>
#include <string>

#include "metal/boot/boot_media.h"
#include "metal/boot/expected_boots.h"

namespace metal {

// Who asks, as far as it says.
struct BootClient {
  std::string mac;
  bool http = false;      // UEFI HTTP boot
  bool firmware = false;  // it boots; else it only wants an address
  bool ipxe = false;
  std::optional<uint16_t> architecture;  // IANA's list
};

// Null: it gets no answer. Else it was heard, which is noted.
ExpectedBoot* heard_from(ExpectedBoots& boots, const BootClient& client);
// The boot file goes out until the script was fetched: a ramdisk that asks for its address must not boot again.
bool may_boot_now(const BootClient& client, const ExpectedBoot& boot);

struct BootFile {
  std::string name;      // a URL, or the name of a loader
  bool by_tftp = false;  // of the loader
};
// Nullopt: there is nothing for its kind. `tftp`: loaders may be named, else firmware must run iPXE already.
std::optional<BootFile> boot_file_for(const BootPlace& place, const ExpectedBoot& boot, const BootClient& client,
                                      bool tftp);

}  // namespace metal
