// The client's side: streams and datagrams through the proxy that the first matching rule names.
#include <algorithm>

#include "base/text.h"
#include "net/proxy.h"
#include "net/socks5.h"
#include "sys/deadline.h"
#include "sys/fiber.h"
#include "wire/http1.h"

namespace net {
namespace {

using base::Code;
using base::Duration;
using base::Error;
using base::Result;
using sys::Address;

constexpr size_t read_bytes = 4096;
constexpr size_t head_bytes_max = 16u << 10;
constexpr size_t detail_bytes_max = 200;  // of an HTTP proxy's explanation
constexpr size_t datagram_bytes_max = 65507;
constexpr Duration association_limit = base::seconds(10);  // opening a UDP socket has no limit of its own

std::string text_of(const ProxyRule& rule) {
  return (rule.kind == ProxyRule::Kind::socks5 ? "proxy socks5://" : "proxy http://") + rule.proxy.text();
}

// A conversation with a proxy before bytes flow. Reads may take more than asked; the rest is the destination's.
class Dialogue {
 public:
  Dialogue(sys::Loop& loop, sys::Stream& stream, Duration limit) : stream_(stream), deadline_(loop, limit) {}
  Result<void> say(std::string_view bytes) { return stream_.write(bytes, deadline_.left()); }
  Result<void> more() {
    const std::string got = TRY(stream_.read(read_bytes, deadline_.left()));
    if (got.empty()) return base::unavailable("the proxy closed the connection during the handshake");
    buffer_ += got;
    return {};
  }
  Result<std::string> take(size_t bytes) {
    while (buffer_.size() < bytes) TRY(more());
    std::string taken = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return taken;
  }
  std::string& buffer() { return buffer_; }

