#include "cli/client.h"

#include "sys/real/real.h"

namespace cli {

using base::Result;

namespace {

Result<std::string> kubeconfig_path(sys::Sys& sys, const std::string& flag) {
  if (!flag.empty()) return flag;
  const std::string variable = sys::environment("KUBECONFIG");
  if (!variable.empty()) return variable.substr(0, variable.find(':'));
  for (const std::string& path :
       {std::string("ingot-data/admin.kubeconfig"), sys::environment("HOME") + "/.kube/config"}) {
    if (sys.disk.exists(path)) return path;
  }
  return base::Error{base::Code::not_found, "no kubeconfig is given and none is at the usual places", base::Layer::api,
                     "use --kubeconfig FILE or set KUBECONFIG; `ingot serve` writes DATA_DIR/admin.kubeconfig"};
}

}  // namespace

Result<std::unique_ptr<workload::KubeClient>> connect(sys::Sys& sys, const std::string& kubeconfig_flag) {
  const std::string path = TRY(kubeconfig_path(sys, kubeconfig_flag));
  const std::string text = TRY(sys.disk.read(path).context("kubeconfig"));
  return workload::KubeClient::from_kubeconfig(sys.loop, sys.net, text).context(path);
}

}  // namespace cli
