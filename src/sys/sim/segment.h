// The in-process network: which sockets are bound where, and how bytes travel between them. Private to src/sys; the
// public face is Net through make_segment, make_host_view and SimWorld.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "sys/fiber.h"
#include "sys/sim/certificate_memo.h"
#include "sys/sim/sim.h"

namespace sys {

class Segment;

// Something a host has open. Ended by close, by the host's power-off or by the death of its process.
class Socket {
 public:
  virtual ~Socket() = default;
  virtual void end() = 0;  // idempotent
};

// Who opened sockets: a host, or a process on it. Shared by the view and its sockets.
struct Owner {
  std::string host;      // empty: none of its own
  bool dead = false;     // its process was killed: every call returns cancelled
  bool foreign = false;  // a bridge to outside: TLS is encrypted for real
  std::map<uint64_t, std::weak_ptr<Socket>> sockets;
  uint64_t next_id = 1;
  uint64_t add(const std::shared_ptr<Socket>& socket);
  void end_all();
};

// Both directions of a TCP connection; side 0 connected, side 1 accepted.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct End {
    Address at;        // as peer() and local() say it
    std::string host;  // in the segment's spelling
  };
  Connection(std::shared_ptr<Segment> segment, End from, End to);

  struct Chunk {
    Time due;
    std::string bytes;
    bool end = false;  // orderly end of the direction
    bool half = false;
  };
  struct Pipe {
    explicit Pipe(Loop& loop) : readable(loop), writable(loop) { writable.set(); }
    std::deque<Chunk> wire;         // under way
    std::deque<std::string> ready;  // to be read
    size_t front_used = 0;          // of ready's first
    size_t bytes = 0;               // in both
    bool ended = false;             // the end was delivered
    bool half = false;              // and it was a half-close: the other side still reads
    bool timer_set = false;
    Time last_due;
    Signal readable, writable;
  };

  bool room(int side) const;
  void send(int side, std::string bytes, bool end);  // from that side
  void reset();
  void close(int side);
  void finish(int side);  // half-close
  void deliver(int to_side);  // what is due
  Pipe& inward(int side) { return *pipes_[side]; }
  Pipe& outward(int side) { return *pipes_[1 - side]; }
  const Address& end(int side) const { return ends_[side].at; }
  bool is_reset() const { return reset_; }
  bool is_closed(int side) const { return closed_[side]; }
  bool is_finished(int side) const { return finished_[side]; }
  Segment& segment() { return *segment_; }

 private:
  void update(Pipe& pipe);
  std::shared_ptr<Segment> segment_;
  End ends_[2];
  std::unique_ptr<Pipe> pipes_[2];  // by the reading side
  bool closed_[2] = {false, false};
  bool finished_[2] = {false, false};
  bool reset_ = false;
};

struct ListenerState;
struct DatagramState;

class Segment : public std::enable_shared_from_this<Segment> {
 public:
  Segment(Loop& loop, Random& random, Net* uplink, NetFaults* faults)
      : loop_(loop), random_(random), uplink_(uplink), faults_(faults) {}

  Loop& loop() { return loop_; }
  Net* uplink() { return uplink_; }
  CertificateMemo& certificates() { return certificates_; }
  bool is_world() const { return faults_ != nullptr; }

  Duration latency();  // of one packet; zero without faults
  bool happens(double NetFaults::*fault);
  bool reachable(const std::string& host, const std::string& other_host) const;
  void set_unreachable(const std::string& host, bool unreachable);
  void stall(const std::shared_ptr<Connection>& connection) { stalled_.push_back(connection); }

  // Hosts that exist: those with a view or a bound socket.
  void add_host(const std::string& host) { ++hosts_[host]; }
  void remove_host(const std::string& host);
  bool knows(const std::string& host) const { return hosts_.contains(host); }

  ListenerState* listener_at(const Address& to) const;
  DatagramState* datagram_at(const Address& to) const;
  uint16_t free_port(const std::string& host);  // 0 when there is none

  std::map<Address, ListenerState*> listeners;
  std::map<Address, DatagramState*> datagrams;

 private:
  Loop& loop_;
  Random& random_;
  Net* uplink_;
  NetFaults* faults_;
  CertificateMemo certificates_;
  std::set<std::string> unreachable_;
  std::map<std::string, int> hosts_;
  std::map<std::string, uint16_t> last_port_;
  std::vector<std::weak_ptr<Connection>> stalled_;
};

// A socket's address inside the segment: IPv6 in one spelling, names in lower case, and each host's loopback apart from
// the others'.
std::string host_key(const std::string& host, const std::string& own_host);
bool is_wildcard(const std::string& host);
std::string loopback_of(const std::string& own_host);

// One end of a Connection.
class SegmentStream : public Stream {
 public:
  SegmentStream(std::shared_ptr<Connection> connection, int side, std::shared_ptr<Owner> owner);
  ~SegmentStream() override;
  Result<std::string> read(size_t bytes_max, Duration limit) override;
  Result<void> write(std::string_view bytes, Duration limit) override;
  void close() override;
  void finish_writes() override { connection_->finish(side_); }
  Address peer() const override { return connection_->end(1 - side_); }
  Address local() const override { return connection_->end(side_); }
  const TlsPeer* tls() const override { return tls_.get(); }

  void unread(std::string bytes);  // gives back what the handshake read too much
  void set_tls(TlsPeer peer) { tls_ = std::make_unique<TlsPeer>(std::move(peer)); }
  bool foreign() const { return owner_->foreign; }
  Segment& segment() { return connection_->segment(); }
  Loop& loop() { return segment().loop(); }

 private:
  Result<void> usable() const;
  std::shared_ptr<Connection> connection_;
  int side_;
  std::shared_ptr<Owner> owner_;
  std::shared_ptr<Socket> socket_;
  uint64_t id_;
  std::unique_ptr<TlsPeer> tls_;
};

// segment_tls.cpp: the handshake as messages on the stream, without encryption.
Result<std::unique_ptr<Stream>> start_segment_tls(std::unique_ptr<SegmentStream> stream, const TlsClient& options,
                                                  Duration limit);
Result<std::unique_ptr<Stream>> accept_segment_tls(std::unique_ptr<SegmentStream> stream, const TlsServer& options,
                                                   Duration limit);

// The Net of one host (or of none, with an empty name).
class SegmentNet : public HostNet {
 public:
  SegmentNet(std::shared_ptr<Segment> segment, std::string host, bool foreign);
  ~SegmentNet() override;
  Result<std::unique_ptr<Stream>> connect(const Address& to, Duration limit) override;
  Result<std::unique_ptr<Listener>> listen(const Address& at) override;
  Result<std::unique_ptr<Datagram>> open_udp(const Address& at, const Address& toward) override;
  Result<std::unique_ptr<Stream>> start_tls(std::unique_ptr<Stream> stream, const TlsClient& options,
                                            Duration limit) override;
  Result<std::unique_ptr<Stream>> accept_tls(std::unique_ptr<Stream> stream, const TlsServer& options,
                                             Duration limit) override;
  void close_all() override { owner_->end_all(); }

  void kill();  // close_all, and every later call returns cancelled
  const std::shared_ptr<Segment>& segment() const { return segment_; }

 private:
  Result<Address> place(const Address& at);  // where a socket bound to `at` is, with a port
  Result<std::unique_ptr<Stream>> nobody(const Address& to, const Address& asked, Duration limit);
  std::shared_ptr<Segment> segment_;
  std::shared_ptr<Owner> owner_;
};

}  // namespace sys
