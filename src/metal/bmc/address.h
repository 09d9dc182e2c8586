// The addresses of BMCs are read where admission can check them, too; here under the names that drivers use.
#pragma once

#include "api/bmc_address.h"

namespace metal {

using api::BmcAddress;
using api::BmcBootMethod;
using api::BmcProtocol;
using api::name_of;
using api::parse_bmc_address;

}  // namespace metal
