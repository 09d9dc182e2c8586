// What is done to the data in etcd beside serving it: moves, checks, new keys.
#pragma once

#include "etcd/layout.h"

namespace etcd {

// Everything, as a replica that starts reads it. not_found when there is nothing below the prefix.
Result<store::Engine::Loaded> read_all(Api& api, const store::Sealer& master, const std::string& prefix);
// Whether a process leads at the moment, and so may write.
Result<std::optional<Leader>> present_leader(Api& api, const std::string& prefix);

// Puts `content` where nothing is: the objects with their revisions. already_exists when something is. When it is cut
// short, nothing is served from there; empty the prefix and begin anew.
Result<void> fill(sys::Sys& sys, Api& api, const store::Sealer& master, const std::string& prefix,
                  const store::Engine::Loaded& content);

// Seals everything that is confidential with a new key and forgets the old one, while processes go on serving; gives
// the number of values. The common values are sealed anew with the first of the operator's keys.
Result<size_t> rotate_key(sys::Sys& sys, Api& api, const store::Sealer& master, const std::string& prefix);

}  // namespace etcd
