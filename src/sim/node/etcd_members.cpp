#include "sim/node/etcd_members.h"

#include <algorithm>

#include "crypto/hash.h"

namespace sim {

using base::Result;

namespace {
uint64_t id_of(const std::string& text) {
  uint64_t id = 0;
  for (const char c : crypto::sha256(text).substr(0, 8)) id = id << 8 | static_cast<unsigned char>(c);
  return id == 0 ? 1 : id;
}
}  // namespace

uint64_t EtcdMembers::cluster_id() const { return id_of(cluster_); }

bool EtcdMembers::has_quorum() const {
  const auto up = static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p.up; }));
  return !peers_.empty() && up >= peers_.size() / 2 + 1;
}

Result<void> EtcdMembers::add(const std::string& name, const std::string& address) {
  if (find(name) != nullptr) return base::conflict("etcdserver: Peer URLs already exists");
  if (!peers_.empty()) {
    if (!has_quorum()) return base::unavailable("etcdserver: no leader");
    const auto up =
        static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p.up; }));
    // Strict reconfiguration: the members that run must be a majority of the new number. A lone member may always get a
    // second one (etcd server/etcdserver/api/membership, IsReadyToAddVotingMember).
    if (peers_.size() > 1 && up < (peers_.size() + 1) / 2 + 1) {
      return base::conflict("etcdserver: re-configuration failed due to not enough started members");
    }
  }
  const uint64_t id = id_of(cluster_ + "/" + name + "/" + address + "/" + std::to_string(term_));
  peers_.push_back({id, name, address, true});
  elect();
  return {};
}

Result<void> EtcdMembers::remove(uint64_t id) {
  if (!has_quorum()) return base::unavailable("etcdserver: request timed out, possibly due to connection lost");
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const auto& p) { return p.id == id; });
  if (found == peers_.end()) return base::not_found("etcdserver: member not found");
  peers_.erase(found);
  elect();
  return {};
}

Result<void> EtcdMembers::move_leader(uint64_t to) {
  const EtcdPeer* peer = find(to);
  if (peer == nullptr || !peer->up) return base::not_found("etcdserver: bad leader transferee");
  if (!has_quorum()) return base::unavailable("etcdserver: no leader");
  if (leader_ != to) ++term_;
  leader_ = to;
  return {};
}

void EtcdMembers::set_up(const std::string& name, bool up) {
  for (auto& peer : peers_) {
    if (peer.name == name) peer.up = up;
  }
  elect();
}

void EtcdMembers::elect() {
  const EtcdPeer* now = find(leader_);
  if (!has_quorum()) {
    leader_ = 0;
    return;
  }
  if (now != nullptr && now->up) return;
  for (const auto& peer : peers_) {
    if (!peer.up) continue;
    leader_ = peer.id;
    ++term_;
    return;
  }
}

const EtcdPeer* EtcdMembers::leader() const { return find(leader_); }

const EtcdPeer* EtcdMembers::find(const std::string& name) const {
  for (const auto& peer : peers_) {
    if (peer.name == name) return &peer;
  }
  return nullptr;
}

const EtcdPeer* EtcdMembers::find(uint64_t id) const {
  for (const auto& peer : peers_) {
    if (peer.id == id && id != 0) return &peer;
  }
  return nullptr;
}

}  // namespace sim
