// Listeners, datagrams and the Net of a segment's hosts.
#include <utility>

#include "sys/deadline.h"
#include "sys/real/tls_stream.h"
#include "sys/sim/segment.h"

namespace sys {

namespace {
constexpr size_t backlog_max = 1024;
constexpr size_t datagram_bytes_max = 65507;
constexpr size_t datagrams_queued_max = 1024;
constexpr Duration syn_limit = base::seconds(127);     // how long Linux tries to connect
constexpr Duration no_route_limit = base::seconds(3);  // how long it asks for a neighbour
}  // namespace

struct ListenerState : Socket {
  ListenerState(std::shared_ptr<Segment> in, std::shared_ptr<Owner> by, Address where)
      : segment(std::move(in)), owner(std::move(by)), at(std::move(where)), arrived(segment->loop()) {}
  void end() override {
    if (std::exchange(closed, true)) return;
    segment->listeners.erase(at);
    segment->remove_host(at.host);
    arrived.set();
    waiting.clear();
  }
  std::shared_ptr<Segment> segment;
  std::shared_ptr<Owner> owner;
  Address at;      // in the segment's spelling
  Address spoken;  // as local() says it
  bool wildcard = false;
  bool closed = false;
  std::deque<std::unique_ptr<Stream>> waiting;
  Signal arrived;
};

struct DatagramState : Socket {
  DatagramState(std::shared_ptr<Segment> in, std::shared_ptr<Owner> by, Address where)
      : segment(std::move(in)), owner(std::move(by)), at(std::move(where)), arrived(segment->loop()) {}
  void end() override {
    if (std::exchange(closed, true)) return;
    segment->datagrams.erase(at);
    segment->remove_host(at.host);
    arrived.set();
  }
  std::shared_ptr<Segment> segment;
  std::shared_ptr<Owner> owner;
  Address at;
  Address spoken;
  bool wildcard = false;
  bool closed = false;
  std::deque<Packet> waiting;
  Signal arrived;
};

namespace {

template <class State>
State* socket_at(const std::map<Address, State*>& bound, const Address& to) {
  if (const auto found = bound.find(to); found != bound.end()) return found->second;
  // A host's loopback also reaches what is bound to all its addresses.
  const std::string suffix = loopback_of("");
  if (!to.host.ends_with(suffix)) return nullptr;
  const auto found = bound.find({to.host.substr(0, to.host.size() - suffix.size()), to.port});
  return found != bound.end() && found->second->wildcard ? found->second : nullptr;
}

class SegmentListener : public Listener {
 public:
  explicit SegmentListener(std::shared_ptr<ListenerState> state) : state_(std::move(state)) {
    id_ = state_->owner->add(state_);
  }
  ~SegmentListener() override { close(); }
  Result<std::unique_ptr<Stream>> accept() override {
    const auto state = state_;
    for (;;) {
      if (state->closed || state->owner->dead) return base::cancelled();
      if (!state->waiting.empty()) break;
      state->arrived.clear();
      TRY(state->arrived.wait());
    }
    auto stream = std::move(state->waiting.front());
    state->waiting.pop_front();
    return stream;
  }
  Address local() const override { return state_->spoken; }
  void close() override {
    state_->owner->sockets.erase(id_);
    state_->end();
  }

 private:
  std::shared_ptr<ListenerState> state_;
  uint64_t id_ = 0;
};

class SegmentDatagram : public Datagram {
 public:
  explicit SegmentDatagram(std::shared_ptr<DatagramState> state) : state_(std::move(state)) {
    id_ = state_->owner->add(state_);
  }
  ~SegmentDatagram() override { close(); }

  Result<void> send(const Address& to, std::string_view bytes) override {
    if (state_->owner->dead) return base::cancelled();
    if (state_->closed) return base::unavailable("the datagram socket is closed");
    if (bytes.size() > datagram_bytes_max) return Error{base::Code::too_large, "a datagram holds 65507 bytes at most"};
    const auto segment = state_->segment;
    const Address target{host_key(to.host, state_->owner->host), to.port};
    if (segment->happens(&NetFaults::datagram_lost)) return {};
    segment->loop().after(segment->latency(), [segment, from = state_->spoken, target, text = std::string(bytes)] {
      DatagramState* receiver = segment->datagram_at(target);
      if (receiver == nullptr || !segment->reachable(from.host, target.host)) return;
      if (receiver->waiting.size() >= datagrams_queued_max) return;
      receiver->waiting.push_back({from, text});
      receiver->arrived.set();
    });
    return {};
  }

