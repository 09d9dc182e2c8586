// A model of etcd in virtual time: keys with revisions, transactions, leases, watches, compaction; and what goes wrong
// between a client and it. Requests travel on their own, so one whose sender was killed may still be carried out.
#pragma once

#include <functional>
#include <memory>

#include "etcd/api.h"
#include "sys/sys.h"

namespace etcd {

class SimEtcd {
 public:
  // Probabilities per request.
  struct Faults {
    double request_lost = 0;  // not carried out, no answer
    double answer_lost = 0;   // carried out, no answer
    double late = 0;          // carried out after the client has given up
    double watch_broken = 0;  // per delivery
    base::Duration latency_min = base::microseconds(300), latency_max = base::milliseconds(3);
  };

  SimEtcd(sys::Loop& world, sys::Random& random);
  ~SimEtcd();
  // For one process, on its loop. `name` is for set_reachable.
  std::shared_ptr<Api> client(sys::Loop& loop, const std::string& name);

  Faults& faults();
  void set_reachable(const std::string& name, bool reachable);
  void set_quorum(bool there);  // without it nothing is carried out; leases do not end
  // The next `count` transactions get this error and are not carried out (a full disk).
  void refuse(int count, Error error);

  // What each revision changed, at once.
  void on_commit(std::function<void(const std::vector<WatchEvent>&)> fn);
  int64_t revision() const;
  void compact(int64_t revision);
  std::vector<KeyValue> all(const std::string& prefix) const;

  struct State;  // inside sim_etcd.cpp only

 private:
  std::shared_ptr<State> state_;
};

}  // namespace etcd
