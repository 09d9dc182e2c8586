// The whole manager: store, API, controllers and the bare-metal engine, wired together. `ingot serve` runs one on the
// real system; the scenario tests run the same one in a simulated world.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/controllers.h"
#include "cli/identity.h"
#include "cli/replicated.h"
#include "cli/stock.h"
#include "control/preprovisioningimage/preprovisioningimage.h"
#include "metal/engine.h"
#include "registry/registry.h"
#include "server/authentication_options.h"
#include "server/flow_options.h"
#include "store/store.h"
#include "sys/sys.h"

namespace server {
struct AuditOptions;
}

namespace cli {

struct ManagerOptions {
  std::string data_dir;
  sys::Address listen{"127.0.0.1", 6443};
  std::vector<std::string> names;            // further names that the serving certificate is good for
  std::vector<std::string> proxies;          // how BMCs, image servers and workload clusters are reached
  metal::EndpointOptions endpoint;           // the CA is filled in
  std::optional<metal::DhcpOptions> dhcp;    // nullopt: no network boot
  std::optional<metal::Dhcp6Options> dhcp6;  // the same with IPv6
  std::optional<metal::TftpOptions> tftp;    // nullopt: firmware must run iPXE already
  control::OutsideImages outside_images;     // whose ramdisks another controller provides
  std::string site_ca_pem;                   // roots for sums files over https; empty: the system's
  bool allow_md5 = false;                    // image checksums
  metal::ImageCacheOptions image_cache;      // the roots are filled in
  bool kexec = false;                        // agents start what they wrote without the firmware, where that can be
  bool capture_consoles = false;             // of hosts that are worked on
  bool bmc_events = false;                   // listen to BMCs that stream events
  metal::EngineLimits limits;
  ControllerSet chosen;                       // of the controllers
  base::Duration event_ttl = base::hours(1);  // zero keeps Events for ever
  server::AuthenticationOptions authentication;
  std::map<std::string, sys::Address> services;  // server::Options::services
  server::FlowOptions flow = {.priorities = true};
  std::shared_ptr<const server::AuditOptions> audit;  // null: no audit log
  base::Duration request_limit = base::seconds(60);
  std::optional<ReplicatedOptions> replicated;  // one of several processes over etcd
  // The Kubernetes API and nothing else: no engine, no controllers, no files beside the store.
  struct ApiOnly {
    Identity identity;   // ca_certificate_pem is the authority of clients; ca_key_pem is not used
    std::string issuer;  // of ServiceAccount tokens; empty: the usual one
  };
  std::optional<ApiOnly> api_only;
  // The durable store below where it is not etcd; empty: SQLite in the data directory.
  std::function<base::Result<std::unique_ptr<store::Engine>>()> open_engine;
  // Controllers on a foreign API server, and none of our own.
  std::optional<StockOptions> stock;
  // With `stock`: this process may not act any more, everything was stopped; end it.
  std::function<void()> lost;
  bool controllers = true;  // false: only the API (with its housekeeping)
};

// The Secret that tells `ingot get kubeconfig` the proxy rules: kube-system/ingot-site-proxies, one rule per line.
inline constexpr std::string_view proxies_secret = "ingot-site-proxies";

class Manager {
 public:
  Manager(sys::Sys& sys, ManagerOptions options);
  ~Manager();
  Manager(const Manager&) = delete;

  // Call from a fiber. Reads the store, listens, starts the controllers, writes admin.kubeconfig. Errors say what to
  // change (address in use, store locked).
  base::Result<void> start();
  // From a fiber, with `stock`: also gives the lease back, so that the next process need not wait for its end.
  void stop();  // listeners first, then controllers and jobs

  std::string url() const;  // https://host:port, once started
  registry::Registry& registry();
  bool leads() const;                          // runs the controllers; always true where it is the only process
  const metal::StartedEngine& engine() const;  // only while it leads
  uint64_t reconciles() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cli