 private:
  sys::Stream& stream_;
  sys::Deadline deadline_;
  std::string buffer_;
};

Error no_socks() { return base::unavailable("the answer is not SOCKS5").with_fix("check the proxy's kind and port"); }

Result<void> authenticate_socks(Dialogue& proxy, const ProxyRule& rule) {
  std::string offer{socks5::version, 1, socks5::method_none};
  if (!rule.user.empty()) offer = {socks5::version, 2, socks5::method_none, socks5::method_password};
  TRY(proxy.say(offer));
  const std::string chosen = TRY(proxy.take(2));
  if (chosen[0] != socks5::version) return no_socks();
  if (chosen[1] == socks5::method_none) return {};
  if (chosen[1] != socks5::method_password || rule.user.empty()) {
    return Error{Code::unauthenticated, rule.user.empty() ? "the proxy asks for a user name and password"
                                                          : "the proxy takes no user name and password"}
        .with_fix("write the credentials as socks5://user:password@host:port");
  }
  if (rule.user.size() > socks5::name_bytes_max || rule.password.size() > socks5::name_bytes_max)
    return base::invalid("user name and password have 255 bytes at most");
  std::string login{socks5::password_version, char(rule.user.size())};
  login.append(rule.user).append(1, char(rule.password.size())).append(rule.password);
  TRY(proxy.say(login));
  const std::string verdict = TRY(proxy.take(2));
  if (verdict[1] == 0) return {};
  return Error{Code::unauthenticated, "the proxy refused the user name or password"};
}

// The address that the proxy bound for the request.
Result<Address> ask_socks(Dialogue& proxy, char command, const Address& to) {
  std::string request{socks5::version, command, '\0'};
  TRY(socks5::append_address(request, to));
  TRY(proxy.say(request));
  const std::string head = TRY(proxy.take(3));
  if (head[0] != socks5::version) return no_socks();
  const auto reply = socks5::Reply(head[1]);
  // Some proxies close right after a refusal, without the address that should follow.
  if (reply != socks5::Reply::succeeded) {
    return Error{socks5::code_of(reply),
                 "the proxy answered: " + socks5::name_of(reply) + " (SOCKS reply " + std::to_string(int(reply)) + ")"};
  }
  Address bound;
  for (;;) {
    const size_t taken = TRY(socks5::take_address(proxy.buffer(), bound));
    if (taken > 0) {
      proxy.buffer().erase(0, taken);
      return bound;
    }
    TRY(proxy.more());
  }
}

// The first line of what came with a refusal, if it can be shown.
std::string detail_of(std::string_view body) {
  body = base::trim(body.substr(0, body.find_first_of("\r\n")));
  const bool plain = std::all_of(body.begin(), body.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  if (body.empty() || !plain || body.front() == '<' || body.front() == '{') return {};
  return ": " + std::string(body.substr(0, detail_bytes_max));
}

Error http_refusal(int status, std::string_view body) {
  Error error = base::unavailable("the proxy answered: " + std::to_string(status) + " " +
                                  std::string(wire::reason_phrase(status)) + detail_of(body));
  if (status == 407) {
    error.code = Code::unauthenticated;
    error.fix = "write the credentials as http://user:password@host:port";
  }
  if (status == 403) error.code = Code::forbidden;
  if (status == 405 || status == 501) error.code = Code::unsupported;
  if (status == 504) error.code = Code::timeout;
  return error;
}

Result<void> ask_http(Dialogue& proxy, const ProxyRule& rule, const Address& to) {
  const std::string target = to.text();
  if (!wire::valid_target(target)) return base::invalid("the destination is no host name");
  std::string head = "CONNECT " + target + " HTTP/1.1\r\n";
  wire::append_field(head, "Host", target);
  if (!rule.user.empty())
    wire::append_field(head, "Proxy-Authorization", "Basic " + base::base64(rule.user + ":" + rule.password));
  TRY(proxy.say(head + "\r\n"));
  size_t end = 0;
  while ((end = proxy.buffer().find("\r\n\r\n")) == std::string::npos) {
    if (proxy.buffer().size() > head_bytes_max) return base::unavailable("the proxy's answer has no end");
    TRY(proxy.more());
  }
  const std::string answer = TRY(proxy.take(end + 4));
  wire::Http1Parser parser(wire::Http1Parser::Side::response, {.head_bytes_max = head_bytes_max});
  parser.expect_no_body();
  if (auto parsed = parser.feed(answer); !parsed || parser.state() == wire::Http1Parser::State::head)
    return base::unavailable("the proxy's answer is not HTTP").with_fix("check the proxy's kind and port");
  const int status = parser.head().status;
  if (status / 100 != 2) return http_refusal(status, proxy.buffer());
  return {};
}

// A tunnel: to the destination by all appearances.
class ProxiedStream : public sys::Stream {
 public:
  ProxiedStream(std::unique_ptr<sys::Stream> tunnel, std::string early, Address peer)
      : tunnel_(std::move(tunnel)), early_(std::move(early)), peer_(std::move(peer)) {}
  Result<std::string> read(size_t bytes_max, Duration limit) override {
    if (early_.empty() || bytes_max == 0) return tunnel_->read(bytes_max, limit);
    std::string taken = early_.substr(0, bytes_max);
    early_.erase(0, taken.size());
    return taken;
  }
  Result<void> write(std::string_view bytes, Duration limit) override { return tunnel_->write(bytes, limit); }
  void close() override {
    early_.clear();
    tunnel_->close();
  }
  void finish_writes() override { tunnel_->finish_writes(); }
  Address peer() const override { return peer_; }
  Address local() const override { return tunnel_->local(); }
  const sys::TlsPeer* tls() const override { return tunnel_->tls(); }

 private:
  std::unique_ptr<sys::Stream> tunnel_;
  std::string early_;  // what came together with the proxy's answer
  Address peer_;
};

// A UDP association. The proxy ends it by closing the control connection, and so does this side.
struct Association {
  std::string proxy;
  std::unique_ptr<sys::Stream> control;
  std::unique_ptr<sys::Datagram> socket;
  Address relay;
  bool ended = false;

  void end() {
    ended = true;
    control->close();
    socket->close();
  }
  void watch() {
    for (;;) {
      const auto got = control->read(read_bytes, sys::no_limit);
      if (!got || got->empty()) break;
    }
    end();
  }
  bool from_relay(const Address& from) const {
    const bool named = !socks5::ip_bytes(relay.host);  // packets carry the address that the name stands for
    return from.port == relay.port && (named || socks5::ip_bytes(from.host) == socks5::ip_bytes(relay.host));
  }
};

class ProxiedDatagram : public sys::Datagram {
 public:
  ProxiedDatagram(sys::Loop& loop, std::shared_ptr<Association> association)
      : loop_(loop), association_(std::move(association)) {}
  ~ProxiedDatagram() override { association_->end(); }

  Result<void> send(const Address& to, std::string_view bytes) override {
    if (association_->ended) return gone();
    const std::string wrapped = TRY(socks5::wrap_relayed(to, bytes).context(association_->proxy));
    if (wrapped.size() > datagram_bytes_max)
      return Error{Code::too_large, "a datagram of " + std::to_string(bytes.size()) + " bytes does not fit through " +
                                        association_->proxy};
    return association_->socket->send(association_->relay, wrapped);
  }

  Result<sys::Packet> receive(Duration limit) override {
    const auto association = association_;
    const sys::Deadline deadline(loop_, limit);
    for (;;) {
      if (association->ended) return gone();
      auto packet = association->socket->receive(deadline.left());
      if (!packet && packet.error().code == Code::unavailable && association->ended) return gone();
      if (!packet) return std::move(packet).error();
      if (!association->from_relay(packet->from)) continue;
      const auto inner = socks5::parse_relayed(packet->bytes);
      if (inner) return sys::Packet{inner->address, std::string(inner->payload)};
    }
  }
  Address local() const override { return association_->socket->local(); }
  void close() override { association_->end(); }

 private:
  Error gone() const { return base::unavailable("the UDP association with " + association_->proxy + " has ended"); }
  sys::Loop& loop_;
  std::shared_ptr<Association> association_;
};

class ProxiedNet : public sys::Net {
 public:
  ProxiedNet(sys::Loop& loop, sys::Net& below, std::vector<ProxyRule> rules)
      : loop_(loop), below_(below), rules_(std::move(rules)) {}

  Result<std::unique_ptr<sys::Stream>> connect(const Address& to, Duration limit) override {
    const ProxyRule* rule = rule_for(to.host);
    if (rule == nullptr) return below_.connect(to, limit);
    return tunnel(*rule, to, limit).context(about(*rule, to));
  }
  Result<std::unique_ptr<sys::Listener>> listen(const Address& at) override { return below_.listen(at); }
  Result<std::unique_ptr<sys::Datagram>> open_udp(const Address& at, const Address& toward) override {
    const ProxyRule* rule = toward.host.empty() ? nullptr : rule_for(toward.host);
    if (rule == nullptr) return below_.open_udp(at, toward);
    if (rule->kind == ProxyRule::Kind::http_connect) {
      return Error{Code::unsupported, about(*rule, toward) + ": UDP does not go through HTTP CONNECT"}.with_fix(
          "use SOCKS5 for this destination: a socks5:// rule in front of this one");
    }
    return associate(*rule, at).context(about(*rule, toward));
  }
  Result<std::unique_ptr<sys::Stream>> start_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsClient& options,
                                                 Duration limit) override {
    return below_.start_tls(std::move(stream), options, limit);
  }
  Result<std::unique_ptr<sys::Stream>> accept_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsServer& options,
                                                  Duration limit) override {
    return below_.accept_tls(std::move(stream), options, limit);
  }

