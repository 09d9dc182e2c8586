// A BMC's IPMI-over-LAN service (IPMI 2.0, RMCP+) for one simulated server on one UDP socket: cipher suites 3 and 17,
// session limit and idle timeout, chassis power and boot options, device identity.
#pragma once

#include <memory>
#include <string>

#include "sim/bmc/profile.h"
#include "sim/bmc/server_controls.h"
#include "sys/sys.h"

namespace sim {

struct IpmiFrontOptions {
  sys::Address listen;  // usually the BMC's address, port 623
  size_t sessions_max = 4;
  base::Duration session_idle_limit = base::seconds(60);
  bool suite_17 = true;     // without it only suite 3, as older BMCs
  BmcProfile profile = {};  // how it misbehaves
};

class IpmiFront {
 public:
  // `server` must outlive the front.
  IpmiFront(sys::Sys& sys, sys::Net& net, ServerControls& server, IpmiFrontOptions options);
  ~IpmiFront();
  base::Result<void> start();
  void stop();
  // The BMC restarts: sessions are gone and it listens again when start() is called.
  void restart_losing_sessions();
  sys::Address local() const;
  size_t sessions() const;  // active ones
  BmcFaults& faults();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sim
