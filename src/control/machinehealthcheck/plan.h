// The judgements of a MachineHealthCheck, pure.
#pragma once

#include "control/contract.h"

namespace control::machinehealthcheck {

using api::MachineHealthCheck;

struct Verdict {
  bool healthy = false;
  bool remediate = false;                  // unhealthy for long enough
  std::string reason, message;             // of HealthCheckSucceeded=False
  Duration look_again = Duration::zero();  // when a running timeout will pass; zero: never by itself
};

// What a check needs to know besides the Machine.
struct Facts {
  Time now{};
  bool cluster_reachable = false;  // a fresh look at the workload cluster
  const workload::Node* node = nullptr;
  Time control_plane_initialized{};  // zero: not yet
  Time infrastructure_ready{};       // of the Cluster; zero: not yet
};
Verdict judge(const MachineHealthCheck& check, const Machine& machine, const Facts& facts);

struct Budget {
  bool allowed = true;
  int remediations_allowed = 0;
  std::string message;  // why not, with the numbers
};
// `unhealthy` = expected - healthy: machines inside a timeout window count as unhealthy.
Budget budget(const MachineHealthCheck& check, int expected, int healthy);

}  // namespace control::machinehealthcheck