 private:
  // Null: directly.
  const ProxyRule* rule_for(const std::string& host) const {
    for (const ProxyRule& rule : rules_) {
      for (const std::string& pattern : rule.destinations) {
        if (destination_matches(pattern, host)) return rule.kind == ProxyRule::Kind::direct ? nullptr : &rule;
      }
    }
    return nullptr;
  }
  static std::string about(const ProxyRule& rule, const Address& to) {
    return text_of(rule) + ", destination " + to.text();
  }

  Result<std::unique_ptr<sys::Stream>> reach(const ProxyRule& rule, Duration limit) {
    auto stream = below_.connect(rule.proxy, limit);
    if (stream || stream.error().code == Code::cancelled) return stream;
    return std::move(stream).error().context("the proxy itself").with_fix("check that the proxy runs and its address");
  }

  Result<std::unique_ptr<sys::Stream>> tunnel(const ProxyRule& rule, const Address& to, Duration limit) {
    const sys::Deadline deadline(loop_, limit);
    auto stream = TRY(reach(rule, limit));
    Dialogue proxy(loop_, *stream, deadline.left());
    if (rule.kind == ProxyRule::Kind::http_connect) {
      TRY(ask_http(proxy, rule, to));
    } else {
      TRY(authenticate_socks(proxy, rule));
      TRY(ask_socks(proxy, socks5::command_connect, to));
    }
    return std::unique_ptr<sys::Stream>(
        std::make_unique<ProxiedStream>(std::move(stream), std::move(proxy.buffer()), to));
  }

  Result<std::unique_ptr<sys::Datagram>> associate(const ProxyRule& rule, const Address& at) {
    const sys::Deadline deadline(loop_, association_limit);
    auto association = std::make_shared<Association>();
    association->proxy = text_of(rule);
    association->control = TRY(reach(rule, association_limit));
    Dialogue proxy(loop_, *association->control, deadline.left());
    TRY(authenticate_socks(proxy, rule));
    // All zero: the port is not known yet, and would be another one behind address translation (RFC 1928 section 4).
    association->relay = TRY(ask_socks(proxy, socks5::command_udp_associate, {}));
    const auto ip = socks5::ip_bytes(association->relay.host);
    if (ip && ip->find_first_not_of('\0') == std::string::npos) association->relay.host = rule.proxy.host;
    association->socket = TRY(below_.open_udp(local_for(at, *association), association->relay));
    sys::spawn(loop_, "proxy association", [association] { association->watch(); });
    return std::unique_ptr<sys::Datagram>(std::make_unique<ProxiedDatagram>(loop_, std::move(association)));
  }

  // Datagrams have to come from the address that the control connection comes from.
  static Address local_for(const Address& at, const Association& association) {
    if (!at.host.empty()) return at;
    const std::string own = association.control->local().host;
    const auto ip = socks5::ip_bytes(own), relay = socks5::ip_bytes(association.relay.host);
    return {ip && relay && ip->size() == relay->size() ? own : std::string(), at.port};
  }

  sys::Loop& loop_;
  sys::Net& below_;
  std::vector<ProxyRule> rules_;
};

}  // namespace

std::unique_ptr<sys::Net> make_proxied_net(sys::Loop& loop, sys::Net& below, std::vector<ProxyRule> rules) {
  return std::make_unique<ProxiedNet>(loop, below, std::move(rules));
}

}  // namespace net
