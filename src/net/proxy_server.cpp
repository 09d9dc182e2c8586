// The proxy: one fiber per connection until it flows, then one per direction. It asks for no password: bind it where
// only those who may reach the inside can connect.
#include <functional>
#include <map>

#include "base/log.h"
#include "net/proxy.h"
#include "net/proxy_handshake.h"
#include "net/socks5.h"
#include "sys/deadline.h"
#include "sys/fiber.h"

namespace net {
namespace {

using base::Code;
using base::Duration;
using base::Error;
using base::Result;
using sys::Address;

constexpr size_t read_bytes = 64u << 10;
constexpr size_t handshake_read_bytes = 4096;
constexpr size_t connections_max = 1024;
constexpr size_t associations_max = 256;
constexpr Duration handshake_limit = base::seconds(10);
constexpr Duration connect_limit = base::seconds(30);
constexpr Duration idle_check = base::seconds(300);  // how long one direction outlives the other without a byte
constexpr Duration accept_pause = base::milliseconds(100);

struct State : std::enable_shared_from_this<State> {
  State(sys::Loop& l, sys::Net& out, sys::Net& in) : loop(l), outside(out), inside(in) {}

  // Once stopping, the two networks may be gone; fibers that still unwind must not use them.
  sys::Loop& loop;
  sys::Net& outside;
  sys::Net& inside;
  std::unique_ptr<sys::Listener> listener;
  std::map<uint64_t, sys::Fiber> fibers;
  uint64_t next_fiber = 1;
  size_t connections = 0, associations = 0;
  bool stopping = false;

  void run(std::string name, std::function<void()> body) {
    const uint64_t id = next_fiber++;
    fibers[id] = sys::spawn(loop, std::move(name), [self = shared_from_this(), id, body = std::move(body)] {
      if (!self->stopping) body();
      self->fibers.erase(id);
    });
  }
  void stop() {
    stopping = true;
    listener->close();
    for (auto& [id, fiber] : std::map(fibers)) fiber.cancel();
  }
  void accept_all();
  void serve(const std::shared_ptr<sys::Stream>& client);
  void serve_connect(const std::shared_ptr<sys::Stream>& client, ProxyHandshake& handshake);
  void serve_associate(const std::shared_ptr<sys::Stream>& client, const ProxyHandshake& handshake);
};

struct Tunnel {
  std::shared_ptr<sys::Stream> client, target;
  bool half_closed = false;
  void close() {
    client->close();
    target->close();
  }
};

// One direction. The orderly end is passed on and leaves the other direction open; anything else ends both.
void pump(Tunnel& tunnel, sys::Stream& from, sys::Stream& to) {
  for (;;) {
    auto bytes = from.read(read_bytes, idle_check);
    if (!bytes && bytes.error().code == Code::timeout && !tunnel.half_closed) continue;
    if (!bytes) return tunnel.close();
    if (bytes->empty()) break;
    if (!to.write(*bytes, sys::no_limit)) return tunnel.close();
  }
  if (tunnel.half_closed) return tunnel.close();
  tunnel.half_closed = true;
  to.finish_writes();
}

// Relays datagrams between one client and whomever it names inside.
struct Relay : std::enable_shared_from_this<Relay> {
  std::shared_ptr<State> state;
  std::string client_host;  // only from here, and to the port that spoke first
  std::optional<Address> client;
  std::unique_ptr<sys::Datagram> outer;
  std::unique_ptr<sys::Datagram> inner[2];  // for IPv6, for everything else
  bool closed = false;

