// `ingot serve --kubeconfig`: what takes the embedded API's place when the controllers work on a foreign
// kube-apiserver. Joins client, installation, webhooks, leader election and mirror; the manager uses it in this order:
// connect(), open the store over engine(), follow(), and stop() at the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/identity.h"
#include "remote/install.h"
#include "remote/leader.h"
#include "remote/mirror.h"
#include "remote/webhooks.h"

namespace cli {

struct StockOptions {
  remote::AccessSource access;
  std::string ns = "ingot-system";  // of the lease and of what several processes share
  std::string process;              // names this process in the lease; empty: made up
  bool leader_election = true;
  bool install = false;  // definitions, namespace, and webhooks when they are served
  std::optional<sys::Address> webhook_listen;
  std::string webhook_url;  // how the API server reaches it; empty: https:// and the address listened on
  std::optional<sys::Address> metrics_listen;  // cli/metrics_listener.h; nullopt: no metrics
  bool metrics_needed = false;                 // else a port that is taken is only a warning
};

class Stock {
 public:
  // `scheme` must outlive it.
  Stock(sys::Sys& sys, const meta::Scheme& scheme, StockOptions options);
  ~Stock();

  // Parks until the API server answers, has what we need and gives us the lease. `identity` is the process's own; what
  // must be the same in every process (CA and boot secret) is taken from the cluster, or put there by the first one.
  // `names` are those of the serving certificate. `lost` is called when this process may not act any more.
  base::Result<void> connect(Identity& identity, const std::vector<std::string>& names, std::function<void()> lost);
  std::unique_ptr<store::Engine> engine();
  base::Result<void> follow();  // after the store was opened: until everything is listed
  // Before something that cannot be undone: see Mirror::is_current.
  base::Result<bool> is_current(const store::Ref& entry);
  // Success while this process may act.
  base::Result<void> may_act() const;
  // Ends reading and writing; the lease is given back when the process may park for it.
  void stop();
  void release();

  std::string server() const;
  remote::Mirror& mirror() { return *mirror_; }

 private:
  base::Result<void> wait_for_server();
  base::Result<void> prepare(const Identity& identity);
  base::Result<void> share_identity(Identity& identity, const std::vector<std::string>& names);
  base::Result<void> take_common_identity(Identity& identity);

  sys::Sys& sys_;
  const meta::Scheme& scheme_;
  StockOptions options_;
  remote::Client client_;
  bool watch_list_ = true;
  std::shared_ptr<remote::Leader> leader_;
  std::unique_ptr<remote::Webhooks> webhooks_;
  std::unique_ptr<remote::Mirror> mirror_;
};

}  // namespace cli
