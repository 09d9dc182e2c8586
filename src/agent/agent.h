// The deploy agent: finds its manager, proves itself with the token of this boot, and does what it is told to the disks
// of its machine. Protocol of ironic-python-agent (docs/agent-protocol.md): lookup, heartbeat, and a command server on
// HTTPS whose self-signed certificate travels in the heartbeat.
//
// Boot parameters: ipa-api-url, ipa-agent-token, ingot-host-uuid, deploy_id, boot_method (vmedia or pxe) and, after a
// network boot, ingot-ca-sha256 (hex SHA-256 of the manager CA's DER) with ca.crt fetched from the boot server.
#pragma once

#include <memory>
#include <string>

#include "agent/hardware.h"

namespace agent {

struct Timing {
  base::Duration lookup_retry = base::seconds(5);
  // The next beat comes after heartbeat_timeout of the manager x 0.3..0.6, at most this.
  base::Duration beat_max = base::minutes(3);
  base::Duration request_limit = base::seconds(60);
  double speed = 1;  // the manager's heartbeat_timeout is divided by this (the rack's scaled time)
};

constexpr uint16_t command_port = 9999;
constexpr const char* agent_version = "ingot-agent/1";

class Agent {
 public:
  // Everything runs in fibers of sys.loop; `hardware` must outlive them (shut the loop first).
  Agent(sys::Sys& sys, Hardware& hardware, Timing timing = {});
  ~Agent();
  void start();
  // "looking up the manager", "idle", "write_image 42 %": for consoles and the demo's table.
  std::string doing() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// SHA-256 of the first certificate's DER in a PEM text, lower-case hex. Errors: invalid.
base::Result<std::string> certificate_sha256(std::string_view pem);

}  // namespace agent
