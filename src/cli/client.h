// The commands that ask a running API: which kubeconfig they use, and the client made from it.
#pragma once

#include <memory>
#include <string>

#include "sys/sys.h"
#include "workload/kube_client.h"

namespace cli {

// --kubeconfig, else $KUBECONFIG, else ingot-data/admin.kubeconfig, else ~/.kube/config. Errors: not_found with what to
// do, invalid when the file cannot be used, unsupported (exec plugins, proxies).
base::Result<std::unique_ptr<workload::KubeClient>> connect(sys::Sys& sys, const std::string& kubeconfig_flag);

}  // namespace cli
