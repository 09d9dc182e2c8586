// The bare-metal engine: everything the manager does to servers, as jobs in fibers, one at a time per host. Holds
// nothing that a restart would miss; see metal/port.h for the rules and metal/guard.h for what it refuses.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "metal/boot/checksum.h"
#include "metal/boot/dhcp6_service.h"
#include "metal/boot/dhcp_service.h"
#include "metal/boot/endpoint.h"
#include "metal/boot/image_cache_options.h"
#include "metal/boot/tftp_service.h"
#include "metal/port.h"
#include "store/store.h"

namespace metal {

// Patience, in hardware's time. A rack that runs faster works unchanged, since these are upper bounds; scaled() makes
// it notice failures as much sooner.
struct EngineLimits {
  BmcLimits bmc;
  int bmc_tries = 3;                                   // of one step, over those inside the BMC client
  base::Duration bmc_retry_gap = base::seconds(20);    // between them
  int fetch_tries = 5;                                 // of a sums file that cannot be reached
  base::Duration fetch_retry_gap = base::seconds(15);  // between them
  base::Duration power_change = base::minutes(2);      // until the BMC shows the new state
  base::Duration soft_off = base::seconds(180);        // then the button is held
  base::Duration power_poll_gap = base::seconds(2);    // while waiting for a change
  base::Duration firmware = base::minutes(20);         // power-on until the ISO or DHCP is asked for
  base::Duration fetch = base::minutes(10);            // between steps of loading the ramdisk
  base::Duration agent_start = base::minutes(15);      // ramdisk loaded until the agent looks us up and beats
  base::Duration agent_silence = base::seconds(300);   // without a heartbeat the agent counts as lost
  base::Duration reattach = base::minutes(10);         // after a restart: how long to wait for a known agent
  base::Duration agent_request = base::seconds(60);    // one call
  base::Duration agent_poll = base::seconds(10);       // of a running command; its end beats at once anyway
  base::Duration clean_metadata = base::minutes(30);
  base::Duration clean_disk = base::hours(72);
  base::Duration write_image = base::hours(4);
  base::Duration firmware_update = base::hours(1);     // of one component, in the BMC
  base::Duration firmware_verify = base::minutes(30);  // from the restart until everything is in force
  base::Duration firmware_poll = base::seconds(10);
  base::Duration raid_task = base::hours(1);              // one volume is made or deleted
  base::Duration event_silence = base::minutes(30);       // without anything on it a stream of events counts as lost
  base::Duration watch_again = base::minutes(2);          // after a stream was lost
  base::Duration watch_unsupported = base::hours(6);      // when the BMC offers none
  base::Duration power_poll_watched = base::minutes(10);  // how old a power state may be while a BMC is watched
  base::Duration secure_boot_shown = base::minutes(5);    // until the BMC tells of the boot that was begun
};

// For a simulated rack whose hardware runs `speed` times faster than life: what waits for hardware gives up sooner by
// that factor, but never sooner than a busy machine needs to answer.
EngineLimits scaled(EngineLimits limits, double speed);

struct EngineOptions {
  EndpointOptions endpoint;
  std::optional<DhcpOptions> dhcp;  // nullopt: no network boot
  std::optional<Dhcp6Options> dhcp6;
  std::optional<TftpOptions> tftp;  // nullopt: firmware must run iPXE already
  std::string boot_secret;          // at least 32 random bytes that survive restarts (keep it in the data directory)
  ChecksumRules checksum;
  ImageCacheOptions image_cache;
  std::string agent_log_dir;  // where agents' logs are kept; empty: they are not fetched
  EngineLimits limits;
  bool kexec = false;           // of hosts that do not say: start what was written without the firmware
  std::string console_log_dir;  // where the consoles of hosts that are worked on are kept; empty: they are not captured
  bool watch_events = false;    // listen to BMCs that stream events, and ask them for their power state rarely
  // Asked right before anything irreversible, from a job's fiber: whether the stored host is still what the authority
  // above the store has. False: it was not, and the store has learned of it. Empty: the store is the authority.
  std::function<base::Result<bool>(const store::Ref& host)> is_current;
  // How to talk to a BMC; empty: metal::make_bmc. Tests put their own in.
  std::function<base::Result<std::unique_ptr<Bmc>>(const HostAccess&, const BmcAddress&)> connect_bmc;
};

class StartedEngine : public Engine {
 public:
  // Listens (endpoint, DHCP). Call before the first operation.
  virtual base::Result<void> start() = 0;
  virtual void stop() = 0;  // closes listeners, ends jobs
  virtual const BootPlace& place() const = 0;
  virtual const Endpoint& endpoint() const = 0;
  virtual const RefusedRequests& refused() const = 0;
  // Of the hosts that are expected to boot now.
  struct RefusedOfHost {
    std::string ns, name;
    RefusedRequests refused;
  };
  virtual std::vector<RefusedOfHost> refused_by_host() const = 0;
  virtual const BadAnswers& bad_answers() const = 0;  // of all BMCs
};

// `site` is the network of BMCs, agents and image servers (through proxies where configured); listeners use sys.net.
// `store` is read for the durable state of hosts, never written.
std::unique_ptr<StartedEngine> make_engine(sys::Sys& sys, sys::Net& site, store::Store& store, EngineOptions options);

}  // namespace metal
