// What must never happen, whatever fails: nothing is erased, written, reset or powered off without an order that would
// survive a crash at that very moment. Watches each event of the rack beside what is durable in the manager's store, as
// a manager started just then would read it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/metal3.h"
#include "sim/rack.h"
#include "store/store.h"

namespace cli::test {

class Invariants {
 public:
  // Only reads; both must outlive it.
  Invariants(sys::Loop& loop, sim::Rack& rack) : loop_(loop), rack_(rack) {}
  void on_durable(const store::Record& record);
  void on_event(const sim::RackEvent& event);
  // The first few violations, each with what led to it; empty when all is well.
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  // Something that is, or was so long ago that the effects of it may no longer show.
  struct Allowed {
    bool now = false;
    base::Time last{};  // when it was so the last time
    void set(bool value, base::Time at) {
      if (now || value) last = at;
      now = value;
    }
    bool within(base::Duration grace, base::Time at) const {
      return now || (last != base::Time{} && at - last <= grace);
    }
  };
  struct Host {
    api::BareMetalHost doc;
    bool exists = false;
    Allowed write, erase, volumes, boot, touch, stop;
    std::string written_for;  // consumer whose image is recorded as written and verified
  };
  struct Claimant {
    std::string machine;  // namespace/name of the owning Machine
    std::string host;     // namespace/name
    bool deleting = false, provisioned = false;
  };

  void host_changed(const std::string& key, const store::Record& record);
  void check_claim(const std::string& key, const Host& before, const Host& after);
  void fail(const std::string& subject, const std::string& what);
  Host* host_of(const std::string& server);
  // Why the server has to run: the machine that lives on it and that nobody gives up; "" when nothing does.
  std::string runs_for(const Host& host) const;
  void check_disk(const sim::RackEvent& event, Host* host);
  void check_volume(const sim::RackEvent& event, const Host* host);
  void check_power(const sim::RackEvent& event, Host* host);

  sys::Loop& loop_;
  sim::Rack& rack_;
  std::map<std::string, Host> hosts_;          // by namespace/name
  std::map<std::string, Claimant> claimants_;  // Metal3Machines by namespace/name
  std::map<std::string, bool> machines_;       // by namespace/name: deleting
  std::deque<std::string> recent_;             // durable changes and events, newest last
  std::vector<std::string> broken_;
};

}  // namespace cli::test
