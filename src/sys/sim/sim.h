// A machine room in one process on virtual time: a seeded world with a network segment, disks that survive a process
// crash, and faults. Several "processes" (manager, rack) get a Sys each, all on one loop, so one thread runs it all and
// a seed replays byte for byte.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sys/sys.h"

namespace sys {

// How the network misbehaves; all probabilities per event, decided by the world's seed.
struct NetFaults {
  double connect_refused = 0;  // a connect fails with unavailable
  double stream_reset = 0;     // a write ends the stream with unavailable
  double datagram_lost = 0;
  base::Duration latency_min = base::microseconds(200);
  base::Duration latency_max = base::milliseconds(2);
};

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed, base::Time start = base::Time(base::hours(24 * 365 * 56)));
  ~SimWorld();

  Loop& loop();
  Random& random();     // the world's own stream, for the model (not the product)
  NetFaults& faults();  // may be changed at any time
  // True while `host` answers nobody: connects time out, datagrams vanish, open streams stall until their limit.
  void set_unreachable(const std::string& host, bool unreachable);

  // A process living at `host` (its source address; listeners may also bind any other address in the world). Its Sys
  // stays valid until the world ends; its loop is a part of loop(). Connecting to a host that does not exist fails with
  // unavailable (no route) for an IP address and not_found for a name. Streams and listeners it opened are closed by
  // kill(). Disks are keyed by `disk`: a restarted process that names the same disk finds its files, without what was
  // not yet durable.
  Sys& process(const std::string& host, const std::string& disk);
  // kill -9: closes all its sockets, cancels its fibers and timers made through its Sys, forgets unsynced writes.
  // Its fibers have run to their end when this returns (all calls of its Sys return cancelled meanwhile), so the
  // objects they use may be destroyed next. The Sys must not be used afterwards; ask for process() again to restart.
  void kill(Sys& process);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A network segment on any loop, real time included: `ingot rack` keeps its servers' addresses in one, and its proxy
// bridges real sockets into it. Names may be bound too ("images.example.com"). Addresses nobody listens on are passed
// to `uplink` when given (datagrams are not), else refused. TLS works as in Net, without encryption inside the segment.
// It has no address of its own, so its listeners need a host. `uplink` must outlive it.
std::unique_ptr<Net> make_segment(Loop& loop, Random& random, Net* uplink);

// The network as one host sees it: connections come from its address, a listener on "" or "0.0.0.0" binds that address,
// and 127.0.0.1 is the host itself. `segment` is a Net from make_segment or of a SimWorld process; views may outlive
// it.
class HostNet : public Net {
 public:
  // What pulling the plug does: closes all sockets opened through it. It may be used again afterwards.
  virtual void close_all() = 0;
};
std::unique_ptr<HostNet> make_host_view(Net& segment, std::string host);

// For a bridge from outside, such as a proxy server on real sockets: the clients behind it encrypt for real, and so
// does start_tls of this view. accept_tls of every view tells real TLS from the simulation's by its first bytes, so a
// server in the segment needs no special handling to talk to both.
std::unique_ptr<Net> make_foreign_view(Net& segment);

}  // namespace sys