  Result<Packet> receive(Duration limit) override {
    const auto state = state_;
    const Deadline deadline(state->segment->loop(), limit);
    for (;;) {
      if (state->owner->dead) return base::cancelled();
      if (state->closed) return base::unavailable("the datagram socket is closed");
      if (!state->waiting.empty()) break;
      state->arrived.clear();
      if (auto waited = state->arrived.wait_for(deadline.left()); !waited) {
        if (waited.error().code == base::Code::timeout) return base::timeout("no datagram arrived");
        return std::move(waited).error();
      }
    }
    Packet packet = std::move(state->waiting.front());
    state->waiting.pop_front();
    return packet;
  }
  Address local() const override { return state_->spoken; }
  void close() override {
    state_->owner->sockets.erase(id_);
    state_->end();
  }

 private:
  std::shared_ptr<DatagramState> state_;
  uint64_t id_ = 0;
};

}  // namespace

ListenerState* Segment::listener_at(const Address& to) const { return socket_at(listeners, to); }
DatagramState* Segment::datagram_at(const Address& to) const { return socket_at(datagrams, to); }

SegmentNet::SegmentNet(std::shared_ptr<Segment> segment, std::string host, bool foreign)
    : segment_(std::move(segment)), owner_(std::make_shared<Owner>()) {
  owner_->host = host.empty() ? host : host_key(host, "");
  owner_->foreign = foreign;
  if (!owner_->host.empty()) segment_->add_host(owner_->host);
}

SegmentNet::~SegmentNet() {
  if (!owner_->host.empty()) segment_->remove_host(owner_->host);
}

void SegmentNet::kill() {
  owner_->dead = true;
  owner_->end_all();
}

Result<Address> SegmentNet::place(const Address& at) {
  if (owner_->dead) return base::cancelled();
  Address placed = at;
  if (is_wildcard(at.host)) {
    if (owner_->host.empty()) return base::invalid("this network has no address of its own: name the host to bind");
    placed.host = owner_->host;
  } else {
    placed.host = host_key(at.host, owner_->host);
  }
  if (placed.port == 0) placed.port = segment_->free_port(placed.host);
  if (placed.port == 0) return base::unavailable("no free port at " + placed.host);
  return placed;
}

Result<std::unique_ptr<Listener>> SegmentNet::listen(const Address& at) {
  const Address placed = TRY(place(at));
  if (segment_->listener_at(placed) != nullptr) {
    return Error{base::Code::already_exists, "address " + at.text() + " is in use"};
  }
  auto state = std::make_shared<ListenerState>(segment_, owner_, placed);
  state->wildcard = is_wildcard(at.host);
  state->spoken = {state->wildcard ? placed.host : at.host, placed.port};
  segment_->listeners.emplace(placed, state.get());
  segment_->add_host(placed.host);
  return std::unique_ptr<Listener>(std::make_unique<SegmentListener>(std::move(state)));
}

Result<std::unique_ptr<Datagram>> SegmentNet::open_udp(const Address& at, const Address&) {
  Address wanted = at;
  // A client's socket in a network without an own address: any name serves, as only answers come back to it.
  if (is_wildcard(at.host) && owner_->host.empty()) wanted.host = "client";
  const Address placed = TRY(place(wanted));
  if (segment_->datagram_at(placed) != nullptr) {
    return Error{base::Code::already_exists, "address " + at.text() + " is in use"};
  }
  auto state = std::make_shared<DatagramState>(segment_, owner_, placed);
  state->wildcard = is_wildcard(wanted.host);
  state->spoken = {state->wildcard ? placed.host : wanted.host, placed.port};
  segment_->datagrams.emplace(placed, state.get());
  segment_->add_host(placed.host);
  return std::unique_ptr<Datagram>(std::make_unique<SegmentDatagram>(std::move(state)));
}

Result<std::unique_ptr<Stream>> SegmentNet::nobody(const Address& to, const Address& asked, Duration limit) {
  if (segment_->uplink() != nullptr) return segment_->uplink()->connect(asked, limit);
  if (segment_->is_world() && !segment_->knows(to.host) && !to.host.ends_with(loopback_of(""))) {
    if (asked.host.find_first_not_of("0123456789.") != std::string::npos && asked.host.find(':') == std::string::npos) {
      return base::not_found("no such host: " + asked.host);
    }
    TRY(sleep(segment_->loop(), std::min(limit, no_route_limit)));
    if (limit < no_route_limit) return base::timeout("connecting to " + asked.text() + " took too long");
    return base::unavailable("no route to host " + asked.text());
  }
  return base::unavailable("connection to " + asked.text() + " refused");
}

Result<std::unique_ptr<Stream>> SegmentNet::connect(const Address& asked, Duration limit) {
  if (owner_->dead) return base::cancelled();
  const auto owner = owner_;
  const auto segment = segment_;
  const Address to{host_key(asked.host, owner->host), asked.port};
  const bool to_self = to.host.ends_with(loopback_of(""));
  const Address from{to_self ? to.host : owner->host, segment->free_port(owner->host)};
  const Duration round_trip = segment->latency() + segment->latency();
  const bool answered = segment->reachable(from.host, to.host);
  const Duration wait = answered ? round_trip : syn_limit;
  if (wait > Duration::zero()) TRY(sleep(segment->loop(), std::min(limit, wait)));
  if (owner->dead) return base::cancelled();
  if (!answered || limit < wait || !segment->reachable(from.host, to.host)) {
    return base::timeout("connecting to " + asked.text() + " took too long");
  }
  if (segment->happens(&NetFaults::connect_refused))
    return base::unavailable("connection to " + asked.text() + " refused");
  ListenerState* listener = segment->listener_at(to);
  if (listener == nullptr) return nobody(to, asked, limit);
  if (listener->waiting.size() >= backlog_max) return base::unavailable(asked.text() + " accepts no more connections");
  const std::string from_spoken = to_self ? "127.0.0.1" : (from.host.empty() ? "0.0.0.0" : from.host);
  auto connection = std::make_shared<Connection>(segment, Connection::End{{from_spoken, from.port}, from.host},
                                                 Connection::End{asked, to.host});
  listener->waiting.push_back(std::make_unique<SegmentStream>(connection, 1, listener->owner));
  listener->arrived.set();
  return std::unique_ptr<Stream>(std::make_unique<SegmentStream>(connection, 0, owner));
}

namespace {
// Null when the stream is of another network.
std::unique_ptr<SegmentStream> as_segment_stream(std::unique_ptr<Stream>& stream) {
  auto* own = dynamic_cast<SegmentStream*>(stream.get());
  if (own == nullptr) return nullptr;
  stream.release();
  return std::unique_ptr<SegmentStream>(own);
}
}  // namespace

Result<std::unique_ptr<Stream>> SegmentNet::start_tls(std::unique_ptr<Stream> stream, const TlsClient& options,
                                                      Duration limit) {
  if (owner_->dead) return base::cancelled();
  if (auto own = as_segment_stream(stream)) {
    if (own->foreign()) return tls_client_over(segment_->loop(), std::move(own), options, limit);
    return start_segment_tls(std::move(own), options, limit);
  }
  if (segment_->uplink() != nullptr) return segment_->uplink()->start_tls(std::move(stream), options, limit);
  return tls_client_over(segment_->loop(), std::move(stream), options, limit);
}

Result<std::unique_ptr<Stream>> SegmentNet::accept_tls(std::unique_ptr<Stream> stream, const TlsServer& options,
                                                       Duration limit) {
  if (owner_->dead) return base::cancelled();
  if (auto own = as_segment_stream(stream)) return accept_segment_tls(std::move(own), options, limit);
  return tls_server_over(segment_->loop(), std::move(stream), options, limit);
}

namespace {
SegmentNet& as_segment(Net& net) {
  auto* segment = dynamic_cast<SegmentNet*>(&net);
  CHECK_THAT(segment != nullptr, "a view needs a Net that make_segment or SimWorld made");
  return *segment;
}
}  // namespace

std::unique_ptr<Net> make_segment(Loop& loop, Random& random, Net* uplink) {
  return std::make_unique<SegmentNet>(std::make_shared<Segment>(loop, random, uplink, nullptr), "", false);
}

std::unique_ptr<HostNet> make_host_view(Net& segment, std::string host) {
  return std::make_unique<SegmentNet>(as_segment(segment).segment(), std::move(host), false);
}

std::unique_ptr<Net> make_foreign_view(Net& segment) {
  return std::make_unique<SegmentNet>(as_segment(segment).segment(), "", true);
}

}  // namespace sys
