// The network boot ROM of a simulated server: DHCP through the site's relay, then the iPXE script, kernel and initrd
// over HTTP (RFC 2131, RFC 4578, ipxe.org scripting).
#pragma once

#include "sim/boot.h"
#include "sim/server.h"

namespace sim {

class NetworkBoot {
 public:
  NetworkBoot(Server& server, sys::Sys& sys) : server_(server), sys_(sys) {}
  // Errors: timeout (no DHCP answer), unavailable, invalid (a script that makes no sense); layer network_boot.
  base::Result<Ramdisk> run();

 private:
  struct Lease {
    std::string address, boot_file, server_id;
  };
  base::Result<Lease> dhcp();
  base::Result<std::string> exchange(sys::Datagram& socket, const std::string& packet, uint32_t xid, int wanted_type);
  base::Result<std::string> get(const std::string& url);
  base::Result<Ramdisk> run_script(const std::string& script, const std::string& script_url);

  Server& server_;
  sys::Sys& sys_;
};

}  // namespace sim
