// etcd's members through the JSON gateway of its client port (etcd 3.4 and later, https://NODE:2379/v3/...), with a
// client certificate of the cluster's etcd CA. Calls park the fiber.
#pragma once

#include <string>
#include <vector>

#include "net/http.h"
#include "workload/clusters.h"

namespace workload {

class EtcdClient {
 public:
  EtcdClient(sys::Loop& loop, sys::Net& net, Clusters::EtcdIdentity identity);

  // Members as the first endpoint that answers sees them, each asked for its own health. Errors: unavailable, naming
  // every endpoint's problem.
  base::Result<std::vector<EtcdMember>> members(const std::vector<std::string>& node_addresses);
  base::Result<void> remove(const std::vector<std::string>& node_addresses, const std::string& member_name);
  base::Result<void> move_leader(const std::vector<std::string>& node_addresses, const std::string& member_name);

 private:
  base::Result<Json> call(const sys::Address& endpoint, const std::string& method, const Json& body);
  sys::Loop& loop_;
  sys::Net& net_;
  Clusters::EtcdIdentity identity_;
};

}  // namespace workload
