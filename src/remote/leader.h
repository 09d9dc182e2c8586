// Leader election by a coordination.k8s.io Lease, as client-go does it: one process of several runs the controllers.
// Times are judged by this process's own clock from when it saw the Lease change, never by the times written in it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "remote/client.h"

namespace remote {

struct LeaderOptions {
  std::string ns = "ingot-system", name = "ingot";
  std::string identity;  // unique to this process
  base::Duration lease = base::seconds(15);
  base::Duration renew_deadline = base::seconds(10);
  base::Duration retry = base::seconds(2);
};

class Leader {
 public:
  Leader(sys::Sys& sys, Client client, LeaderOptions options);
  ~Leader();
  Leader(const Leader&) = delete;

  // Parks until this process holds the lease, then keeps it. `lost` is called once when that fails for
  // `renew_deadline`. Errors: cancelled.
  Result<void> acquire(std::function<void()> lost);
  // Success while nobody else can hold the lease: the last renewal was sent less than `renew_deadline` ago. A process
  // that was stopped for a while finds out here, before anything else runs.
  Result<void> held() const;
  // Lets the next one take over at once. Call when nothing of this process acts any more.
  void release();
  const std::string& holder() const;  // as last seen

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remote
