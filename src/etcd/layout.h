// How Ingot's data lies in etcd, below a prefix:
//
//   o/RESOURCE/NAMESPACE/NAME  an object: its revisions and the document (compressed, or sealed when confidential)
//   revision                   Ingot's last revision, and what the same transaction deleted. Every write has a compare
//                              on its old value, so writes have one order
//   term                       the number after which the newest leader's revisions begin; grows with each leader
//   leader                     who may write, bound to a lease; every write has a compare on it (fencing)
//   keys                       the keys that seal confidential values, sealed themselves with the operator's key
//   identity                   what all processes must have in common (CA, token signing key), sealed likewise
//
// Values are protobuf messages, so that fields can be added.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "etcd/api.h"
#include "store/sealer.h"
#include "store/store.h"

namespace etcd {

struct Layout {
  explicit Layout(std::string prefix);  // any spelling: "ingot", "/ingot/"
  std::string root;                     // "/ingot/"
  std::string revision, term, leader, keys, identity;

  std::string object(const store::Key& key) const { return root + "o/" + key.text(); }
  std::optional<store::Key> object_of(std::string_view key) const;  // nullopt: not an object's key
};

std::string encode_object(const store::Record& record, const store::Sealer& sealer, sys::Random& random);
// Errors: corrupt, not_found (sealed with a key that is not among the sealer's).
Result<store::Record> decode_object(const store::Key& key, std::string_view value, const store::Sealer& sealer);
// The id of the key that sealed it; nullopt when it is not sealed.
std::optional<uint32_t> sealed_with(std::string_view value);

struct Head {
  uint64_t revision = 0;
  struct Deleted {
    store::Key key;
    uint64_t revision = 0;
  };
  std::vector<Deleted> deleted;
};
std::string encode(const Head& head);
Result<Head> decode_head(std::string_view value);

struct Leader {
  std::string identity;
  std::string url;    // where it serves the API
  uint64_t term = 0;  // its revisions are greater; no two leaders have the same
  bool operator==(const Leader&) const = default;
};
std::string encode(const Leader& leader);
Result<Leader> decode_leader(std::string_view value);

// What the sealed value of a common key (keys, identity) is bound to.
std::string common_binding(const std::string& key);

std::string encode_term(uint64_t term);
Result<uint64_t> decode_term(std::string_view value);  // 0 for an empty value

}  // namespace etcd
