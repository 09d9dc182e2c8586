// Requests of the boot network that got nothing, by reason.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace metal {

struct RefusedRequests {
  uint64_t dhcp_unexpected = 0;  // of servers that are not expected to boot this way now
  uint64_t dhcp_malformed = 0, dhcp_oversize = 0, dhcp_pool_empty = 0;
  uint64_t dhcp_architecture = 0;  // firmware for which there is no boot loader
  uint64_t dhcp6_unexpected = 0, dhcp6_malformed = 0, dhcp6_oversize = 0, dhcp6_pool_empty = 0, dhcp6_architecture = 0;
  uint64_t boot_path = 0;             // unknown, closed or used-up paths
  uint64_t lookup = 0;                // of hosts that are not expected
  uint64_t lookup_mac = 0;            // of an expected host, with another machine's MAC addresses
  uint64_t lookup_without_token = 0;  // where the ramdisk's agent shows it
  uint64_t lookup_token = 0;          // a wrong one
  uint64_t lookup_again = 0;          // where the first one was given the token: who was that?
  uint64_t heartbeat = 0;             // wrong token or boot
  uint64_t replayed_token = 0;        // a heartbeat or lookup with the token of an earlier boot of this host
  uint64_t callback_url = 0;          // changed in flight, or an address that is never an agent's
  uint64_t command = 0;               // at an agent of ours, without its token: as it says in its heartbeats
  uint64_t malformed = 0, http_oversize = 0;
  uint64_t tftp_unexpected = 0;  // of hosts that are not expected to load a boot loader now
  uint64_t tftp_write = 0, tftp_path = 0, tftp_unknown_file = 0, tftp_malformed = 0, tftp_oversize = 0;
  uint64_t tftp_busy = 0;  // over the limits of transfers at once

  std::string text() const;  // "2 agent lookup, 1 tftp path"; "" when there are none
};
using Refusal = uint64_t RefusedRequests::*;

struct RefusalName {
  Refusal counter;
  std::string_view service, reason;  // labels of metrics, in words with underscores
};
std::span<const RefusalName> refusal_names();  // all of them

}  // namespace metal
