// Bmc over Redfish (DSP0266) with the tolerance that real BMCs need: sessions with a fall-back to Basic, a ladder of
// ETag tries, virtual media wherever it is, and answers read without trust in their types.
#pragma once

#include "metal/bmc/bmc.h"

namespace metal {

std::unique_ptr<Bmc> make_redfish_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                      const BmcCredentials& credentials, bool verify_certificate,
                                      const BmcLimits& limits);

}  // namespace metal
