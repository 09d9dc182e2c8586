// Where the server's own BMC is on the network, asked from inside by /dev/ipmi0 (IPMI 2.0 section 23.2 and table 23-4).
#pragma once

#include <string>

#include "sys/machine.h"

namespace agent {

struct BmcLan {
  std::string address, address6, mac;  // of the first channel that has an address; empty: none
};

// A server without a BMC, or with one that does not answer, has none. Blocks for some seconds in the worst case.
BmcLan read_bmc_lan(sys::Machine& machine);

}  // namespace agent
