// The flags of `ingot serve` for a foreign API server, and the commands that print what such a cluster needs.
#pragma once

#include <string>

#include "cli/manager.h"

namespace CLI {
class App;
}

namespace cli {

struct StockFlags {
  std::string kubeconfig, context;
  bool in_cluster = false;
  std::string ns = "ingot-system";
  bool leader_elect = true;
  bool install_crds = false;
  std::string webhook_listen, webhook_url;
  std::string metrics_bind_address;  // empty: the usual one, "0": none
};

void add_stock_flags(CLI::App& serve, StockFlags& flags);
// After apply_api_flags. Errors name the flag.
base::Result<void> apply_stock_flags(const StockFlags& flags, ManagerOptions& options);

struct ManifestFlags {
  std::string webhook_url, webhook_ca;  // a URL and a PEM file; empty: no webhooks
  std::string ns = "ingot-system";
};
void add_crds_flags(CLI::App& crds, ManifestFlags& flags);
void add_rbac_flags(CLI::App& rbac, ManifestFlags& flags);
int print_crds(sys::Disk& disk, const ManifestFlags& flags);
int print_rbac(const ManifestFlags& flags);

}  // namespace cli
