#include "metal/boot/boot_offer.h"

#include "metal/boot/boot_loaders.h"

namespace metal {

ExpectedBoot* heard_from(ExpectedBoots& boots, const BootClient& client) {
  ExpectedBoot* boot = boots.by_mac(client.mac);
  if (!boot) return nullptr;
  if (client.firmware) {
    // Firmware that tries other ways first than the one that was ordered is to go on to that one.
    if (boot->method == BmcBootMethod::virtual_media) return nullptr;
    if (boot->method == BmcBootMethod::uefi_http && !client.http && !client.ipxe) return nullptr;
  }
  ++boot->dhcp_packets;
  if (!boot->dhcp_seen) {
    boot->dhcp_seen = boots.now();
    boots.happened(*boot);
  }
  return boot;
}

bool may_boot_now(const BootClient& client, const ExpectedBoot& boot) {
  return client.firmware && boot.artefacts_open() && !boot.script_fetched;
}

std::optional<BootFile> boot_file_for(const BootPlace& place, const ExpectedBoot& boot, const BootClient& client,
                                      bool tftp) {
  const FirmwareKind kind = firmware_kind(client.architecture);
  if (client.http) {
    if (kind != FirmwareKind::uefi_http_x64) return std::nullopt;
    if (boot.method == BmcBootMethod::uefi_http) return BootFile{iso_url(place, boot)};
    if (place.loader_dir.empty()) return std::nullopt;
    return BootFile{loader_url(place, boot, boot_loader_for(kind))};
  }
  if (client.ipxe || !tftp) return BootFile{script_url(place, boot.mac)};
  const std::string_view loader = boot_loader_for(kind);
  if (loader.empty()) return std::nullopt;
  return BootFile{std::string(loader), true};
}

}  // namespace metal
