// default/kubernetes, the Service by which programs inside a cluster find their API server; clients expect it to exist.
#pragma once

#include "registry/registry.h"

namespace server {

// Makes it where the scheme has Services, or corrects the port that it leads to. It has the first address of the range
// that Services get theirs from. Failures are logged.
void make_kubernetes_service(registry::Registry& registry, uint16_t port);

}  // namespace server
