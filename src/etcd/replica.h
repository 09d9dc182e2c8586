// A store engine on etcd that several processes share. One of them at a time, the leader, writes: it holds a key bound
// to an etcd lease, and every transaction compares that key (so a former leader's late write fails) and Ingot's
// revision (so writes have one order). The others follow the changes and keep the same memory. See docs/decisions for
// the reasons.
//
// Revisions are Ingot's own and the same in all processes. Each leader gets a range of its own that begins `term_gap`
// after all that is known, so that a number that a former leader gave to a write that was lost never stands for another
// write.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "etcd/api.h"
#include "etcd/layout.h"
#include "store/store.h"
#include "sys/sys.h"

namespace etcd {

inline constexpr uint64_t term_gap = 1u << 20;  // a leader has at most a quarter of that in flight

struct ReplicaOptions {
  std::string prefix = "/ingot";
  Leader self;  // identity: unique for this start of the process; url: where others reach it
  // How long others wait until they take over from a leader that is silent; it stops `clock_skew` sooner by its own
  // clock.
  base::Duration lease = base::seconds(10);
  base::Duration clock_skew = base::seconds(1);
  base::Duration keep_past = base::minutes(10);  // of etcd's history, for followers that were away
};

class Replica : public store::Engine {
 public:
  // Takes part in elections from now on; call it when everything else is ready. Before, the process only follows.
  virtual void run_for_leader() = 0;
  // Gives the lead up at once, so that another process can take it without waiting. Parks.
  virtual void resign() = 0;
  // Whether this process leads and nobody else can: by its own clock, with the skew taken off. Ask before anything
  // outside is touched.
  virtual bool leads() const = 0;
  virtual std::optional<Leader> leader() const = 0;  // as last heard; may be this process
  // Called when leads() or leader() has changed. When the lead is lost: at that moment, so that everything outside
  // stops, and once more when the assumed writes were rolled back.
  virtual void on_change(std::function<void()> fn) = 0;
  // Parks until every write that was acknowledged anywhere before the call is in the store. timeout, unavailable.
  virtual Result<void> catch_up(base::Duration limit) = 0;
  virtual const store::Sealer& sealer() const = 0;  // of the operator's key
};

// Reads everything; parks. `master` is the operator's key, the same for all processes: it seals the keys that seal
// values. Errors: etcd's; not_found when what is there was sealed with another key.
Result<std::unique_ptr<Replica>> open_replica(sys::Sys& sys, std::shared_ptr<Api> api, store::Sealer master,
                                              ReplicaOptions options);

// A value that all processes have in common, sealed: what is there, else `fresh()`, stored for the others. Parks.
Result<std::string> common_value(sys::Sys& sys, Api& api, const store::Sealer& master, const std::string& key,
                                 const std::function<Result<std::string>()>& fresh);

}  // namespace etcd
