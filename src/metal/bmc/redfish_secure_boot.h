// Secure Boot of a server (SecureBoot schema of DSP8010): the switch, and whether the present boot was a secure one.
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishSecureBoot {
 public:
  explicit RedfishSecureBoot(RedfishClient& client) : client_(client) {}
  base::Result<SecureBootState> read(const base::Json& system);
  base::Result<void> set(const base::Json& system, bool enabled);

 private:
  RedfishClient& client_;
};

}  // namespace metal
