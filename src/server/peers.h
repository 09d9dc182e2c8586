// Several processes serve one store, and one of them, the leader, writes. The others answer reads themselves and pass
// everything else on, with the name of who asked.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace server {

struct PeerOptions {
  std::function<bool()> leads;                   // whether this process does
  std::function<base::Result<void>()> catch_up;  // parks until the store has what was acknowledged anywhere before
  // Sends to the leader; parks. unavailable: nothing was sent; anything else: it may or may not have been done.
  std::function<base::Result<net::Response>(net::Request)> to_leader;
  // Signs the certificates of the processes, and nobody else's: who shows one says in headers whom it speaks for.
  std::string ca_pem;
};

struct Api;
struct Call;
struct User;

// The headers in which processes tell each other who asked. Those of anybody else mean nothing.
inline constexpr std::string_view peer_user_header = "X-Ingot-Remote-User", peer_group_header = "X-Ingot-Remote-Group",
                                  peer_uid_header = "X-Ingot-Remote-Uid", peer_extra_prefix = "X-Ingot-Remote-Extra-";

// Whether the request is for the leader, and this process is not.
bool is_for_leader(const Call& call);
// Its answer. `user` is who asks, before impersonation.
net::Response ask_leader(const Call& call, const User& user);
// Before a read that must show all that was acknowledged: nothing to do for the leader, and where there is one process.
base::Result<void> catch_up(const Call& call);

}  // namespace server
