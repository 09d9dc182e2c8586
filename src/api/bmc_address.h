// spec.bmc.address of a BareMetalHost: which protocol, where, and how the server is booted. The accepted forms are
// those of Metal3 (docs of baremetal-operator, pkg/hardwareutils/bmc): scheme[+http|+https]://host[:port][/path], a
// bare host or host:port is IPMI, and "scheme:host" without slashes is repaired.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace api {

enum class BmcProtocol : unsigned char { ipmi, redfish };

// How the deploy ramdisk gets onto the server. ipxe needs a provisioning network and a boot MAC address; the other two
// need only that the BMC reaches the manager.
enum class BmcBootMethod : unsigned char { ipxe, virtual_media, uefi_http };
std::string_view name_of(BmcProtocol protocol);
std::string_view name_of(BmcBootMethod method);

struct BmcAddress {
  std::string scheme;  // without +http or +https: "redfish-virtualmedia"
  BmcProtocol protocol = BmcProtocol::ipmi;
  BmcBootMethod boot = BmcBootMethod::ipxe;
  bool tls = false;                               // Redfish over HTTPS; never for IPMI
  std::string host;                               // IP literal without brackets, or a DNS name
  uint16_t port = 0;                              // 443, 80 or 623 when not given
  std::string system_path;                        // Redfish System, no trailing slash; empty: the only one there is
  std::string privilege_level = "ADMINISTRATOR";  // IPMI: USER, OPERATOR or ADMINISTRATOR
  bool operator==(const BmcAddress&) const = default;

  // The endpoint without credentials: "https://192.168.1.11", "ipmi://192.168.1.12", "[v6]" in brackets and the port
  // only when it is not the default.
  std::string endpoint() const;
};

// Errors: invalid, layer bmc, naming what is wrong and the supported schemes.
base::Result<BmcAddress> parse_bmc_address(std::string_view text);

}  // namespace api
