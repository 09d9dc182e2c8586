// Everything that is in etcd below the prefix, at one revision, and how a store that was away gets there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "etcd/api.h"
#include "etcd/layout.h"

namespace etcd {

struct Snapshot {
  int64_t at = 0;                      // etcd's revision
  std::vector<KeyValue> objects;       // as they are there
  std::string head_value, term_value;  // empty: there is none yet
  std::optional<KeyValue> leader, keys, identity;
};
// In pages, all of one revision. Parks.
Result<Snapshot> read_snapshot(Api& api, const Layout& layout, base::Duration limit);
Result<std::vector<store::Record>> decode_objects(const Snapshot& snapshot, const Layout& layout,
                                                  const store::Sealer& keys);

// What makes the store hold `objects`, in order of revisions; `last` is Ingot's revision then. How often an object
// changed in between is lost, and when one was deleted: deletions get numbers that no present object has.
std::vector<store::Foreign> difference(const store::Store& store, const std::vector<store::Record>& objects,
                                       uint64_t last);

}  // namespace etcd