  void close() {
    closed = true;
    outer->close();
    for (auto& socket : inner) {
      if (socket) socket->close();
    }
  }
  bool is_client(const Address& from) {
    if (client) return *client == from;
    const auto expected = socks5::ip_bytes(client_host);
    if (expected ? socks5::ip_bytes(from.host) != expected : from.host != client_host) return false;
    client = from;
    return true;
  }
  // Null when there is none to be had.
  sys::Datagram* inner_for(const Address& to) {
    auto& socket = inner[to.host.find(':') == std::string::npos ? 1 : 0];
    if (socket || closed || state->stopping) return socket.get();
    auto opened = state->inside.open_udp({}, to);
    if (!opened) {
      base::log::warn("proxy: no socket for datagrams", {{"to", to.text()}, {"error", opened.error().text()}});
      return nullptr;
    }
    socket = std::move(*opened);
    state->run("proxy datagrams in", [self = shared_from_this(), from = socket.get()] { self->answers(*from); });
    return socket.get();
  }
  void requests() {
    while (!closed) {
      const auto packet = outer->receive(sys::no_limit);
      if (!packet) return;
      const auto relayed = socks5::parse_relayed(packet->bytes);
      if (!relayed || relayed->address.port == 0 || !is_client(packet->from)) continue;
      sys::Datagram* socket = inner_for(relayed->address);
      if (socket != nullptr) (void)socket->send(relayed->address, relayed->payload);
    }
  }
  void answers(sys::Datagram& from) {
    while (!closed) {
      const auto packet = from.receive(sys::no_limit);
      if (!packet) return;
      const auto wrapped = socks5::wrap_relayed(packet->from, packet->bytes);
      if (wrapped && client) (void)outer->send(*client, *wrapped);
    }
  }
};

void State::accept_all() {
  while (!stopping) {
    auto stream = listener->accept();
    if (!stream) {
      if (stream.error().code == Code::cancelled || stopping) return;
      base::log::warn("proxy: cannot accept a connection", {{"error", stream.error().text()}});
      if (!sys::sleep(loop, accept_pause)) return;
      continue;
    }
    if (connections >= connections_max) continue;  // closes it
    ++connections;
    run("proxy", [self = this, client = std::shared_ptr<sys::Stream>(std::move(*stream))] {
      self->serve(client);
      --self->connections;
    });
  }
}

void State::serve(const std::shared_ptr<sys::Stream>& client) {
  const sys::Deadline deadline(loop, handshake_limit);
  ProxyHandshake handshake;
  while (handshake.state() == ProxyHandshake::State::reading) {
    const auto bytes = client->read(handshake_read_bytes, deadline.left());
    if (!bytes || bytes->empty()) return;
    const std::string answer = handshake.feed(*bytes);
    if (!answer.empty() && !client->write(answer, deadline.left())) return;
  }
  if (stopping) return;
  if (handshake.state() == ProxyHandshake::State::connect) serve_connect(client, handshake);
  if (handshake.state() == ProxyHandshake::State::associate) serve_associate(client, handshake);
}

void State::serve_connect(const std::shared_ptr<sys::Stream>& client, ProxyHandshake& handshake) {
  auto target = inside.connect(handshake.to(), connect_limit);
  if (!target) {
    if (target.error().code != Code::cancelled) (void)client->write(handshake.failed(target.error()), handshake_limit);
    return;
  }
  auto tunnel = std::make_shared<Tunnel>();
  tunnel->client = client;
  tunnel->target = std::move(*target);
  if (!client->write(handshake.accepted(tunnel->target->local()), handshake_limit)) return;
  const std::string early = handshake.take_rest();
  if (!early.empty() && !tunnel->target->write(early, connect_limit)) return;
  if (stopping) return;
  run("proxy answers", [tunnel] { pump(*tunnel, *tunnel->target, *tunnel->client); });
  pump(*tunnel, *tunnel->client, *tunnel->target);
}

void State::serve_associate(const std::shared_ptr<sys::Stream>& client, const ProxyHandshake& handshake) {
  const auto refuse = [&](const Error& why) { (void)client->write(handshake.failed(why), handshake_limit); };
  if (associations >= associations_max) return refuse({Code::too_large, "too many UDP associations"});
  auto relay = std::make_shared<Relay>();
  auto outer = outside.open_udp({client->local().host, 0}, client->peer());
  if (!outer) return refuse(outer.error());
  relay->state = shared_from_this();
  relay->client_host = client->peer().host;
  relay->outer = std::move(*outer);
  ++associations;
  run("proxy datagrams out", [relay] { relay->requests(); });
  // The association lives as long as this connection, on which nothing more is said (RFC 1928 section 7).
  if (client->write(handshake.accepted(relay->outer->local()), handshake_limit)) {
    for (;;) {
      const auto bytes = client->read(handshake_read_bytes, sys::no_limit);
      if (!bytes || bytes->empty()) break;
    }
  }
  relay->close();
  --associations;
}

class Server : public ProxyServer {
 public:
  explicit Server(std::shared_ptr<State> state) : state_(std::move(state)), local_(state_->listener->local()) {}
  ~Server() override { state_->stop(); }
  Address local() const override { return local_; }

 private:
  std::shared_ptr<State> state_;
  Address local_;
};

}  // namespace

Result<std::unique_ptr<ProxyServer>> start_proxy_server(sys::Loop& loop, sys::Net& outside, sys::Net& inside,
                                                        const Address& at) {
  auto state = std::make_shared<State>(loop, outside, inside);
  state->listener = TRY(outside.listen(at).context("proxy at " + at.text()));
  state->run("proxy accept", [self = state.get()] { self->accept_all(); });
  return std::unique_ptr<ProxyServer>(std::make_unique<Server>(std::move(state)));
}

}  // namespace net
