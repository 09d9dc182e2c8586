// Emptying a node: cordon, then evict what can be evicted until nothing but DaemonSet and mirror pods is left.
#pragma once

#include "workload/clusters.h"
#include "workload/kube_client.h"

namespace workload {

// Which pods of a node a drain has to move, and which it leaves (pure).
bool must_move(const Json& pod, bool unreachable_node, base::Time now);

// Parks until the node is empty or the fiber is cancelled. `step` is told what it waits for.
base::Result<void> drain(sys::Loop& loop, KubeClient& client, const std::string& node, const DrainOptions& options,
                         const std::function<void(std::string)>& step);

}  // namespace workload
