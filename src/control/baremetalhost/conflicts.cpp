// Two hosts that stand for the same server. The second would inspect and wipe what the first has deployed, and no look
// at the hardware could tell: it is the right machine for both.
#include "base/text.h"
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

bool same_bmc(const metal::BmcAddress& a, const metal::BmcAddress& b) {
  return a.protocol == b.protocol && base::equals_ignore_case(a.host, b.host) && a.port == b.port &&
         a.system_path == b.system_path;
}

// Whether `other` came first: it is past registering, or it is older.
bool came_first(const BareMetalHost& other, const BareMetalHost& host) {
  const State state = state_from(other.status.provisioning.state);
  if (state == State::none || state == State::unmanaged) return false;
  if (state != State::registering) return true;
  return other.meta.created != host.meta.created ? other.meta.created < host.meta.created
                                                 : other.meta.uid < host.meta.uid;
}

}  // namespace

std::optional<Error> taken_by_another(const Scope& scope) {
  const auto& host = scope.host;
  const auto mine = metal::parse_bmc_address(host.spec.bmc.address);
  const std::string my_host = mine ? base::lower(mine->host) : "";
  for (const auto& other : scope.ctx.list<BareMetalHost>("")) {
    // First what is cheap: there may be thousands of hosts.
    const std::string& mac = other->spec.boot_mac_address;
    const bool same_mac = !mac.empty() && base::equals_ignore_case(mac, host.spec.boot_mac_address);
    if (!same_mac && (!mine || base::lower(other->spec.bmc.address).find(my_host) == std::string::npos)) continue;
    if (other->meta.uid == host.meta.uid || !came_first(*other, host)) continue;
    std::string what;
    if (same_mac) {
      what = "boot MAC address " + scope.access.boot_mac;
    } else if (const auto theirs = metal::parse_bmc_address(other->spec.bmc.address);
               mine && theirs && same_bmc(*mine, *theirs)) {
      what = "BMC " + mine->endpoint();
    } else {
      continue;
    }
    const std::string name = other->meta.ns + "/" + other->meta.name;
    return Error{base::Code::already_exists, what + " belongs to host " + name, base::Layer::bmc,
                 "correct spec.bmc.address or spec.bootMACAddress, or delete one of the two hosts"};
  }
  return std::nullopt;
}

}  // namespace control::baremetalhost
