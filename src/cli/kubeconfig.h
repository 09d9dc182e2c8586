// `ingot get kubeconfig`: access to a workload cluster, from wherever the manager's API can be reached.
#pragma once

#include <string>
#include <vector>

#include "sys/real/real.h"

namespace cli {

struct KubeconfigFlags {
  std::string cluster, ns, kubeconfig;
};
int get_kubeconfig(sys::RealSystem& system, const KubeconfigFlags& flags);

// The kubeconfig with `proxy-url` on clusters whose server a rule sends through a proxy. Errors: invalid.
base::Result<std::string> with_proxies(const std::string& kubeconfig, const std::vector<std::string>& rules);

}  // namespace cli
