// The member list of one cluster's etcd: who votes, who is up, who leads, and whether there is a quorum (raft: more
// than half of the voting members up).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace sim {

struct EtcdPeer {
  uint64_t id = 0;
  std::string name, address;
  bool up = false;
};

class EtcdMembers {
 public:
  explicit EtcdMembers(std::string cluster) : cluster_(std::move(cluster)) {}
  // Errors: unavailable (no quorum), conflict (another unhealthy member would cost the quorum, as etcd's strict check).
  base::Result<void> add(const std::string& name, const std::string& address);
  // Errors: not_found, unavailable (no quorum).
  base::Result<void> remove(uint64_t id);
  base::Result<void> move_leader(uint64_t to);
  void set_up(const std::string& name, bool up);
  bool has_quorum() const;
  const EtcdPeer* leader() const;  // null without quorum
  const EtcdPeer* find(const std::string& name) const;
  const EtcdPeer* find(uint64_t id) const;
  const std::vector<EtcdPeer>& all() const { return peers_; }
  uint64_t term() const { return term_; }
  uint64_t cluster_id() const;

 private:
  void elect();
  std::string cluster_;
  std::vector<EtcdPeer> peers_;  // in the order they were added
  uint64_t leader_ = 0, term_ = 1;
};

}  // namespace sim
