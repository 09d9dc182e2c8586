#include "cli/controllers.h"

#include <algorithm>

#include "base/text.h"

namespace cli {

// Those of kube-controller-manager by its names, then those of Cluster API and Metal3.
const std::vector<std::string_view>& ControllerSet::names() {
  static const std::vector<std::string_view> all = {"garbage-collector-controller",
                                                    "namespace-controller",
                                                    "serviceaccount-controller",
                                                    "serviceaccount-token-controller",
                                                    "root-ca-certificate-publisher-controller",
                                                    "clusterrole-aggregation-controller",
                                                    "cluster",
                                                    "machine",
                                                    "machineset",
                                                    "machinedeployment",
                                                    "machinehealthcheck",
                                                    "kubeadmconfig",
                                                    "kubeadmcontrolplane",
                                                    "metal3cluster",
                                                    "metal3machine",
                                                    "baremetalhost",
                                                    "hostfirmware",
                                                    "dataimage",
                                                    "preprovisioningimage",
                                                    "bmceventsubscription"};
  return all;
}

base::Result<ControllerSet> ControllerSet::parse(const std::vector<std::string>& items) {
  for (const std::string& item : items) {
    const std::string_view name = std::string_view(item).substr(item.starts_with('-') ? 1 : 0);
    if (item == "*" || std::find(names().begin(), names().end(), name) != names().end()) continue;
    std::vector<std::string> known(names().begin(), names().end());
    return base::invalid("there is no controller " + base::quoted(name) + "; there are " + base::join(known, ", "));
  }
  ControllerSet out;
  out.items_ = items;
  return out;
}

bool ControllerSet::has(std::string_view name) const {
  bool all = false;
  for (const std::string& item : items_) {
    if (item == name) return true;
    if (item.starts_with('-') && std::string_view(item).substr(1) == name) return false;
    all = all || item == "*";
  }
  return all;
}

}  // namespace cli
