// The rack's servers, made from the same manifests that the manager is given: BareMetalHosts and the Secrets with their
// BMC credentials. Model, disks and NICs are the rack's own.
#pragma once

#include <string>
#include <vector>

#include "agent/hardware.h"
#include "base/json.h"
#include "metal/bmc/address.h"
#include "sim/bmc/server_controls.h"

namespace sim {

struct ServerSpec {
  std::string name, ns;  // of the BareMetalHost
  size_t index = 0;
  metal::BmcAddress bmc;
  BmcAccount account;
  ServerIdentity identity;
  std::vector<agent::DiskIdentity> disks;
  std::string site_address;  // on the site network: 10.0.0.(10+index) for the first 80 servers
};

// Documents of other kinds are skipped. Errors: invalid, naming the host (no Secret, bad BMC address, a MAC address or
// BMC used twice).
base::Result<std::vector<ServerSpec>> servers_from_inventory(const std::vector<base::Json>& documents);

std::string site_address_of(size_t index);

}  // namespace sim
