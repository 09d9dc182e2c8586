// The kinds that ship in the binary. Each group has its .schema files (the declaration), conversions and rules beside
// its typed structs; see README.md of this folder.
#pragma once

#include <string_view>
#include <vector>

#include "meta/kind.h"

namespace api {

// The manager's API: core kinds Namespace, Secret, ConfigMap, Event, Lease and ServiceAccount, the RBAC kinds,
// CustomResourceDefinition, and the Cluster API and Metal3 kinds that have a reconciler.
const meta::Scheme& management_scheme();
// A workload cluster's API, as the rack serves it: Namespace, Node, Pod, ConfigMap, Secret, ServiceAccount, Lease,
// Event, DaemonSet, Deployment, RBAC kinds.
const meta::Scheme& workload_scheme();

// Every kind that a .schema file declares, served or not, in the order of the files.
const std::vector<meta::Kind>& declared_kinds();
// By "plural.group"; null when no file declares it.
const meta::Kind* declared_kind(std::string_view resource);

}  // namespace api
