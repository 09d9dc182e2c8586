// The store's engine over a foreign API server. Reflectors tell the store what is there; what reconcilers write is
// assumed by the store and sent in order, one write at a time, so that a refused write takes back nothing that was
// already sent. The server's answer (uid, times, versions, defaults, what its webhooks changed) takes the place of what
// was assumed, and is what "durable" means here: nothing outside the process is touched before.
//
// A write is refused when the object changed meanwhile (conflict), or by the server (invalid, forbidden); then the
// assumed writes behind it are taken back too and everybody looks again. Events are sent beside, as best effort.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "remote/reflector.h"
#include "remote/writer.h"
#include "store/store.h"

namespace remote {

struct MirrorOptions {
  std::vector<std::string> resources;  // that reflectors follow: "machines.cluster.x-k8s.io"
  ReflectorLimits reflector;
  WriterLimits writer;
  // Whether this process may still change anything (it holds the lease). Empty: always.
  std::function<Result<void>()> may_act;
  base::Duration events_kept = base::hours(1);  // own Events in memory, to count repetitions
};

class Mirror {
 public:
  // `scheme` has every resource named, and all that reconcilers write.
  Mirror(sys::Sys& sys, Client client, const meta::Scheme& scheme, MirrorOptions options);
  ~Mirror();
  Mirror(const Mirror&) = delete;

  // For Store::open, once. The engine must not outlive the mirror's use; destroy the store before the mirror.
  std::unique_ptr<store::Engine> engine();
  // From a fiber, after the store was opened: follows the resources and returns when each was listed. Errors: after
  // `limit`, what is missing.
  Result<void> start(base::Duration limit);
  // Ends everything. What was assumed and not sent is lost, as in a crash.
  void stop();

  // From a fiber, before something that cannot be undone: whether the object is at the server as `entry` has it, asked
  // there now. False: it is not, and the store has learned how it is. Errors: the server does not answer, or this
  // process may not act any more.
  Result<bool> is_current(const store::Ref& entry);

  size_t queued() const;  // writes that wait for their answer
  uint64_t sent() const;  // writes that were accepted
  uint64_t refused() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remote
