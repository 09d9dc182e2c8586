// What a server boots: the parameters of one boot as kernel arguments, iPXE script or ISO image. Pure functions.
#pragma once

#include <string>

#include "base/result.h"
#include "metal/boot/expected_boots.h"

namespace metal {

struct BootPlace {
  std::string provisioning_url;  // https://host:port of /v1, as hosts reach it
  std::string boot_url;          // http://host:port of /boot
  std::string ca_pem;            // roots for provisioning_url
  std::string ca_sha256;         // hex digest of the CA certificate's DER
};

std::string iso_url(const BootPlace& place, const ExpectedBoot& boot);
std::string script_url(const BootPlace& place, std::string_view mac);
// ISO with volume id VMEDIA_BOOT_ISO, parameters.txt and ca.crt.
base::Result<std::string> boot_iso(const BootPlace& place, const ExpectedBoot& boot);
std::string ipxe_script(const BootPlace& place, const ExpectedBoot& boot);
// Lower-case hex SHA-256 of the first certificate's DER.
base::Result<std::string> certificate_digest(std::string_view pem);

}  // namespace metal
