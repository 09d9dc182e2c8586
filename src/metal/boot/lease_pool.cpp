#include "metal/boot/lease_pool.h"

#include <algorithm>

#include "crypto/hash.h"

namespace metal {

namespace {
constexpr size_t leases_max = 10'000;
constexpr uint64_t tries_max = 100'000;  // of a range that may have 2^64 places
}  // namespace

bool LeasePool::is_free(uint64_t place, const std::string& client) const {
  if (place >= count_ || reserved_.count(place)) return false;
  if (const auto avoided = avoided_.find(place); avoided != avoided_.end() && avoided->second > loop_.now()) {
    return false;
  }
  const auto owner = places_.find(place);
  return owner == places_.end() || owner->second == client || leases_.at(owner->second).until <= loop_.now();
}

void LeasePool::take(const std::string& client, uint64_t place) {
  if (const auto owner = places_.find(place); owner != places_.end() && owner->second != client) {
    leases_.erase(owner->second);
  }
  if (const auto before = leases_.find(client); before != leases_.end()) places_.erase(before->second.place);
  leases_[client] = {place, loop_.now() + lease_};
  places_[place] = client;
}

std::optional<uint64_t> LeasePool::of(const std::string& client) const {
  const auto found = leases_.find(client);
  if (found == leases_.end() || found->second.until <= loop_.now()) return std::nullopt;
  return found->second.place;
}

void LeasePool::give_back(const std::string& client) {
  const auto found = leases_.find(client);
  if (found == leases_.end()) return;
  places_.erase(found->second.place);
  leases_.erase(found);
}

void LeasePool::avoid(uint64_t place) { avoided_[place] = loop_.now() + lease_; }

std::optional<uint64_t> LeasePool::lend(const std::string& client, std::optional<uint64_t> wanted) {
  if (const auto own = leases_.find(client); own != leases_.end() && is_free(own->second.place, client)) {
    own->second.until = loop_.now() + lease_;
    return own->second.place;
  }
  if (leases_.size() >= leases_max) {
    std::erase_if(leases_, [&](const auto& entry) {
      if (entry.second.until > loop_.now()) return false;
      places_.erase(entry.second.place);
      return true;
    });
    std::erase_if(avoided_, [&](const auto& entry) { return entry.second <= loop_.now(); });
  }
  if (wanted && is_free(*wanted, client)) {
    take(client, *wanted);
    return wanted;
  }
  // Starting at a place that depends on the client, the same one tends to get the same address after a restart too.
  const std::string digest = crypto::sha256(client);
  uint64_t start = 0;
  for (size_t i = 0; i < 4; ++i) start = start << 8 | static_cast<unsigned char>(digest[i]);
  for (uint64_t i = 0; i < std::min(count_, tries_max); ++i) {
    const uint64_t place = (start % count_ + i) % count_;
    if (!is_free(place, client)) continue;
    take(client, place);
    return place;
  }
  return std::nullopt;
}

}  // namespace metal
