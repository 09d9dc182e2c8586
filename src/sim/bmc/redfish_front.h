// A BMC's Redfish service (DSP0266 1.15) for one simulated server, on net::HttpServer: service root, one System, one
// Manager with a virtual CD, one Chassis, sessions and Basic authentication, ETags, and error bodies with
// @Message.ExtendedInfo.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/bmc/profile.h"
#include "sim/bmc/server_controls.h"
#include "sys/sys.h"

namespace sim {

struct RedfishFrontOptions {
  sys::Address listen;          // usually the BMC's address, port 443
  bool tls = true;              // own self-signed certificate for the listen host
  std::string system_id = "1";  // /redfish/v1/Systems/1
  size_t sessions_max = 16;     // more are refused with 503 SessionLimitExceeded
  base::Duration session_idle_limit = base::minutes(30);
  std::optional<BmcProfile> profile = {};  // how it misbehaves
};

class RedfishFront {
 public:
  // `server` must outlive the front.
  RedfishFront(sys::Sys& sys, sys::Net& net, ServerControls& server, RedfishFrontOptions options);
  ~RedfishFront();
  base::Result<void> start();  // listens
  void stop();                 // also closes connections
  // The BMC restarts: connections and sessions are gone; it listens again when start() is called.
  void restart_losing_sessions();
  void tell(const std::string& message_id, const std::string& origin);  // an event
  void power_changed();  // the server's: those who listen for events are told
  sys::Address local() const;
  size_t sessions() const;
  size_t event_streams() const;
  int requests() const;  // since it was made
  BmcFaults& faults();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sim
