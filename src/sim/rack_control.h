// The hand that reaches into the rack: faults and states over a small HTTP interface on loopback, for tests, the demo
// and people trying things out. Not part of what hardware offers.
//   GET  /servers                       servers and clusters as JSON
//   GET  /events[?from=N]               the event log from line N on, as text
//   GET  /site-ca                       the CA of the image server, PEM
//   POST /servers/NAME/stop-kubelet     start-kubelet, cut-power[?seconds=N[&on=true]], restart-bmc,
//                                       crash-bmc?seconds=N, hang, forget-boots[?count=N],
//                                       exchange-disk?device=/dev/sda&serial=S
//   POST /nodes/NODE/stop-kubelet       the same for the server that runs as this node
//   POST /servers/NAME/bmc-faults       {"unavailable": 0.1, "reset": 0.1, "lost": 0.1}
//   POST /images/corrupt?path=/x&on=true
#pragma once

#include "net/http.h"
#include "sim/rack.h"

namespace sim {

class RackControl {
 public:
  RackControl(sys::Loop& loop, sys::Net& net, Rack& rack, const sys::Address& listen);
  base::Result<void> start();
  sys::Address local() const;
  net::Response answer(const net::Request& request);  // also without a socket

 private:
  net::Response act(const std::string& target, const std::string& name, const std::string& verb,
                    const net::Request& request);
  Rack& rack_;
  net::HttpServer server_;
};

}  // namespace sim
