// The kinds that ship in the binary. Each group has its .schema files (the declaration), conversions and rules beside
// its typed structs; see README.md of this folder.
#pragma once

#include "meta/kind.h"

namespace api {

// The manager's API: core kinds Namespace, Secret, ConfigMap, Event, Lease (and v1/events.k8s.io), and all Cluster API
// and Metal3 kinds.
const meta::Scheme& management_scheme();
// A workload cluster's API, as the rack serves it: Namespace, Node, Pod, ConfigMap, Secret, ServiceAccount, Lease,
// Event, DaemonSet, Deployment, RBAC kinds.
const meta::Scheme& workload_scheme();

}  // namespace api
