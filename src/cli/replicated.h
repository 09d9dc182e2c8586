// One of several processes that serve the same data from etcd: what it has in common with the others, who leads, and
// how requests reach the leader.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/identity.h"
#include "etcd/replica.h"
#include "registry/registry.h"
#include "server/peers.h"

namespace cli {

struct ReplicatedOptions {
  std::function<base::Result<std::shared_ptr<etcd::Api>>(sys::Sys&)> connect;
  std::string prefix = "/ingot";
  std::string key_file;  // empty: store.key in the data directory
  std::string url;       // where the other processes reach this one, https://HOST:PORT
  base::Duration lease = base::seconds(10);
};

// The Lease object that tells people who leads: kube-system/ingot-leader.
inline constexpr std::string_view leader_lease = "ingot-leader";

class Replicated {
 public:
  Replicated(sys::Sys& sys, ReplicatedOptions options, std::string data_dir);
  ~Replicated();

  // Connects, reads everything; parks. Waits up to a minute for etcd.
  base::Result<std::unique_ptr<store::Engine>> open();
  // What the processes have in common, from etcd; the first process puts it there: what is in its data directory, or
  // new.
  base::Result<void> share_identity(Identity& identity);
  // For the API server. `identity` is complete by now and outlives the answer.
  base::Result<server::PeerOptions> peers(const Identity& identity);
  etcd::Replica& replica() { return *replica_; }
  // Writes the Lease object; call it now and then while leading.
  base::Result<void> publish_lease(registry::Registry& registry);

 private:
  struct Leading;
  base::Result<store::Sealer> master_key();

  sys::Sys& sys_;
  ReplicatedOptions options_;
  std::string data_dir_, identity_name_;
  std::shared_ptr<etcd::Api> api_;
  etcd::Replica* replica_ = nullptr;  // the store's
  std::shared_ptr<Leading> leading_;
};

}  // namespace cli
