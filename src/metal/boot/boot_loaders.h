// The boot loaders that the boot network gives out: builds of iPXE, one for each kind of firmware, from one folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace metal {

// DHCP option 93 (RFC 4578, RFC 5970; IANA's list of processor architectures).
enum class FirmwareKind : unsigned char { bios, uefi_x64, uefi_http_x64, other };
FirmwareKind firmware_kind(std::optional<uint16_t> architecture);

// File name of the iPXE for it; "" where there is none.
std::string_view boot_loader_for(FirmwareKind kind);
// Whether it is one of the files that are given out at all.
bool is_boot_loader(std::string_view file);

}  // namespace metal
