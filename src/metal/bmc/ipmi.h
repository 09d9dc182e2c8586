// Bmc over IPMI 2.0. Power, boot device and a little identity; no virtual media.
#pragma once

#include "metal/bmc/bmc.h"

namespace metal {

std::unique_ptr<Bmc> make_ipmi_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                   const BmcCredentials& credentials, const BmcLimits& limits);

}  // namespace metal
