// Addresses of a range, by their place in it, each lent to one client at a time. Kept in memory: a client that asks for
// the address it had before a restart gets it again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "sys/sys.h"

namespace metal {

class LeasePool {
 public:
  LeasePool(sys::Loop& loop, uint64_t count, base::Duration lease) : loop_(loop), count_(count), lease_(lease) {}
  void never_lend(uint64_t place) { reserved_.insert(place); }
  // The client's own, else `wanted` where that is free, else a free one; until now + lease. Nullopt: all are lent.
  std::optional<uint64_t> lend(const std::string& client, std::optional<uint64_t> wanted);
  std::optional<uint64_t> of(const std::string& client) const;  // while it lasts
  void give_back(const std::string& client);
  // Somebody else uses it: nobody gets it for the time of a lease.
  void avoid(uint64_t place);

 private:
  struct Lease {
    uint64_t place = 0;
    base::Time until;
  };
  bool is_free(uint64_t place, const std::string& client) const;
  void take(const std::string& client, uint64_t place);

  sys::Loop& loop_;
  uint64_t count_;
  base::Duration lease_;
  std::set<uint64_t> reserved_;
  std::map<uint64_t, base::Time> avoided_;
  std::map<std::string, Lease> leases_;     // by client
  std::map<uint64_t, std::string> places_;  // whose each is
};

}  // namespace metal
