// What all servers of a rack share: the network segment, the pace, the event log, the site's certificate authority and
// the workload clusters that their nodes form.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sim/bmc/profile.h"
#include "sim/event_log.h"
#include "sim/pace.h"
#include "sys/sys.h"

namespace sim {

class Body;
class Server;
class WorkloadClusters;

struct Site {
  sys::Sys& sys;  // net is the segment
  Pace pace;
  Durations durations;
  EventLog log;
  uint64_t seed = 1;
  std::string disk_directory;
  std::string ca_certificate_pem, ca_key_pem;
  uint64_t image_bytes = 1u << 20;  // what the image server serves; the writing speed of disks is made from it
  sys::Net* relay_net = nullptr;    // where the DHCP relay's packets leave
  sys::Address dhcp_server;         // empty host: no DHCP answers
  std::string relay_address = "172.22.0.1";
  BmcProfile bmc_profile;
  // What a server becomes when it is switched on; empty: the simulated one.
  std::function<std::unique_ptr<Body>(Server&)> make_body;
  sys::Sys* real = nullptr;  // where bodies that are not simulated live; null without any
  std::unique_ptr<WorkloadClusters> clusters;

  Site(sys::Sys& sys_in, double speed);
  ~Site();
};

}  // namespace sim
